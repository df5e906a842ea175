// The page: follows /events, keeps what it was sent, and draws.

import * as alerts from "./alerts.js";
import * as area from "./area.js";
import { el, put } from "./dom.js";
import * as speech from "./language.js";
import { amount, count, day, names, passed, percent, t, targetName } from "./language.js";
import * as machine from "./machine.js";
import * as map from "./map.js";
import { METHODS, shareOf } from "./shares.js";

const state = {
  registry: { areas: [], targets: [], windows: [1, 3, 7, 14], digest: "", zone: "", people_shown: true, newest_alerts: 100, kept_alerts: 0 },
  // By target, then by code; `areas` are those of the chosen target.
  byTarget: new Map(), target: "", areas: new Map(), alerts: [], counts: [], status: null, detail: null, chosen: null, unknown: null,
  colour: "tier", window: 7, method: "tests_over_tests", skew: 0, heard: 0, link: ["link.connecting", ""],
  /** Now, by the server's clock. */
  now: () => Date.now() + state.skew,
};

let drawing = false;
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    heading();
    keyNumbers();
    map.draw(state, choose);
    area.draw(state, choose);
    alerts.draw(state);
  });
}

function heading() {
  const root = state.registry.areas.find((place) => !place.drawn);
  const days = [...state.areas.values()].map((one) => one.day ?? "").sort();
  const { main, other } = root ? names(root) : { main: "swabstream", other: "" };
  put("title", [main, other].filter(Boolean).join(" "));
  document.title = root ? `${main} · swabstream` : "swabstream";
  put("subtitle", days.at(-1) ? t("title.day", { day: day(days.at(-1)) }) : t("title.waiting"));
}

function keyNumbers() {
  const whole = state.areas.get(state.registry.areas.find((place) => !place.drawn)?.code);
  const share = shareOf(whole?.windows, state.window, state.method);
  const of = whole?.windows.find((window) => window.days === state.window);
  const live = state.counts.filter((one) => one.state !== "withdrawn").reduce((sum, one) => sum + one.alerts, 0);
  const days = amount(state.window, "day");
  const entries = [
    [t("key.positivity"), share ? percent(share.value) : t("none"),
      share ? t("key.of", { found: count(share.numerator), all: count(share.denominator), days }) : t("key.no.results", { days })],
    [t("key.cases"), of ? count(of.cases) : t("none"), of ? t("key.community", { count: count(of.community_cases), days }) : days],
    [t("key.alerts"), count(live), t("key.alerts.note")],
    [t("key.throughput"), state.status ? t("per.second", { count: count(state.status.rates.at(-1) ?? 0) }) : t("none"), t("key.throughput.note")],
  ];
  document.getElementById("key").replaceChildren(...entries.map(([title, value, note]) =>
    el("div", {}, el("span", { class: "quiet" }, title), el("b", {}, value), el("span", { class: "quiet" }, note))));
}

function badges() {
  const list = [];
  const status = state.status;
  if (status) {
    const halves = Object.values(status.halves);
    if (status.history) list.push([t("badge.history"), "warn"]);
    if (!status.caught_up) list.push([t("badge.reading"), "warn"]);
    if (status.working) list.push(halves.every((half) => half.balances) ? [t("badge.balances"), "good"] : [t("badge.differs"), "bad"]);
    const restoring = halves.reduce((sum, half) => sum + half.restoring, 0);
    if (restoring) list.push([t("badge.restoring", { count: count(restoring) }), "warn"]);
  }
  document.getElementById("badges").replaceChildren(...list.map(([text, kind]) => el("span", { class: `badge ${kind}` }, text)));
}

function link(text, kind) {
  state.link = [text, kind];
  put("link", t(text));
  document.getElementById("link").className = `badge ${kind}`;
}

// --- what is chosen ------------------------------------------------------------------------------------------------

let asking = null;
async function ask() {
  const code = state.chosen;
  if (!code) return;
  try {
    const target = state.target;
    const answer = await fetch(`/api/areas/${encodeURIComponent(code)}?target=${encodeURIComponent(target)}`);
    if (state.chosen !== code || state.target !== target) return;
    if (answer.ok) {
      state.detail = await answer.json();
      alerts.controls(state, draw);
    }
    state.unknown = answer.status === 404 ? code : null;
  } catch {
    // The link says that the server is away; the next event asks again.
  }
  draw();
}

// Many changes in a row are asked for once.
function askSoon() {
  asking ??= setTimeout(() => { asking = null; ask(); }, 400);
}

function choose(code) {
  if (state.chosen !== code) state.detail = null;
  state.chosen = code;
  history.replaceState(null, "", `#${code}`);
  ask();
  draw();
}

