// Alerts, throughput, books, labs.

import { ago, count, el, name, put, table } from "./app.js";
import { spark } from "./chart.js";

const SIGNS = { high: "▲", moderate: "◆", info: "●" };
const words = (text) => text.replaceAll("_", " ");

function title(alert) {
  const where = name(alert.area_name).main;
  if (alert.family === "tier_changed") return `Tier of ${where}: ${alert.tier_before || "none"} → ${alert.tier_after}`;
  const what = words(alert.family);
  return `${what.charAt(0).toUpperCase()}${what.slice(1)} in ${where}`;
}

function facts(alert, targets) {
  const list = [];
  // Where there is one target, every alert is of it.
  if (targets.length > 1 && alert.target) list.push(targets.find((one) => one.id === alert.target)?.name ?? alert.target);
  if (alert.person) list.push(`person ${alert.person}`);
  if (alert.channel) list.push(alert.channel);
  if (alert.purpose) list.push(words(alert.purpose));
  if (alert.exposed_to) list.push(`exposed to ${alert.exposed_to}`);
  if (alert.to_trace) list.push(`${alert.to_trace} to trace`);
  if (alert.first_day) list.push(alert.last_day && alert.last_day !== alert.first_day ? `${alert.first_day} to ${alert.last_day}` : alert.first_day);
  if (alert.withdrawn_by) list.push(`withdrawn by ${alert.withdrawn_by}`);
  return list.join(" · ");
}

function alertLine(alert, targets) {
  const marks = [alert.state, alert.historic && "historic", alert.preliminary && "preliminary"].filter(Boolean);
  const time = el("time", { "data-at": alert.at }, ago(alert.at));
  return el("li", { class: `alert ${alert.severity} ${alert.state}` },
    el("span", { class: "sign", title: `severity ${alert.severity}` }, SIGNS[alert.severity] ?? "●", el("span", { class: "hidden" }, ` severity ${alert.severity}`)),
    el("div", {}, el("p", { class: "what" }, title(alert), " ", ...marks.map((mark) => el("span", { class: `mark ${mark}` }, mark))), el("p", { class: "quiet" }, facts(alert, targets))),
    time);
}

/** The newest alerts and how many there are. */
export function alerts(state) {
  document.getElementById("alerts").replaceChildren(...state.alerts.map((alert) => alertLine(alert, state.registry.targets)));
  const live = (family) => state.counts.filter((one) => one.family === family && one.state !== "withdrawn").reduce((sum, one) => sum + one.alerts, 0);
  const families = [...new Set(state.counts.map((one) => one.family))];
  put("alert-counts", families.map((family) => `${words(family)} ${count(live(family))}`).join(" · "));
  const hidden = state.registry.people_shown ? "" : "Alerts about people are shown only on the machine that runs this.";
  put("alerts-note", state.alerts.length ? hidden : `${hidden} Waiting for the first alert.`.trim());
}

function lag(half) {
  if (half.restoring) return `restoring ${half.restoring} tasks, ${count(half.remaining)} records left`;
  if (!half.lag) return "none";
  return `${count(half.lag)} records${half.lag_ms === null ? "" : `, ${(half.lag_ms / 1000).toFixed(1)} s`}`;
}

function books(pulse) {
  const row = ([title, half]) => [title, count(half.running), lag(half), half.commit_ms === null ? "–" : `${half.commit_ms.toFixed(1)} ms`,
    count(half.consumed), count(half.outcomes), half.balances ? "balances" : "DOES NOT BALANCE"];
  const halves = [["people", pulse.halves.person], ["areas", pulse.halves.area]];
  const head = ["half", "tasks", "lag", "commit", "consumed", "outcomes", "ledger"];
  const { person, area } = pulse.halves;
  const between = `Messages between tasks: ${count(person.sent + area.sent)} sent, ${count(person.received + area.received)} received here.`;
  document.getElementById("books").replaceChildren(table("Work of this instance", head, halves.map(row)), el("p", { class: "quiet" }, between));
}

function outcomes(pulse) {
  const entries = Object.entries(pulse.outcomes).sort((one, other) => other[1] - one[1]);
  const letters = Object.entries(pulse.dead_letters).sort((one, other) => other[1] - one[1]);
  const list = (title, all) => all.length ? [el("h3", {}, title), el("ul", { class: "tally" }, ...all.map(([text, records]) => el("li", {}, `${words(text)} `, el("b", {}, count(records)))))] : [];
  document.getElementById("outcomes").replaceChildren(...list("Where records ended", entries), ...list("Set aside, by code", letters));
}

function labs(pulse) {
  const row = (lab) => el("li", { class: lab.newest === null ? "silent" : "" }, el("span", {}, name(lab.name).main), lab.newest === null ? el("span", { class: "quiet" }, "none yet") : el("time", { "data-at": lab.newest }, ago(lab.newest)));
  const more = pulse.labs_omitted ? el("p", { class: "quiet" }, `and ${count(pulse.labs_omitted)} fresher ones`) : "";
  const none = pulse.labs.length ? "" : el("p", { class: "quiet" }, "No labs in the registry yet.");
  document.getElementById("labs").replaceChildren(el("ul", { class: "lab-list" }, ...pulse.labs.map(row)), more, none);
}

/** The state of the machine, once a second. */
export function machine(state) {
  const pulse = state.pulse;
  if (!pulse) return;
  put("rate", pulse.working ? `${count(pulse.rates.at(-1) ?? 0)} records/s` : "no worker in this process");
  spark(document.getElementById("spark"), pulse.rates, 120);
  books(pulse);
  outcomes(pulse);
  labs(pulse);
}
