// Colours that stay apart for colour-blind eyes, and text that stays readable on them. Colour never stands alone: each
// tile also says its tier or number.

import { shortPercent } from "./language.js";

const NONE = null;
// Mild to grave: pale blue, yellow, orange, dark red-brown.
const TIERS = [[158, 202, 225], [254, 227, 145], [254, 153, 41], [204, 76, 2], [127, 39, 4]];
const SHARES = ["#e3edf5", "#fff3c4", "#fee391", "#fec44f", "#fe9929", "#e06410", "#b03a02", "#7f2704"];
const BOUNDS = [0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1];

const hex = (rgb) => "#" + rgb.map((part) => Math.round(part).toString(16).padStart(2, "0")).join("");

/** Colour of a rank among so many tiers. */
export function ofRank(rank, tiers) {
  const last = Math.max(tiers - 1, 1);
  const place = (Math.min(rank, last) / last) * (TIERS.length - 1);
  const low = Math.floor(place), high = Math.ceil(place), part = place - low;
  return hex(TIERS[low].map((value, at) => value + (TIERS[high][at] - value) * part));
}

/** Colour of a share, 0 to 1. */
export function ofShare(share) {
  if (share === NONE || share === undefined) return NONE;
  const above = BOUNDS.filter((bound) => share > bound).length;
  return SHARES[above];
}

/** What the colours of shares mean, for the legend. */
export function shares() {
  return SHARES.map((colour, at) => {
    if (at === 0) return { colour, text: "0" };
    return { colour, text: at === SHARES.length - 1 ? `> ${shortPercent(BOUNDS[at - 1])}` : `≤ ${shortPercent(BOUNDS[at])}` };
  });
}

function luminance(colour) {
  const parts = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255);
  const linear = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}

/** Black or white, whichever reads better on the colour. */
export function textOn(colour) {
  const light = luminance(colour);
  return (1.05 / (light + 0.05)) > ((light + 0.05) / 0.055) ? "#ffffff" : "#11181f";
}
