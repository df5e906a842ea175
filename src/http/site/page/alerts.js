// The newest alerts: all of them, or those of an area and all below it, of a family.

import { el, put } from "./dom.js";
import { count, day, moment, names, passed, t, targetName, word } from "./language.js";

const SIGNS = { high: "▲", moderate: "◆", info: "●" };

/** Families that can be chosen: those that something raises. */
const FAMILIES = ["positive", "pool_positive", "contradiction", "pool_overdue", "contact_overdue", "group_overdue", "tier_changed"];

const asked = new URLSearchParams(location.search);

/** What is chosen, and what the server has found for it. */
const filter = { area: asked.get("area") ?? "", family: asked.get("family") ?? "", found: null, asking: null };

const filtered = () => filter.area !== "" || filter.family !== "";

function title(alert) {
  if (alert.family !== "tier_changed") return word("family", alert.family);
  const before = alert.tier_before ? word("tier", alert.tier_before) : t("alert.tier.none");
  return t("alert.tier", { before, after: alert.tier_after ? word("tier", alert.tier_after) : t("alert.tier.none") });
}

// Name and code, and the drawn area in which it lies.
function where(alert, registry) {
  const place = t("alert.where", { name: names({ name: alert.area_name, name_zh: alert.area_name_zh }).main, code: alert.area });
  const around = registry.areas.find((other) => other.drawn && other.code !== alert.area && alert.within.includes(other.code));
  return around ? `${place}${t("and")}${names(around).main}` : place;
}

function facts(alert, targets) {
  const list = [];
  // Where there is one target, every alert is of it.
  if (targets.length > 1 && alert.target) list.push(targetName(targets.find((one) => one.id === alert.target) ?? { id: alert.target, name: alert.target }));
  if (alert.person) list.push(t("alert.person", { person: alert.person }));
  if (alert.members) list.push(t(alert.family === "pool_overdue" ? "alert.missed" : alert.all_negative ? "alert.false_pool" : "alert.awaited", { count: count(alert.awaited), members: count(alert.members), finding: word("finding", alert.finding) }));
  if (alert.awaited && alert.recall_by) list.push(t("alert.recall", { time: moment(alert.recall_by) }));
  if (alert.channel) list.push(word("channel", alert.channel));
  if (alert.purpose) list.push(word("purpose", alert.purpose));
  if (alert.exposed_to) list.push(t("alert.exposed", { count: count(alert.exposed_to) }));
  if (alert.to_trace) list.push(t("alert.trace", { count: count(alert.to_trace) }));
  if (alert.group) list.push(t("alert.group", { group: word("group", alert.group), day: day(alert.first_day) }));
  else if (alert.first_day) list.push(alert.last_day && alert.last_day !== alert.first_day ? t("alert.days", { first: day(alert.first_day), last: day(alert.last_day) }) : day(alert.first_day));
  if (alert.release_day) list.push(t("alert.release", { day: day(alert.release_day) }));
  list.push(...alert.measured.map((one) => (one.startsWith("kit ") ? t("alert.kit", { kit: one.slice(4) }) : one)));
  if (alert.measured_omitted) list.push(t("alert.more", { count: count(alert.measured_omitted) }));
  if (alert.policy) list.push(t("alert.policy", { policy: alert.policy }));
  return list.join(" · ");
}

function withdrawal({ cause, lab, revision, status, finding, replaced_by: other }) {
  const parts = [cause ? t(`withdrawn.${cause}`, { lab }) : ""];
  if (revision !== null) parts.push(t("withdrawn.revision", { number: revision }));
  if (status) parts.push(word("status", status));
  if (finding) parts.push(word("finding", finding));
  if (other) parts.push(t("withdrawn.replaced", { id: other }));
  const text = parts.filter(Boolean).join(t("and"));
  return text ? t("withdrawn.by", { cause: text }) : "";
}

