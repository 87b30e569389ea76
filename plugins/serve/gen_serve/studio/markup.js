// Builds elements without inline handlers or inline styles, as the content security policy asks.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes, listeners (`on…`) and children; a null child or attribute is left out. */
export function element(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function drawn(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "value") made.value = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** Puts children in the place of all that a node holds. */
export function refill(node, ...children) {
  node.replaceChildren(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return node;
}

const STROKES = {
  brush: "M4 20c3 0 4-1 5-3M9 17 19 5c1-1 2 0 1 1L11 18",
  again: "M19 12a7 7 0 1 1-2-5M19 3v4h-4",
  star: "m12 4 2.4 5 5.6.7-4.1 3.8 1.1 5.5-5-2.8L7 19l1.1-5.5L4 9.7 9.6 9z",
  share: "M12 15V4m0 0L8 8m4-4 4 4M5 13v6h14v-6",
  close: "M6 6l12 12M18 6 6 18",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v2m0 16v2M2 12h2m16 0h2M5 5l1.4 1.4M17.6 17.6 19 19M5 19l1.4-1.4M17.6 6.4 19 5",
  moon: "M19 14A8 8 0 0 1 10 5a7.5 7.5 0 1 0 9 9z",
  columns: "M6 4v16M12 4v16M18 4v10",
  rows: "M4 6h16M4 12h16M4 18h10",
  circles: "M8 8.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7M17 8.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7",
  stop: "M7 7h10v10H7z",
};

/** A small drawing of that name, hidden from screen readers. */
export function icon(name) {
  const path = drawn("path", { d: STROKES[name] });
  return drawn(
    "svg",
    { class: `icon icon-${name}`, viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" },
    path,
  );
}

/** A button with an icon, a label, or both. */
export function button(label, onclick, { name = null, quiet = false, ...attributes } = {}) {
  const parts = quiet ? [icon(name)] : [name && icon(name), element("span", {}, label)];
  const told = quiet ? { "aria-label": label, title: label } : {};
  return element("button", { type: "button", ...told, onclick, ...attributes }, parts);
}
