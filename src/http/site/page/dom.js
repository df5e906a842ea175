// Elements of the page.

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

/**
 * A table that shows every column: where it is too narrow for that, each row becomes a card in which every value has its
 * column's name before it. The roles are spelled out because cards are no table to a browser.
 */
export function table(caption, head, rows) {
  const first = (at) => (at ? "" : "first");
  const column = (text, at) => el("th", { scope: "col", role: "columnheader", class: first(at) }, text);
  const cell = (text, at) => at
    ? el("td", { role: "cell", "data-column": head[at] }, text ?? "")
    : el("th", { scope: "row", role: "rowheader", class: "first" }, text ?? "");
  return el("div", { class: "table" }, el("table", { role: "table" }, el("caption", {}, caption),
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, ...head.map(column))),
    el("tbody", { role: "rowgroup" }, ...rows.map((row) => el("tr", { role: "row" }, ...row.map(cell))))));
}
