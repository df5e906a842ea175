// Small SVG charts: a line with its interval and its gaps, and a sparkline.

import { shortDay, shortPercent } from "./language.js";

const SPACE = "http://www.w3.org/2000/svg";

function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SPACE, tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

// A top of the axis that is 1, 2 or 5 times a power of ten.
function nice(value) {
  if (!(value > 0)) return 0.01;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((top) => top >= value * 0.999);
}

// Stretches without a gap.
function stretches(points) {
  const all = [];
  let open = null;
  for (const point of points) {
    if (point.value === null || point.value === undefined) open = null;
    else if (open) open.push(point);
    else all.push(open = [point]);
  }
  return all;
}

const path = (points, x, y) => points.map((point, at) => `${at ? "L" : "M"}${x(point).toFixed(1)} ${y(point).toFixed(1)}`).join("");

// Days on which nobody was swabbed, hatched; neighbours together.
function gaps(frame, points, step) {
  const pattern = svg("pattern", { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    svg("line", { class: "hatch", x1: 0, x2: 0, y1: 0, y2: 6 }));
  const parts = [svg("defs", {}, pattern)];
  points.forEach((point, at) => {
    if (!point.idle || points[at - 1]?.idle) return;
    let end = at;
    while (points[end + 1]?.idle) end += 1;
    const from = Math.max(frame.left, frame.x(at) - step / 2), to = Math.min(frame.right, frame.x(end) + step / 2);
    parts.push(svg("rect", { class: "gap", x: from.toFixed(1), y: frame.upper, width: (to - from).toFixed(1), height: frame.lower - frame.upper, fill: "url(#hatch)" }));
  });
  return svg("g", { "aria-hidden": "true" }, ...parts);
}

function axes(frame, top, points) {
  const { left, right, upper, lower, x, y } = frame;
  const parts = [];
  for (const part of [0, 0.5, 1]) {
    const at = y(top * part);
    parts.push(svg("line", { class: "grid", x1: left, x2: right, y1: at, y2: at }));
    const label = svg("text", { class: "tick", x: left - 6, y: at + 4, "text-anchor": "end" });
    label.textContent = shortPercent(top * part);
    parts.push(label);
  }
  const every = Math.max(1, Math.ceil(points.length / Math.max(2, Math.floor((right - left) / 90))));
  points.forEach((point, at) => {
    if ((points.length - 1 - at) % every) return;
    const anchor = at === points.length - 1 ? "end" : at === 0 ? "start" : "middle";
    const label = svg("text", { class: "tick", x: x(at), y: lower + 16, "text-anchor": anchor });
    label.textContent = shortDay(point.day);
    parts.push(label);
  });
  return svg("g", { "aria-hidden": "true", "data-upper": upper }, ...parts);
}

/**
 * A line over days with its interval, and below it, dashed, what each day was closed with. `points` are {day, value, low,
 * high, idle, closed}, one for each day; a value may be null, and a day idle, then the line breaks off. `pointed` is given the
 * point that is pointed at, or null.
 */
export function line(box, points, pointed) {
  const width = Math.max(260, box.clientWidth || 600), height = Math.min(260, Math.max(180, width * 0.42));
  const frame = { left: 54, right: width - 10, upper: 10, lower: height - 26 };
  const high = (point) => Math.max(point.closed?.value ?? 0, Math.min(point.high ?? point.value ?? 0, (point.value ?? 0) * 4 || 1));
  const top = nice(Math.max(0, ...points.map(high)));
  const step = (frame.right - frame.left) / Math.max(1, points.length - 1);
  frame.x = (at) => (points.length === 1 ? (frame.left + frame.right) / 2 : frame.left + at * step);
  frame.y = (value) => frame.lower - (Math.min(value, top) / top) * (frame.lower - frame.upper);
  const placed = points.map((point, at) => ({ ...point, at }));
  const x = (point) => frame.x(point.at);
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", tabindex: "0" });
  drawing.append(gaps(frame, points, step), axes(frame, top, points));
  const closed = placed.map((point) => ({ at: point.at, value: point.closed?.value ?? null }));
  for (const stretch of stretches(closed)) {
    drawing.append(svg("path", { class: "closed", d: path(stretch, x, (point) => frame.y(point.value)) }));
  }
  for (const stretch of stretches(placed)) {
    const known = stretch.filter((point) => point.low !== undefined);
    if (known.length) {
      const there = path(known, x, (point) => frame.y(point.high));
      const back = path([...known].reverse(), x, (point) => frame.y(point.low)).replace("M", "L");
      drawing.append(svg("path", { class: known.length > 1 ? "band" : "band single", d: `${there}${back}Z` }));
    }
    drawing.append(svg("path", { class: "line", d: path(stretch, x, (point) => frame.y(point.value)) }));
    if (points.length < 40 || stretch.length === 1) {
      for (const point of stretch) drawing.append(svg("circle", { class: "dot", cx: x(point), cy: frame.y(point.value), r: 2.5 }));
    }
  }
  point(drawing, frame, placed, pointed);
  box.replaceChildren(drawing);
}

// The day under the pointer, or chosen with the arrow keys.
function point(drawing, frame, points, pointed) {
  const mark = svg("line", { class: "mark", y1: frame.upper, y2: frame.lower, visibility: "hidden" });
  drawing.append(mark);
  let at = points.length - 1;
  const show = (to) => {
    at = Math.max(0, Math.min(points.length - 1, to));
    mark.setAttribute("x1", frame.x(at));
    mark.setAttribute("x2", frame.x(at));
    mark.setAttribute("visibility", "visible");
    pointed(points[at]);
  };
  const hide = () => {
    mark.setAttribute("visibility", "hidden");
    pointed(null);
  };
  drawing.addEventListener("pointermove", (event) => {
    const box = drawing.getBoundingClientRect();
    const place = ((event.clientX - box.x) / box.width) * drawing.viewBox.baseVal.width;
    show(Math.round(((place - frame.left) / (frame.right - frame.left)) * (points.length - 1)));
  });
  drawing.addEventListener("pointerleave", hide);
  drawing.addEventListener("blur", hide);
  drawing.addEventListener("focus", () => drawing.matches(":focus-visible") && show(at));
  drawing.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    show(at + step);
  });
}

/** Rates of the last seconds, so many. */
export function spark(box, rates, seconds, label) {
  const width = Math.max(200, box.clientWidth || 400), height = 56;
  const top = Math.max(1, ...rates);
  const step = width / (seconds - 1);
  const place = (rate, at) => `${(width - (rates.length - 1 - at) * step).toFixed(1)} ${(height - 3 - (rate / top) * (height - 8)).toFixed(1)}`;
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label });
  if (rates.length) {
    const d = "M" + rates.map(place).join("L");
    const first = (width - (rates.length - 1) * step).toFixed(1);
    drawing.append(svg("path", { class: "band", d: `${d}L${width} ${height}L${first} ${height}Z` }), svg("path", { class: "line", d }));
  }
  box.replaceChildren(drawing);
}