function line(alert, state) {
  const marks = [["state", alert.state], alert.historic && ["alert", "historic"], alert.preliminary && ["alert", "preliminary"]].filter(Boolean);
  const why = alert.withdrawal ? withdrawal(alert.withdrawal) : "";
  return el("li", { class: `alert ${alert.severity} ${alert.state}` },
    el("p", { class: "severity" }, el("span", { class: "sign", "aria-hidden": "true" }, SIGNS[alert.severity] ?? "●"), " ",
      el("span", { class: "hidden" }, `${t("alert.severity")} `), word("severity", alert.severity)),
    el("div", { class: "content" },
      el("p", {}, el("span", { class: "what" }, title(alert)), " ", ...marks.flatMap(([kind, mark]) => [el("span", { class: `mark ${mark}` }, word(kind, mark)), " "])),
      alert.area ? el("p", { class: "where" }, where(alert, state.registry)) : "",
      el("p", { class: "quiet" }, facts(alert, state.registry.targets)),
      why ? el("p", { class: "why" }, why) : ""),
    el("p", { class: "times" }, el("time", { datetime: new Date(alert.at).toISOString(), "data-ago": alert.at }, t("alert.ago", { time: passed(state.now() - alert.at) })),
      el("span", {}, moment(alert.at))));
}

/** Draws the list and how many there are. */
export function draw(state) {
  const { registry } = state;
  const shown = filtered() ? filter.found?.alerts ?? [] : state.alerts;
  document.getElementById("alerts").replaceChildren(...shown.map((alert) => line(alert, state)));
  const live = (family) => state.counts.filter((one) => one.family === family && one.state !== "withdrawn").reduce((sum, one) => sum + one.alerts, 0);
  const families = [...new Set(state.counts.map((one) => one.family))];
  put("alert-counts", families.map((family) => `${word("family", family)} ${count(live(family))}`).join(" · "));
  const notes = [];
  if (!registry.people_shown) notes.push(t("alerts.hidden"));
  const kept = count(registry.kept_alerts);
  if (filtered() && filter.found) {
    notes.push(shown.length ? t("alerts.found", { shown: count(shown.length), all: count(filter.found.all), kept }) : t("alerts.none.found", { kept }));
  } else if (!filtered() && !state.alerts.length) {
    notes.push(t("alerts.waiting"));
  }
  put("alerts-note", notes.join(" "));
  document.getElementById("alerts-clear").hidden = !filtered();
}

/** Asks the server for what the filter lets through, if there is a filter; `draw` is called when it has come. */
export async function ask(drawAll) {
  if (!filtered()) return;
  const { area, family } = filter;
  try {
    const answer = await fetch(`/api/alerts?${new URLSearchParams({ area, family })}`);
    // Another choice may have been made meanwhile.
    if (answer.ok && filter.area === area && filter.family === family) filter.found = await answer.json();
  } catch {
    // The link says that the server is away; the next event asks again.
  }
  drawAll();
}

/** Asks once for many changes in a row. */
export function askSoon(drawAll) {
  if (!filtered()) return;
  filter.asking ??= setTimeout(() => {
    filter.asking = null;
    ask(drawAll);
  }, 400);
}

function set(area, family, drawAll) {
  Object.assign(filter, { area, family, found: null });
  const address = new URL(location.href);
  for (const [key, value] of Object.entries({ area, family })) {
    if (value) address.searchParams.set(key, value);
    else address.searchParams.delete(key);
  }
  history.replaceState(null, "", address);
  drawAll();
  ask(drawAll);
}

/** Fills the choices anew: the areas that are drawn and the one that is looked at, and the families. */
export function controls(state, drawAll) {
  const areas = document.getElementById("alerts-area"), families = document.getElementById("alerts-family");
  const places = state.registry.areas.map((place) => ({ code: place.code, text: names(place).main, drawn: place.drawn }));
  const drawn = places.filter((place) => place.drawn).sort((one, other) => one.text.localeCompare(other.text));
  const roots = places.filter((place) => !place.drawn);
  const known = new Set(places.map((place) => place.code));
  const looked = state.detail && !known.has(state.detail.code) ? [{ code: state.detail.code, text: names(state.detail).main }] : [];
  const asked = filter.area && !known.has(filter.area) && filter.area !== state.detail?.code ? [{ code: filter.area, text: filter.area }] : [];
  const option = ({ code, text }) => el("option", { value: code }, code === text ? code : t("alert.where", { name: text, code }));
  areas.replaceChildren(new Option(t("alerts.everywhere"), ""), ...[...roots, ...looked, ...asked, ...drawn].map(option));
  families.replaceChildren(new Option(t("alerts.all"), ""), ...FAMILIES.map((family) => el("option", { value: family }, word("family", family))));
  areas.value = filter.area;
  families.value = filter.family;
  areas.onchange = () => set(areas.value, filter.family, drawAll);
  families.onchange = () => set(filter.area, families.value, drawAll);
  document.getElementById("alerts-clear").onclick = () => {
    areas.value = families.value = "";
    set("", "", drawAll);
    areas.focus();
  };
}