function choice(id, entries, current, take) {
  const box = document.getElementById(id);
  box.replaceChildren(box.querySelector("legend"));
  for (const [value, text, language] of entries) {
    const input = el("input", { type: "radio", name: id, value, id: `by-${value}` });
    input.checked = current === value;
    input.addEventListener("change", () => take(value));
    box.append(input, el("label", { for: `by-${value}`, lang: language ?? "" }, text));
  }
}

function select(id, entries, key, read) {
  const node = document.getElementById(id);
  node.replaceChildren(...entries.map(([value, text]) => el("option", { value }, text)));
  node.value = String(state[key]);
  node.onchange = () => { state[key] = read(node.value); draw(); };
}

function controls() {
  choice("colour", [["tier", t("map.tier")], ["positivity", t("map.positivity")]], state.colour, (value) => { state.colour = value; draw(); });
  choice("language", Object.entries(speech.LANGUAGES).map(([value, text]) => [value, text, value === "zh" ? "zh-CN" : value]), speech.language(), (language) => {
    speech.choose(language);
    everything();
    document.getElementById(`by-${language}`).focus();
  });
  select("window", state.registry.windows.map((days) => [String(days), amount(days, "day")]), "window", Number);
  select("method", Object.keys(METHODS).map((method) => [method, t(`method.${method}`)]), "method", String);
  alerts.controls(state, draw);
}

// All that the language says, anew.
function everything() {
  controls();
  targets();
  map.forget();
  badges();
  link(...state.link);
  machine.draw(state);
  draw();
}

// What is looked for: a switch where there is more than one.
function lookFor(target) {
  if (state.target !== target) state.detail = null;
  state.target = target;
  if (!state.byTarget.has(target)) state.byTarget.set(target, new Map());
  state.areas = state.byTarget.get(target);
  askSoon();
}

function targets() {
  const { targets } = state.registry;
  const known = targets.some((one) => one.id === state.target);
  lookFor(known ? state.target : targets[0]?.id ?? "");
  const node = document.getElementById("target");
  node.replaceChildren(...targets.map((one) => el("option", { value: one.id }, targetName(one))));
  node.value = state.target;
  node.onchange = () => { lookFor(node.value); draw(); };
  node.parentElement.hidden = targets.length < 2;
}

// --- what the server tells -----------------------------------------------------------------------------------------

function take(delta) {
  for (const one of [...delta.areas, ...delta.further]) {
    if (!state.byTarget.has(one.target)) state.byTarget.set(one.target, new Map());
    state.byTarget.get(one.target).set(one.code, one);
  }
  const known = new Map(state.alerts.map((alert) => [alert.id, alert]));
  for (const alert of delta.alerts) known.set(alert.id, alert);
  state.alerts = [...known.values()].sort((one, other) => other.at - one.at).slice(0, state.registry.newest_alerts);
  state.counts = delta.counts;
  if (delta.alerts.length) alerts.askSoon(draw);
  if ([...delta.areas, ...delta.further].some((one) => one.code === state.chosen && one.target === state.target) || !state.detail) askSoon();
}

function snapshot(data) {
  state.registry = data.registry;
  speech.tellTimesIn(data.registry.zone);
  state.byTarget.clear();
  state.alerts = [];
  targets();
  take(data);
  alerts.controls(state, draw);
  alerts.ask(draw);
  const codes = data.registry.areas.map((place) => place.code);
  const wanted = decodeURIComponent(location.hash.slice(1));
  if (!state.chosen && codes.length) choose(wanted || codes.find((code) => data.registry.areas.find((place) => place.code === code && !place.drawn)) || codes[0]);
  draw();
}

function follow() {
  const events = new EventSource("/events");
  const on = (kind, take) => events.addEventListener(kind, (event) => {
    state.heard = Date.now();
    link("link.live", "good");
    take(JSON.parse(event.data));
  });
  on("snapshot", snapshot);
  on("delta", (delta) => { take(delta); draw(); });
  on("pulse", (status) => {
    state.status = status;
    state.skew = status.at - Date.now();
    badges();
    keyNumbers();
    machine.draw(state);
  });
  events.onerror = () => {
    link("link.lost", "bad");
    // A browser gives up when the server refuses; this page does not.
    if (events.readyState === EventSource.CLOSED) setTimeout(follow, 5000);
  };
}

setInterval(() => {
  for (const time of document.querySelectorAll("time[data-age], time[data-ago]")) {
    const text = passed(state.now() - Number(time.dataset.age ?? time.dataset.ago));
    const said = time.dataset.age ? text : t("alert.ago", { time: text });
    if (time.textContent !== said) time.textContent = said;
  }
  if (state.heard && Date.now() - state.heard > 10000) link("link.silent", "warn");
}, 1000);
addEventListener("resize", draw);
addEventListener("hashchange", () => choose(decodeURIComponent(location.hash.slice(1))));
speech.begin();
everything();
follow();
