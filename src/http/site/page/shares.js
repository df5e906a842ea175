// Ways to state positivity, and the share of a window by one of them.

/** Ways to state positivity: both sides of the fraction, and whether it has an interval. */
export const METHODS = {
  tests_over_tests: { top: "positive_tests", bottom: "conclusive_tests", interval: true },
  tubes_over_tubes: { top: "positive_tubes", bottom: "conclusive_tubes", interval: true },
  people_over_people: { top: "people_positive", bottom: "people_tested", interval: true },
  people_over_tests: { top: "people_positive", bottom: "conclusive_tests", interval: false },
};

/** Value, interval and both sides of the fraction of a window; null when it has none. */
export function shareOf(windows, days, method) {
  const of = windows?.find((window) => window.days === days);
  const found = of?.[method];
  if (found === null || found === undefined) return null;
  const { top, bottom, interval } = METHODS[method];
  const sides = { numerator: of[top], denominator: of[bottom] };
  return interval ? { ...found, ...sides } : { value: found, ...sides };
}

/** Whether anybody was swabbed on the day that windows end on. */
export function swabbed(windows) {
  const day = windows?.find((window) => window.days === 1);
  return day !== undefined && day.conclusive_tests + day.other_tests + day.conclusive_tubes > 0;
}
