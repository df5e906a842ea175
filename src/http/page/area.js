// The chosen area: chart, numbers with both sides of the fraction, and why its tier is what it is.

import { ofRank, textOn } from "./colours.js";
import { METHODS, count, el, name, percent, put, shareOf, table } from "./app.js";
import { line } from "./chart.js";

const pill = (tier) => {
  const node = el("span", { class: "pill" }, tier.name);
  const colour = ofRank(tier.rank, tier.names.length);
  node.style.backgroundColor = colour;
  node.style.color = textOn(colour);
  return node;
};

function chart(state, detail) {
  const points = detail.days.map(({ day, windows }) => ({ day, ...shareOf(windows, state.window, state.method), value: shareOf(windows, state.window, state.method)?.value ?? null }));
  const box = document.getElementById("chart");
  const method = METHODS[state.method];
  const rest = `${method.text}, ${state.window} ${state.window === 1 ? "day" : "days"} ending on each day${method.interval ? "; shaded: Wilson 95 % interval" : "; mixed units, so no interval"}.`;
  if (!points.some((point) => point.value !== null)) {
    box.replaceChildren(el("p", { class: "waiting" }, "Waiting for results of this area."));
    put("chart-note", rest);
    return;
  }
  const told = (point) => put("chart-note", point ? telling(point) : rest);
  line(box, points, percent, told);
  box.firstChild.setAttribute("aria-label", `Positivity of ${detail.name} by day, newest ${percent(points.at(-1).value)}`);
  told(null);
}

function telling(point) {
  if (point.value === null) return `${point.day}: no conclusive result, so no ratio.`;
  const interval = point.low === undefined ? "" : ` (${percent(point.low)} to ${percent(point.high)})`;
  return `${point.day}: ${percent(point.value)}${interval}, ${count(point.numerator)} of ${count(point.denominator)}.`;
}

function numbers(state, detail) {
  const box = document.getElementById("area-numbers");
  if (!detail.purposes.length) return box.replaceChildren();
  const row = ({ purpose, windows }) => {
    const of = windows.find((window) => window.days === state.window);
    const share = shareOf(windows, state.window, state.method);
    if (!of) return [purpose || "total"];
    const interval = share?.low === undefined ? "" : `${percent(share.low)} – ${percent(share.high)}`;
    return [purpose || "total", share ? count(share.numerator) : "–", share ? count(share.denominator) : "0",
      share ? percent(share.value) : "–", interval, `${count(of.cases)} (${count(of.community_cases)})`, of.cases_per_100k === null ? "–" : of.cases_per_100k.toFixed(1)];
  };
  const head = ["purpose", "positive", "of", "positivity", "95 % interval", "cases (community)", "/100k"];
  const caption = `${state.window === 1 ? "The day" : `The ${state.window} days to`} ${detail.day}, ${METHODS[state.method].text}`;
  box.replaceChildren(table(caption, head, detail.purposes.map(row)));
}

function why(detail) {
  const box = document.getElementById("area-why");
  const tier = detail.tier;
  if (!tier) return box.replaceChildren();
  const row = (reason) => {
    const measure = reason.measure.replaceAll("_", " ") + (reason.window_days ? `, ${reason.window_days} d` : "");
    const value = reason.below_least ? `fewer than ${count(reason.least_denominator)}` : reason.value === null ? "" : reason.denominator && reason.measure.includes("over") ? percent(reason.value) : reason.value.toFixed(1);
    const base = reason.denominator ? `${count(reason.numerator)} / ${count(reason.denominator)}` : count(reason.numerator);
    return [measure, base, value, reason.last_case_day, reason.tier, reason.decided ? "decides" : ""];
  };
  const down = tier.earliest_step_down ? ` It can step down on ${tier.earliest_step_down} at the earliest.` : "";
  const before = tier.previous && tier.previous !== tier.name ? ` Before: ${tier.previous}.` : "";
  box.replaceChildren(
    el("p", {}, `Tier ${tier.name} on ${tier.day}, by policy ${tier.policy} of ${tier.version}.${before}${down}`),
    ...(tier.reasons.length ? [table("Why", ["measure", "numbers", "value", "last case", "gives", ""], tier.reasons.map(row))] : []),
  );
}

function parts(state, detail, choose) {
  const box = document.getElementById("area-parts");
  // What the map shows already is not listed again.
  const drawn = new Set(state.registry.areas.filter((place) => place.drawn).map((place) => place.code));
  if (detail.parts.some((part) => drawn.has(part.code))) return box.replaceChildren();
  const shown = detail.parts.filter((part) => part.tier || detail.parts.length <= 20);
  if (!shown.length) return box.replaceChildren();
  const part = (of) => {
    const button = el("button", { type: "button", class: "part" }, name(of.name).main, " ", of.tier ? pill(of.tier) : el("span", { class: "quiet" }, "–"));
    button.addEventListener("click", () => choose(of.code));
    return el("li", {}, button);
  };
  const more = detail.parts_omitted ? el("p", { class: "quiet" }, `and ${count(detail.parts_omitted)} more`) : "";
  box.replaceChildren(el("h3", {}, "Parts"), el("ul", { class: "parts" }, ...shown.map(part)), more);
}

/** Draws the chosen area; `choose` is called with the code of a part that was clicked. */
export function draw(state, choose) {
  const detail = state.detail;
  if (!detail) {
    put("area-title", "Area");
    put("area-where", state.chosen ? "Loading…" : "Choose a tile to see its numbers.");
    return;
  }
  const { main, other } = name(detail.name);
  put("area-title", other ? `${main} ${other}` : main);
  document.getElementById("area-tier").replaceChildren(...(detail.tier ? [pill(detail.tier)] : []));
  const people = detail.population ? ` · ${count(detail.population)} people` : "";
  put("area-where", [detail.level, ...detail.parents.map((parent) => `in ${parent}`)].filter(Boolean).join(" ") + people + (detail.day ? ` · newest day ${detail.day}` : ""));
  chart(state, detail);
  numbers(state, detail);
  why(detail);
  parts(state, detail, choose);
}
