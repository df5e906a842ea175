// The page: follows /events, keeps what it was told, and draws.

import * as area from "./area.js";
import * as machine from "./machine.js";
import * as map from "./map.js";

/** Ways to state positivity. */
export const METHODS = {
  tests_over_tests: { text: "tests over tests", top: "positive_tests", bottom: "conclusive_tests", interval: true },
  people_over_people: { text: "people over people", top: "people_positive", bottom: "people_tested", interval: true },
  people_over_tests: { text: "people over tests", top: "people_positive", bottom: "conclusive_tests", interval: false },
};

const state = {
  registry: { areas: [], targets: [], windows: [1, 3, 7, 14], digest: "", people_shown: true, newest_alerts: 100 },
  // By target, then by code; `areas` are those of the chosen target.
  byTarget: new Map(), target: "", areas: new Map(), alerts: [], counts: [], pulse: null, detail: null, chosen: null,
  colour: "tier", window: 7, method: "tests_over_tests", skew: 0, heard: 0, link: "connecting",
};

/** An element; texts are texts, never markup. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) if (value !== "") node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** Sets the text of the element with an id, if it is another one. */
export function put(id, text) {
  const node = document.getElementById(id);
  if (node.textContent !== text) node.textContent = text;
}

/** A number with thousands apart; a dash when there is none. */
export const count = (value) => (value === null || value === undefined ? "–" : value.toLocaleString("en"));

/** A share as per cent with three digits that matter. */
export function percent(share) {
  const value = share * 100;
  return `${value === 0 ? "0" : value >= 10 ? value.toFixed(1) : value >= 1 ? value.toFixed(2) : value.toPrecision(2)} %`;
}

/** How long ago, by the server's clock. */
export function ago(at) {
  const seconds = Math.max(0, Math.round((Date.now() + state.skew - at) / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

/** A name in two scripts, taken apart: the Latin one first. */
export function name(text) {
  const han = text.match(/[\u3400-\u9fff]+/)?.[0];
  const rest = han ? text.replace(han, "").replace(/[()（）/·\s]+/g, " ").trim() : text;
  return rest && han ? { main: rest, other: han } : { main: text, other: "" };
}

/** Value, interval and both sides of the fraction of a window; null when it has none. */
export function shareOf(windows, days, method) {
  const of = windows?.find((window) => window.days === days);
  const found = of?.[method];
  if (found === null || found === undefined) return null;
  const { top, bottom, interval } = METHODS[method];
  const sides = { numerator: of[top], denominator: of[bottom] };
  return interval ? { ...found, ...sides } : { value: found, ...sides };
}

/** A table that can be scrolled sideways on a phone. */
export function table(caption, head, rows) {
  const cell = (tag) => (text, at) => el(tag, tag === "th" ? { scope: "col", class: at ? "" : "first" } : { class: at ? "" : "first" }, text ?? "");
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, el("table", {}, el("caption", {}, caption),
    el("thead", {}, el("tr", {}, ...head.map(cell("th")))),
    el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map(cell("td")))))));
}

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
    machine.alerts(state);
  });
}

function heading() {
  const root = state.registry.areas.find((place) => !place.drawn);
  const days = [...state.areas.values()].map((one) => one.day ?? "").sort();
  const { main, other } = name(root?.name ?? "");
  put("title", root ? [main, other].filter(Boolean).join(" ") : "swabstream");
  document.title = root ? `${main} · swabstream` : "swabstream";
  const day = days.at(-1);
  put("subtitle", day ? `Rolling positivity, tiers and alerts · newest day ${day}` : "waiting for results");
}

function keyNumbers() {
  const whole = state.areas.get(state.registry.areas.find((place) => !place.drawn)?.code);
  const share = shareOf(whole?.windows, state.window, state.method);
  const of = whole?.windows.find((window) => window.days === state.window);
  const live = state.counts.filter((one) => one.state !== "withdrawn").reduce((sum, one) => sum + one.alerts, 0);
  const days = state.window === 1 ? "1 day" : `${state.window} days`;
  const entries = [
    ["Positivity", share ? percent(share.value) : "–", share ? `${count(share.numerator)} of ${count(share.denominator)}, ${days}` : `no results yet, ${days}`],
    ["Cases", of ? count(of.cases) : "–", of ? `${count(of.community_cases)} community, ${days}` : days],
    ["Alerts that hold", count(live), "people, areas and labs"],
    ["Throughput", state.pulse ? `${count(state.pulse.rates.at(-1) ?? 0)}/s` : "–", "records consumed here"],
  ];
  document.getElementById("key").replaceChildren(...entries.map(([title, value, note]) =>
    el("div", {}, el("span", { class: "quiet" }, title), el("b", {}, value), el("span", { class: "quiet" }, note))));
}

