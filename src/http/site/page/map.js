// The map: one tile per area, where the registry places it, or a plain grid; a list of tiles where names would not fit.

import { ofRank, ofShare, shares, textOn } from "./colours.js";
import { el, put } from "./dom.js";
import { language, names, percent, t, word } from "./language.js";
import { shareOf } from "./shares.js";

const tiles = new Map();
let drawnFor = null;
let longest = 0;

/** Widest and smallest letters of a name on a tile, in pixels: smaller ones nobody reads. */
const LARGEST = 14, SMALLEST = 10.5;

function layout(registry) {
  const drawn = registry.areas.filter((area) => area.drawn);
  const placed = drawn.some((area) => area.tile);
  const columns = placed ? Math.max(...drawn.filter((area) => area.tile).map((area) => area.tile[0])) + 1
    : Math.max(1, Math.ceil(Math.sqrt(drawn.length * 1.4)));
  return { drawn, placed, columns };
}

// Peoples after whom Chinese counties are called; maps leave them out of the name.
const PEOPLES = "土家|蒙古|维吾尔|布依|朝鲜|哈尼|哈萨克|高山|拉祜|东乡|纳西|景颇|柯尔克孜|达斡尔|仫佬|布朗|撒拉|毛南|仡佬|锡伯|阿昌|普米|塔吉克|乌孜别克|俄罗斯|鄂温克|德昂|保安|裕固|塔塔尔|独龙|鄂伦春|赫哲|门巴|珞巴|基诺|各|回|藏|苗|彝|壮|满|侗|瑶|白|傣|黎|傈僳|佤|畲|水|土|羌|怒|京";
const AUTONOMOUS = new RegExp(`(?:(?:${PEOPLES})族)+自治(?=[州县旗]$)`);

// The words of a name: between them a line may end, within them never. A Chinese name is one word.
const words = (text) => text.replace(AUTONOMOUS, "").split(/\s+/).filter(Boolean);

function build(state, choose) {
  const { drawn, placed, columns } = layout(state.registry);
  const map = document.getElementById("map");
  map.replaceChildren();
  map.style.setProperty("--columns", columns);
  map.classList.toggle("dense", columns > 14);
  tiles.clear();
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = `650 100px ${getComputedStyle(document.body).fontFamily}`;
  longest = 0;
  for (const area of drawn) {
    const { main } = names(area);
    const spoken = words(main);
    longest = Math.max(longest, ...spoken.map((one) => pen.measureText(one).width / 100));
    const label = el("span", { class: "name" }, ...spoken.flatMap((one, at) => [at ? " " : "", el("span", { class: "word" }, one)]));
    const value = el("span", { class: "value" });
    const more = el("span", { class: "hidden" });
    const tile = el("button", { class: "tile", type: "button", "data-code": area.code }, label, value, more);
    if (placed && area.tile) {
      tile.style.gridColumn = area.tile[0] + 1;
      tile.style.gridRow = area.tile[1] + 1;
    }
    tile.addEventListener("click", () => choose(area.code));
    tiles.set(area.code, { tile, value, more, area });
    map.append(tile);
  }
  map.onkeydown = (event) => move(event);
}

// Letters as large as the tiles take; where they would be too small to read, the tiles leave their places on the map.
function fit(registry) {
  const map = document.getElementById("map");
  const { columns } = layout(registry);
  const gap = parseFloat(getComputedStyle(map).columnGap) || 0;
  const room = (map.clientWidth - gap * (columns - 1)) / columns - 5;
  const size = Math.min(LARGEST, room / longest);
  map.classList.toggle("listed", size < SMALLEST);
  map.style.setProperty("--letters", `${(size < SMALLEST ? 13 : size).toFixed(2)}px`);
  map.style.setProperty("--widest", `${Math.ceil(Math.max(76, longest * 13 + 12))}px`);
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

function paint(state, { tile, value, more, area }) {
  const now = state.areas.get(area.code);
  const share = shareOf(now?.windows, state.window, state.method);
  const tier = now?.tier;
  const byTier = state.colour === "tier";
  const colour = byTier ? (tier ? ofRank(tier.rank, tier.names.length) : null) : ofShare(share?.value);
  tile.classList.toggle("empty", !colour);
  tile.style.backgroundColor = colour ?? "";
  tile.style.color = colour ? textOn(colour) : "";
  value.textContent = byTier ? (tier ? word("tier", tier.name) : t("none")) : share ? percent(share.value) : t("none");
  const ofTier = tier ? t("tile.tier", { tier: word("tier", tier.name) }) : t("tile.no.tier");
  const ofNumbers = share ? t("tile.share", { share: percent(share.value) }) : t("tile.no.share");
  // What is not seen on the tile is heard of it.
  more.textContent = byTier ? ofNumbers : ofTier;
  tile.title = t("tile.says", { name: names(area).main, tier: ofTier, share: ofNumbers });
  tile.setAttribute("aria-pressed", String(state.chosen === area.code));
}

function legend(state) {
  const list = document.getElementById("legend");
  const named = [...state.areas.values()].filter((area) => tiles.has(area.code) && area.tier?.names.length);
  const tiers = named[0]?.tier.names ?? [];
  const entries = state.colour === "positivity" ? shares()
    : tiers.map((tier, rank) => ({ text: word("tier", tier), colour: ofRank(rank, tiers.length) }));
  const key = JSON.stringify([language(), entries]);
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  list.replaceChildren(...entries.map(({ colour, text }) => {
    const swatch = el("span", { class: "swatch" });
    swatch.style.backgroundColor = colour;
    return el("li", {}, swatch, text);
  }), el("li", {}, el("span", { class: "swatch empty" }), t("map.no.numbers")));
}

/** What was drawn was in another language. */
export function forget() {
  drawnFor = null;
}

/** Draws what there is; `choose` is called with the code of a tile that was clicked. */
export function draw(state, choose) {
  const key = state.registry.digest + state.registry.areas.length;
  if (drawnFor !== key) {
    build(state, choose);
    drawnFor = key;
  }
  fit(state.registry);
  for (const entry of tiles.values()) paint(state, entry);
  legend(state);
  const waiting = tiles.size === 0 ? t("map.no.rules")
    : [...tiles.keys()].some((code) => state.areas.has(code)) ? "" : t("map.no.results");
  put("map-note", waiting);
}
