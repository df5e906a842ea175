// The map: one tile per area, where the registry places it, or a plain grid.

import { ofRank, ofShare, shares, textOn } from "./colours.js";
import { el, name, percent, put, shareOf } from "./app.js";

const tiles = new Map();
let drawnFor = null;

function layout(registry) {
  const drawn = registry.areas.filter((area) => area.drawn);
  const placed = drawn.some((area) => area.tile);
  const columns = placed ? Math.max(...drawn.filter((area) => area.tile).map((area) => area.tile[0])) + 1
    : Math.max(1, Math.ceil(Math.sqrt(drawn.length * 1.4)));
  return { drawn, placed, columns };
}

// A Han character is as wide as two Latin ones.
const width = (word) => [...word].reduce((sum, letter) => sum + (letter > "\u2e7f" ? 2 : 1), 0);

function build(state, choose) {
  const { drawn, placed, columns } = layout(state.registry);
  const map = document.getElementById("map");
  map.replaceChildren();
  map.style.setProperty("--columns", columns);
  map.style.setProperty("--longest", Math.max(6, ...drawn.flatMap((area) => name(area.name).main.split(/\s+/)).map(width)));
  map.classList.toggle("dense", columns > 14);
  tiles.clear();
  for (const area of drawn) {
    const { main, other } = name(area.name);
    const label = el("span", { class: "name" }, main);
    const value = el("span", { class: "value" });
    const tile = el("button", { class: "tile", type: "button", "data-code": area.code }, label, value);
    if (other) tile.insertBefore(el("span", { class: "other" }, other), value);
    if (placed && area.tile) {
      tile.style.gridColumn = area.tile[0] + 1;
      tile.style.gridRow = area.tile[1] + 1;
    }
    tile.addEventListener("click", () => choose(area.code));
    tiles.set(area.code, { tile, value, area });
    map.append(tile);
  }
  map.onkeydown = (event) => move(event);
}

// Arrow keys go to the nearest tile in their direction.
function move(event) {
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const step = steps[event.key];
  const from = event.target.closest(".tile");
  if (!step || !from) return;
  event.preventDefault();
  const centre = (tile) => {
    const box = tile.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
  };
  const [x, y] = centre(from);
  let best = null, least = Infinity;
  for (const { tile } of tiles.values()) {
    const [tx, ty] = centre(tile);
    const along = (tx - x) * step[0] + (ty - y) * step[1];
    const across = Math.abs((tx - x) * step[1]) + Math.abs((ty - y) * step[0]);
    if (along > 4 && along + 2 * across < least) [best, least] = [tile, along + 2 * across];
  }
  best?.focus();
}

function paint(state, { tile, value, area }) {
  const now = state.areas.get(area.code);
  const share = shareOf(now?.windows, state.window, state.method);
  const tier = now?.tier;
  const byTier = state.colour === "tier";
  const colour = byTier ? (tier ? ofRank(tier.rank, tier.names.length) : null) : ofShare(share?.value);
  tile.classList.toggle("empty", !colour);
  tile.style.backgroundColor = colour ?? "";
  tile.style.color = colour ? textOn(colour) : "";
  value.textContent = byTier ? tier?.name ?? "–" : share ? percent(share.value) : "–";
  const numbers = share ? `${percent(share.value)} positivity` : "no positivity yet";
  tile.setAttribute("aria-label", `${area.name}: ${tier ? `tier ${tier.name}` : "no tier yet"}, ${numbers}`);
  tile.title = tile.getAttribute("aria-label");
  tile.setAttribute("aria-pressed", String(state.chosen === area.code));
}

function legend(state) {
  const list = document.getElementById("legend");
  const named = [...state.areas.values()].filter((area) => tiles.has(area.code) && area.tier?.names.length);
  const names = named[0]?.tier.names ?? [];
  const entries = state.colour === "positivity" ? shares()
    : names.map((text, rank) => ({ text, colour: ofRank(rank, names.length) }));
  const key = JSON.stringify(entries);
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  list.replaceChildren(...entries.map(({ colour, text }) => {
    const swatch = el("span", { class: "swatch" });
    swatch.style.backgroundColor = colour;
    return el("li", {}, swatch, text);
  }), el("li", {}, el("span", { class: "swatch empty" }), "no numbers yet"));
}

/** Draws what there is; `choose` is called with the code of a tile that was clicked. */
export function draw(state, choose) {
  const key = state.registry.digest + state.registry.areas.length;
  if (drawnFor !== key) {
    build(state, choose);
    drawnFor = key;
  }
  for (const entry of tiles.values()) paint(state, entry);
  legend(state);
  const waiting = tiles.size === 0 ? "Waiting for the rules: no registry of areas is in force yet."
    : [...tiles.keys()].some((code) => state.areas.has(code)) ? "" : "Waiting for results: no area has numbers yet.";
  put("map-note", waiting);
}
