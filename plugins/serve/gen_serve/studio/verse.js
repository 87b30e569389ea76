// A text as lines of squares. Positions count code points, as the engine does.

export const BLANK = "□";
const MARKS = "，。、；：？！,.;:?!";
const HAN = /\p{Script=Han}|〇/u;

export const isHan = (char) => HAN.test(char);

/** The lines of a text: a line break or a mark ends one. */
export function linesOf(text) {
  const lines = [""];
  for (const char of text) {
    if (char === "\n") lines.push("");
    else {
      lines[lines.length - 1] += char;
      if (MARKS.includes(char)) lines.push("");
    }
  }
  return lines.filter((line) => line.trim());
}

/**
 * The squares of each line: `char`, `position` in the joined lines, `line`, `place` and `clause` from 0, and the
 * `marks` behind it; a clause ends at a mark, and a line of a ci may hold several.
 * Marks have positions of their own, so that a square's position is its place in the text.
 */
export function squaresOf(lines) {
  let [position, clause] = [0, 0];
  return lines.map((written, line) => {
    const squares = [];
    for (const char of written) {
      if (char === "\n") {
        position += 1; // a place of the text, but no square
        continue;
      }
      const isMark = MARKS.includes(char) && squares.length > 0;
      if (isMark) squares.at(-1).marks += char;
      else
        squares.push({
          char,
          position,
          line,
          place: squares.length,
          clause: clause + (squares.at(-1)?.marks ? 1 : 0),
          marks: "",
        });
      clause = squares.at(-1).clause;
      position += 1;
    }
    clause += 1;
    return squares;
  });
}

/** The lines with a blank at each Chinese character that `isAnew(square)` picks: a template for the engine. */
export function templateOf(lines, isAnew) {
  const blanked = squaresOf(lines).map((squares) =>
    squares.map((square) => (isHan(square.char) && isAnew(square) ? BLANK : square.char) + square.marks).join(""),
  );
  return blanked.join("");
}

/** The text with another character at a position. */
export function replaced(text, position, char) {
  return [...text].map((old, index) => (index === position ? char : old)).join("");
}

/** The text up to a position, and a character there. */
export function begunWith(text, position, char = "") {
  return [...text].slice(0, position).join("") + char;
}

/** The lines of the couplet that a line belongs to: two that follow one another. */
export function coupletOf(line) {
  const first = line - (line % 2);
  return [first, first + 1];
}