function badges() {
  const list = [];
  const pulse = state.pulse;
  if (pulse) {
    const halves = Object.values(pulse.halves);
    if (pulse.history) list.push(["history mode", "warn"]);
    if (!pulse.caught_up) list.push(["reading what was published", "warn"]);
    if (pulse.working) list.push(halves.every((half) => half.balances) ? ["ledger balances", "good"] : ["LEDGER DOES NOT BALANCE", "bad"]);
    const restoring = halves.reduce((sum, half) => sum + half.restoring, 0);
    if (restoring) list.push([`restoring ${restoring} tasks`, "warn"]);
  }
  document.getElementById("badges").replaceChildren(...list.map(([text, kind]) => el("span", { class: `badge ${kind}` }, text)));
}

function link(text, kind) {
  const node = document.getElementById("link");
  put("link", text);
  node.className = `badge ${kind}`;
}

// --- what is chosen ------------------------------------------------------------------------------------------------

let asking = null;
async function ask() {
  const code = state.chosen;
  if (!code) return;
  try {
    const target = state.target;
    const answer = await fetch(`/api/areas/${encodeURIComponent(code)}?target=${encodeURIComponent(target)}`);
    if (answer.ok && state.chosen === code && state.target === target) state.detail = await answer.json();
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

function controls() {
  const colour = document.getElementById("colour");
  for (const [value, text] of [["tier", "Tier"], ["positivity", "Positivity"]]) {
    const input = el("input", { type: "radio", name: "colour", value, id: `by-${value}` });
    input.checked = state.colour === value;
    input.addEventListener("change", () => { state.colour = value; draw(); });
    colour.append(input, el("label", { for: `by-${value}` }, text));
  }
  const select = (id, entries, key, read) => {
    const node = document.getElementById(id);
    node.append(...entries.map(([value, text]) => el("option", { value }, text)));
    node.value = String(state[key]);
    node.addEventListener("change", () => { state[key] = read(node.value); draw(); });
  };
  select("window", state.registry.windows.map((days) => [String(days), days === 1 ? "1 day" : `${days} days`]), "window", Number);
  select("method", Object.entries(METHODS).map(([value, { text }]) => [value, text]), "method", String);
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
  node.replaceChildren(...targets.map(({ id, name }) => el("option", { value: id }, name)));
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
  if ([...delta.areas, ...delta.further].some((one) => one.code === state.chosen && one.target === state.target) || !state.detail) askSoon();
}

function snapshot(data) {
  state.registry = data.registry;
  state.byTarget.clear();
  state.alerts = [];
  targets();
  take(data);
  const codes = data.registry.areas.map((place) => place.code);
  const wanted = decodeURIComponent(location.hash.slice(1));
  if (!state.chosen && codes.length) choose(wanted || codes.find((code) => data.registry.areas.find((place) => place.code === code && !place.drawn)) || codes[0]);
  draw();
}

function follow() {
  const events = new EventSource("/events");
  const on = (kind, take) => events.addEventListener(kind, (event) => {
    state.heard = Date.now();
    link("live", "good");
    take(JSON.parse(event.data));
  });
  on("snapshot", snapshot);
  on("delta", (delta) => { take(delta); draw(); });
  on("pulse", (pulse) => {
    state.pulse = pulse;
    state.skew = pulse.at - Date.now();
    badges();
    keyNumbers();
    machine.machine(state);
  });
  events.onerror = () => {
    link("connection lost, trying again", "bad");
    // A browser gives up when the server refuses; this page does not.
    if (events.readyState === EventSource.CLOSED) setTimeout(follow, 5000);
  };
}

setInterval(() => {
  for (const time of document.querySelectorAll("time[data-at]")) {
    const text = ago(Number(time.dataset.at));
    if (time.textContent !== text) time.textContent = text;
  }
  if (state.heard && Date.now() - state.heard > 10000) link("no news for 10 s", "warn");
}, 1000);
addEventListener("resize", draw);
addEventListener("hashchange", () => choose(decodeURIComponent(location.hash.slice(1))));
controls();
draw();
follow();
