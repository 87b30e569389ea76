// Draws a card as SVG, with presentation attributes only.

import { drawn } from "../markup.js";
import { COLOURS, FACES } from "./card.js";

const DRAW = {
  box: ({ x, y, width, height, fill, round }) => drawn("rect", { x, y, width, height, fill, rx: round ?? 0 }),
  frame: ({ x, y, width, height, stroke, thick }) =>
    drawn("rect", { x, y, width, height, fill: "none", stroke, "stroke-width": thick }),
  line: ({ x, y, to }) => drawn("line", { x1: x, y1: y, x2: x, y2: to, stroke: COLOURS.edge, "stroke-width": 1.5 }),
  char: ({ char, x, y, size, fill }) =>
    drawn("text", { x, y, "font-size": size, fill, "text-anchor": "middle", "dominant-baseline": "central" }, char),
};

/** The card as an SVG element. `label` is what a screen reader says. */
export function svgOf({ width, height, shapes }, label) {
  const parts = shapes.map((shape) => DRAW[shape.kind](shape));
  return drawn(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: "img",
      "aria-label": label,
      "font-family": FACES,
    },
    parts,
  );
}

/** The card as the text of a file. */
export function svgFile(card, label) {
  return new Blob([new XMLSerializer().serializeToString(svgOf(card, label))], { type: "image/svg+xml" });
}
