// The chosen area: chart, numbers with both sides of the fraction, and why its tier is what it is.

import { line } from "./chart.js";
import { ofRank, textOn } from "./colours.js";
import { el, put, table } from "./dom.js";
import { amount, count, day, decimal, names, percent, t, word } from "./language.js";
import { METHODS, shareOf, swabbed } from "./shares.js";

const pill = (tier) => {
  const node = el("span", { class: "pill" }, word("tier", tier.name));
  const colour = ofRank(tier.rank, tier.names.length);
  node.style.backgroundColor = colour;
  node.style.color = textOn(colour);
  return node;
};

// One point for each day of the calendar: a day of which nothing was published is one on which nobody was swabbed.
function calendar(days) {
  const published = new Map(days.map((one) => [one.day, one.windows]));
  const all = [];
  if (!days.length) return all;
  const last = Date.parse(days.at(-1).day);
  for (let at = Date.parse(days[0].day); at <= last; at += 86400000) {
    const day = new Date(at).toISOString().slice(0, 10);
    all.push({ day, windows: published.get(day) ?? [] });
  }
  return all;
}

// A day on which nobody was swabbed has no point, whatever its window says of the days before: the line shows when
// there was something to know.
function points(state, detail) {
  const published = new Map(detail.published.map((one) => [one.day, one.windows]));
  const shareIn = (windows) => (swabbed(windows) ? shareOf(windows, state.window, state.method) : null);
  return calendar(detail.days).map(({ day, windows }) => {
    const share = shareIn(windows);
    return { day, idle: !swabbed(windows), ...share, value: share?.value ?? null, closed: shareIn(published.get(day)) };
  });
}

function chart(state, detail) {
  const all = points(state, detail);
  const box = document.getElementById("chart");
  const note = t("chart.note", { method: t(`method.${state.method}`), days: amount(state.window, "day") })
    + t(METHODS[state.method].interval ? "chart.interval" : "chart.mixed")
    + (all.some((point) => point.closed) ? t("chart.closed") : "") + (all.some((point) => point.idle) ? t("chart.gaps") : "") + t("chart.end");
  if (!all.some((point) => point.value !== null)) {
    box.replaceChildren(el("p", { class: "waiting" }, t("chart.waiting")));
    put("chart-note", note);
    return;
  }
  line(box, all, (point) => put("chart-note", point ? telling(point) : note));
  const newest = all.findLast((point) => point.value !== null);
  box.firstChild.setAttribute("aria-label", t("chart.label", { name: names(detail).main, share: percent(newest.value) }));
  put("chart-note", note);
}

function telling(point) {
  if (point.idle) return t("chart.point.none", { day: day(point.day) });
  if (point.value === null) return t("chart.point.no.ratio", { day: day(point.day) });
  const interval = point.low === undefined ? "" : t("chart.point.interval", { low: percent(point.low), high: percent(point.high) });
  const known = t("chart.point", { day: day(point.day), share: percent(point.value), interval, found: count(point.numerator), all: count(point.denominator) });
  const { closed } = point;
  if (!closed || closed.numerator === point.numerator && closed.denominator === point.denominator) return known;
  return known + t("chart.point.closed", { share: percent(closed.value), found: count(closed.numerator), all: count(closed.denominator) });
}

function numbers(state, detail) {
  const box = document.getElementById("area-numbers");
  if (!detail.purposes.length) return box.replaceChildren();
  const row = ({ purpose, windows }) => {
    const of = windows.find((window) => window.days === state.window);
    const share = shareOf(windows, state.window, state.method);
    const name = word("purpose", purpose);
    if (!of) return [name, "", "", "", "", "", ""];
    const interval = share?.low === undefined ? "" : `${percent(share.low)} – ${percent(share.high)}`;
    return [name, share ? count(share.numerator) : t("none"), share ? count(share.denominator) : "0",
      share ? percent(share.value) : t("none"), interval, `${count(of.cases)} (${count(of.community_cases)})`, of.cases_per_100k === null ? t("none") : decimal(of.cases_per_100k, 1)];
  };
  const head = ["purpose", "positive", "of", "positivity", "interval", "cases", "rate"].map((column) => t(`numbers.${column}`));
  const caption = t("numbers.title", { days: amount(state.window, "day"), day: day(detail.day), method: t(`method.${state.method}`) });
  box.replaceChildren(table(caption, head, detail.purposes.map(row)), ...pools(state, detail));
}

// Estimated from pools alone, and mixed into no other number.
function pools(state, detail) {
  const pooled = detail.purposes.map(({ purpose, windows }) => ({ purpose, of: windows.find((window) => window.days === state.window)?.pooled }));
  const known = pooled.filter(({ of }) => of);
  if (!known.length) return [];
  const row = ({ purpose, of }) => [word("purpose", purpose), count(of.pools), count(of.positive_pools), count(of.members), percent(of.prevalence.value),
    `${percent(of.prevalence.low)} – ${percent(of.prevalence.high)}`, percent(of.firth), word("pooled_interval", of.method)];
  const head = [t("numbers.purpose"), ...["pools", "positive", "members", "prevalence", "interval", "firth", "method"].map((column) => t(`pools.${column}`))];
  return [table(t("pools.title", { days: amount(state.window, "day"), day: day(detail.day) }), head, known.map(row))];
}

