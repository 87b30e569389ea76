// The card of a text: where each character, rule and seal stands. Pure geometry, drawn by `card_svg` and `card_canvas`.

import { squaresOf } from "../verse.js";

export const FACES =
  '"Kaiti SC", STKaiti, KaiTi, "LXGW WenKai", "Noto Serif CJK SC", "Source Han Serif SC", "Songti SC", SimSun, serif';
export const COLOURS = {
  paper: "#faf6ec",
  edge: "#d9cfb8",
  rule: "#c9b79a",
  ink: "#221d18",
  faint: "#6f6557",
  seal: "#a8281e",
};

const STEP = 64; // from one character of a column to the next
const COLUMN = 96;
const GLYPH = 48;
const EDGE = 96;
const MOST_IN_COLUMN = 24;

// Marks hang in the upper right of their square where text runs down.
const VERTICAL_MARKS = { "，": "︐", "。": "︒", "、": "︑", "；": "︔", "：": "︓", "！": "︕", "？": "︖" };

/** The columns of a text, right to left; a long line goes on in the next one. */
function columnsOf(lines) {
  return squaresOf(lines).flatMap((squares) => {
    const columns = [];
    for (let at = 0; at < squares.length; at += MOST_IN_COLUMN) columns.push(squares.slice(at, at + MOST_IN_COLUMN));
    return columns;
  });
}

/** The card: its `width` and `height`, and its `shapes` in the order in which they are drawn. */
export function cardOf({ lines, title = "", author = "", seal = "" }) {
  const columns = columnsOf(lines);
  const deepest = Math.max(4, [...title].length, ...columns.map((squares) => squares.length));
  const heading = title ? 1 : 0;
  const width = 2 * EDGE + (columns.length + heading + 1) * COLUMN;
  const height = 2 * EDGE + deepest * STEP + STEP;
  const shapes = [...frame(width, height)];
  const middle = (column) => width - EDGE - (column + 0.5) * COLUMN;
  for (let column = 1; column < columns.length + heading + 1; column += 1)
    shapes.push({ kind: "line", x: width - EDGE - column * COLUMN, y: EDGE, to: height - EDGE });
  if (title) shapes.push(...down([...title], middle(0), EDGE + STEP, 34, COLOURS.faint));
  columns.forEach((squares, column) => shapes.push(...written(squares, middle(column + heading))));
  const last = middle(columns.length + heading);
  if (author) shapes.push(...down([...author], last, EDGE + STEP, 30, COLOURS.faint));
  if (seal) shapes.push(...sealed([...seal].slice(0, 4), last, height - EDGE - 60));
  return { width, height, shapes };
}

function frame(width, height) {
  return [
    { kind: "box", x: 0, y: 0, width, height, fill: COLOURS.paper },
    {
      kind: "frame",
      x: EDGE - 16,
      y: EDGE - 16,
      width: width - 2 * EDGE + 32,
      height: height - 2 * EDGE + 32,
      stroke: COLOURS.rule,
      thick: 3,
    },
    {
      kind: "frame",
      x: EDGE - 8,
      y: EDGE - 8,
      width: width - 2 * EDGE + 16,
      height: height - 2 * EDGE + 16,
      stroke: COLOURS.rule,
      thick: 1,
    },
  ];
}

function written(squares, x) {
  return squares.flatMap(({ char, marks }, place) => {
    const y = EDGE + STEP * (place + 1);
    const mark = [...marks].map((each) => ({
      kind: "char",
      char: VERTICAL_MARKS[each] ?? each,
      x: x + 30,
      y: y + 26,
      size: 26,
      fill: COLOURS.faint,
    }));
    return [{ kind: "char", char, x, y, size: GLYPH, fill: COLOURS.ink }, ...mark];
  });
}

function down(chars, x, y, size, fill) {
  return chars.map((char, place) => ({ kind: "char", char, x, y: y + place * size * 1.25, size, fill }));
}

// A seal reads down, then leftwards: one, two or four characters.
function sealed(chars, x, y) {
  const size = 64;
  const cell = chars.length > 2 ? size / 2 : size / Math.max(1, chars.length);
  const glyphs = chars.map((char, index) => ({
    kind: "char",
    char,
    size: cell * (chars.length === 2 ? 0.9 : 0.86),
    fill: COLOURS.paper,
    x: chars.length > 2 ? x + (index < 2 ? cell / 2 : -cell / 2) : x,
    y: chars.length > 2 ? y - cell / 2 + (index % 2) * cell : y - size / 2 + cell / 2 + index * cell,
  }));
  const width = chars.length === 2 ? size * 0.6 : size;
  return [
    {
      kind: "box",
      x: x - width / 2 - 4,
      y: y - size / 2 - 4,
      width: width + 8,
      height: size + 8,
      fill: COLOURS.seal,
      round: 6,
    },
    ...glyphs,
  ];
}
