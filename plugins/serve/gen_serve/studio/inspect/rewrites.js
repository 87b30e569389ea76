// What it takes to write a part of a text anew and keep the rest: bodies for the server, each with its step in words.

import { KINDS } from "../wishes.js";
import { BLANK, begunWith, coupletOf, isHan, replaced, squaresOf, templateOf } from "../verse.js";
import { newSeed } from "../write/writing.js";

/** Whether a part of such a text can be written anew with what follows it kept. */
export const keepsTheRest = (draft) => KINDS[draft.kind].verse;

/** One character anew. */
export function characterAnew(draft, square) {
  return anew(draft, square, ({ position }) => position === square.position, ["step_char", { char: square.char }]);
}

/** One line anew; of a ci, what stands between two marks. */
export function lineAnew(draft, square) {
  const part = draft.kind === "ci" ? "clause" : "line";
  return anew(draft, square, (each) => each[part] === square[part], ["step_line", { line: square[part] + 1 }]);
}

/** The couplet anew to which a line belongs; of a ci, the sentence. */
export function coupletAnew(draft, square) {
  const both = draft.kind === "ci" ? [square.line] : coupletOf(square.line);
  const via =
    draft.kind === "ci" ? ["step_sentence", { line: square.line + 1 }] : ["step_couplet", { line: both[0] / 2 + 1 }];
  return anew(draft, square, ({ line }) => both.includes(line), via);
}

/** Another character at one place, and all others kept: the server says whether that is allowed. */
export function characterChanged(draft, square, char) {
  const template = replaced(draft.lines.join(""), square.position, char);
  return asked(draft, { template }, ["step_swap", { old: square.char, char }], square.position);
}

/** Everything anew from a place on, where another character may stand. */
export function anewFrom(draft, square, char = "") {
  const prompt = begunWith(draft.lines.join(""), square.position, char);
  const more = draft.kind === "novel" ? { len: Math.max(1, [...draft.record.text].length - [...prompt].length) } : {};
  return asked(
    withoutFirstLine(draft),
    { prompt, ...more },
    ["step_from", { char: char || square.char }],
    square.position,
  );
}

// A couplet that goes on from a place is given by how it begins, not by its first line.
function withoutFirstLine(draft) {
  if (draft.kind !== "couplet") return draft;
  const { first, ...wished } = draft.wished;
  return { ...draft, wished };
}

/** The same wishes with another seed. */
export function oncemore(draft) {
  return asked(draft, {}, ["step_again", {}]);
}

function anew(draft, square, isAnew, via) {
  const fixed = fixedPlaces(draft);
  const template = templateOf(draft.lines, (each) => isAnew(each) && !fixed.has(each.position));
  return asked(draft, { template }, via, square.position);
}

// What the user typed in a square stays, whatever is written anew around it.
function fixedPlaces(draft) {
  const typed = [...(draft.wished.template ?? "")].filter((char) => isHan(char) || char === BLANK);
  const squares = squaresOf(draft.lines)
    .flat()
    .filter(({ char }) => isHan(char));
  const begun = [...(draft.wished.prompt ?? draft.wished.first ?? "")].filter(isHan).length;
  return new Set(
    squares.filter((_, at) => at < begun || (typed[at] ?? BLANK) !== BLANK).map(({ position }) => position),
  );
}

/** Whether a step leaves anything to write: what is all given cannot be written anew. */
export const writesAnything = (step) => !step.body.template || step.body.template.includes(BLANK);

// `position` is where whoever reads goes on reading.
function asked(draft, changes, via, position) {
  const body = { ...draft.wished, ...changes, num: 1, seed: newSeed() };
  return { kind: draft.kind, wished: draft.wished, body, via, position, parent: draft.id ?? null };
}