// What community services have to do today, and what is late.
function duties(detail) {
  const box = document.getElementById("area-duties");
  const of = detail.duties;
  if (!of) return box.replaceChildren();
  const rows = [
    ["isolate", count(of.to_isolate)], ["managed", count(of.managed)], ["release", count(of.to_release)],
    ["tests", t("duties.taken", { due: count(of.tests_due), taken: count(of.tests_taken) })],
    ["overdue", count(of.tests_overdue)],
    ["pools", t("duties.pools.members", { pools: count(of.pools_to_recall), members: count(of.members_to_recall), late: count(of.pools_late) })],
  ].map(([what, says]) => [t(`duties.${what}`), says]);
  for (const one of of.groups) {
    const numbers = { members: count(one.members), due: count(one.tests_due), taken: count(one.tests_taken) };
    const says = [t("duties.group.numbers", numbers)];
    if (one.missed) {
      const days = one.missed.first_day === one.missed.last_day ? "day" : "days";
      says.push(t(`duties.group.missed.${days}`, { tests: count(one.missed.tests), day: day(one.missed.first_day) }));
    }
    rows.push([t("duties.group", { group: word("group", one.group) }), says.join(t("duties.group.and"))]);
  }
  box.replaceChildren(table(t("duties.title", { day: day(of.day) }), [t("duties.what"), t("duties.people")], rows));
}

function why(detail) {
  const box = document.getElementById("area-why");
  const tier = detail.tier;
  if (!tier) return box.replaceChildren();
  const row = (reason) => {
    const measure = word("measure", reason.measure) + (reason.window_days ? `${t("and")}${amount(reason.window_days, "day")}` : "");
    const share = reason.denominator && reason.measure.includes("over");
    const value = reason.below_least ? t("why.fewer", { count: count(reason.least_denominator) }) : reason.value === null ? "" : share ? percent(reason.value) : decimal(reason.value, 1);
    const base = reason.denominator ? `${count(reason.numerator)} / ${count(reason.denominator)}` : count(reason.numerator);
    const last = reason.last_case_day ? day(reason.last_case_day) : "";
    return [measure, base, value, last, reason.tier ? word("tier", reason.tier) : "", reason.decided ? t("why.yes") : ""];
  };
  const down = tier.earliest_step_down ? t("why.down", { day: day(tier.earliest_step_down) }) : "";
  const before = tier.previous && tier.previous !== tier.name ? t("why.before", { tier: word("tier", tier.previous) }) : "";
  const says = t("why.says", { tier: word("tier", tier.name), day: day(tier.day), policy: tier.policy, version: tier.version });
  const stretch = (of) => [of.first_day === of.last_day ? day(of.last_day) : `${day(of.first_day)} – ${day(of.last_day)}`, of.tier ? word("tier", of.tier) : t("none")];
  const held = tier.hysteresis;
  const days = held ? [
    el("p", {}, t("why.held", { rise: amount(held.rise_days, "day"), fall: amount(held.fall_days, "day") })),
    table(t("why.held.title"), [t("why.days"), t("why.gives")], held.days.map(stretch)),
  ] : [];
  const head = ["measure", "numbers", "value", "last", "gives", "decides"].map((column) => t(`why.${column}`));
  box.replaceChildren(el("p", {}, says + before + down), ...(tier.reasons.length ? [table(t("why.title"), head, tier.reasons.map(row))] : []), ...days);
}

function parts(state, detail, choose) {
  const box = document.getElementById("area-parts");
  // What the map shows already is not listed again.
  const drawn = new Set(state.registry.areas.filter((place) => place.drawn).map((place) => place.code));
  if (detail.parts.some((part) => drawn.has(part.code))) return box.replaceChildren();
  const shown = detail.parts.filter((part) => part.tier || detail.parts.length <= 20);
  if (!shown.length) return box.replaceChildren();
  const part = (of) => {
    const button = el("button", { type: "button", class: "part" }, names(of).main, " ", of.tier ? pill(of.tier) : el("span", { class: "quiet" }, t("none")));
    button.addEventListener("click", () => choose(of.code));
    return el("li", {}, button);
  };
  const more = detail.parts_omitted ? el("p", { class: "quiet" }, t("area.more", { count: count(detail.parts_omitted) })) : "";
  box.replaceChildren(el("h3", {}, t("area.parts")), el("ul", { class: "parts" }, ...shown.map(part)), more);
}

// Nothing of the area looked at before stays on the page.
function nothing(state) {
  put("area-title", t("area.title"));
  const says = state.unknown ? t("area.unknown", { code: state.unknown }) : state.chosen ? t("area.loading") : t("area.choose");
  put("area-where", says);
  for (const id of ["area-tier", "area-duties", "area-numbers", "area-why", "area-parts"]) document.getElementById(id).replaceChildren();
  if (state.unknown) document.getElementById("chart").replaceChildren();
  if (state.unknown) put("chart-note", "");
}

/** Draws the chosen area; `choose` is called with the code of a part that was clicked. */
export function draw(state, choose) {
  const detail = state.detail;
  if (!detail) return nothing(state);
  const { main, other } = names(detail);
  put("area-title", `${main}${other ? ` ${other}` : ""} ${detail.code}`);
  document.getElementById("area-tier").replaceChildren(...(detail.tier ? [pill(detail.tier)] : []));
  const lies = [detail.level ? word("level", detail.level) : "", ...detail.parents.map((parent) => t("area.in", { name: names(parent).main }))].filter(Boolean).join(t("and"));
  const facts = [lies, detail.population ? t("area.people", { count: count(detail.population) }) : "", detail.day ? t("area.day", { day: day(detail.day) }) : ""];
  put("area-where", facts.filter(Boolean).join(" · "));
  chart(state, detail);
  duties(detail);
  numbers(state, detail);
  why(detail);
  parts(state, detail, choose);
}
