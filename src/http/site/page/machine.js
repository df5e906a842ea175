// Throughput, books, labs.

import { spark } from "./chart.js";
import { el, put, table } from "./dom.js";
import { count, decimal, moment, names, passed, t, word } from "./language.js";

function lag(half) {
  if (half.restoring) return t("machine.restoring", { tasks: count(half.restoring), count: count(half.remaining) });
  if (!half.lag) return t("machine.no.lag");
  const behind = t("machine.behind", { count: count(half.lag) });
  return half.lag_ms === null ? behind : `${behind}${t("and")}${passed(half.lag_ms)}`;
}

function books(status) {
  const commit = (half) => half.commit_ms === null ? t("none") : `${decimal(half.commit_ms, 1)} ms`;
  const row = ([title, half]) => [title, count(half.running), lag(half), commit(half), count(half.consumed), count(half.outcomes),
    t(half.balances ? "machine.balances" : "machine.differs")];
  const halves = [[t("machine.person"), status.halves.person], [t("machine.area"), status.halves.area]];
  const head = ["half", "tasks", "lag", "commit", "consumed", "outcomes", "ledger"].map((column) => t(`machine.${column}`));
  const { person, area } = status.halves;
  const between = t("machine.between", { sent: count(person.sent + area.sent), received: count(person.received + area.received) });
  document.getElementById("books").replaceChildren(table(t("machine.work"), head, halves.map(row)), el("p", { class: "quiet" }, between));
}

/** Which days wait for which tasks; nothing where none does. */
function days(status) {
  const heard = (task) => task.heard === null ? t("days.never") : t("days.heard", { at: moment(task.heard) });
  const task = (one) => t("days.task", { task: count(one.task), heard: heard(one) });
  const item = (one) => el("li", {}, t("days.waits", { day: one.day, tasks: one.tasks.map(task).join(t("and")) }));
  const list = status.days_waiting.length ? [el("ul", { class: "quiet" }, ...status.days_waiting.map(item))] : [];
  document.getElementById("days").replaceChildren(...list);
}

function outcomes(status) {
  const sorted = (all) => Object.entries(all).sort((one, other) => other[1] - one[1]);
  const item = (kind) => ([text, records]) => el("li", {}, `${word(kind, text)} `, el("b", {}, count(records)));
  const list = (title, kind, all) => all.length ? [el("h3", {}, t(title)), el("ul", { class: "tally" }, ...all.map(item(kind)))] : [];
  document.getElementById("outcomes").replaceChildren(...list("machine.ended", "outcome", sorted(status.outcomes)), ...list("machine.letters", "code", sorted(status.dead_letters)));
}

function labs(status, now) {
  const age = (lab) => lab.newest === null ? el("span", { class: "quiet" }, t("labs.none")) : el("time", { "data-age": lab.newest }, passed(now - lab.newest));
  const row = (lab) => el("li", {}, el("span", {}, names(lab).main), age(lab));
  const more = status.labs_omitted ? el("p", { class: "quiet" }, t("labs.more", { count: count(status.labs_omitted) })) : "";
  const none = status.labs.length ? "" : el("p", { class: "quiet" }, t("labs.waiting"));
  document.getElementById("labs").replaceChildren(el("ul", { class: "lab-list" }, ...status.labs.map(row)), more, none);
}

/** The state of the machine, once a second. */
export function draw(state) {
  const status = state.status;
  if (!status) return;
  put("rate", status.working ? t("machine.rate", { count: count(status.rates.at(-1) ?? 0) }) : t("machine.idle"));
  spark(document.getElementById("spark"), status.rates, 120, t("machine.spark"));
  books(status);
  days(status);
  outcomes(status);
  labs(status, state.now());
}
