// The patterns of forms and tunes, as the server tells them; asked for once.

import { get } from "./server.js";

let everything = null;
const tunes = new Map(); // at most as many as there are tunes

/** All forms with their patterns, and the names of all tunes. */
export function allForms() {
  everything ??= get("v1/forms").catch((problem) => {
    everything = null;
    throw problem;
  });
  return everything;
}

/** The variants of a tune with their lines; null where no tune has that name. */
export async function tuneOf(name) {
  if (!tunes.has(name)) {
    const told = await get("v1/forms", { name }).catch(() => null);
    tunes.set(name, told?.variants ? told : null);
  }
  return tunes.get(name);
}

/**
 * The lines that a wish asks for: each with its `length`, `mark`, `rhyme` and, where all patterns agree, its `tones`.
 * Null where that is not known yet.
 */
export async function linesAsked(kind, wishes) {
  if (kind === "couplet") return coupletLines(wishes);
  if (kind === "ci") return wishes.tune ? tuneLines(wishes) : null;
  if (!wishes.form)
    return sizedLines(
      Number(wishes.rows || Math.max(4, [...(wishes.acrostic ?? "")].length)),
      Number(wishes.cols || 5),
    );
  return formLines(wishes);
}

function sizedLines(rows, cols) {
  return Array.from({ length: rows }, (_, row) => ({
    length: cols,
    tones: "中".repeat(cols),
    rhyme: "",
    mark: row % 2 === 1 || row === rows - 1 ? "。" : "，",
  }));
}

function coupletLines(wishes) {
  if (wishes.first_line) return null;
  const parts = String(wishes.couplet_cols || "7")
    .split(/[，,]/)
    .map(Number);
  if (parts.some((length) => !(length > 0 && length < 60))) return null;
  const line = (end) =>
    parts.map((length, index) => ({
      length,
      tones: "中".repeat(length),
      rhyme: "",
      mark: index < parts.length - 1 ? "，" : end,
    }));
  return [...line("，"), ...line("。")];
}

async function tuneLines(wishes) {
  const tune = await tuneOf(wishes.tune);
  const variant = tune?.variants.find((each) => String(each.variant) === String(wishes.variant)) ?? tune?.variants[0];
  return variant ? variant.lines.map(({ tones, mark, rhyme }) => lineOf([tones], mark, rhyme)) : null;
}

async function formLines(wishes) {
  const form = (await allForms()).forms.find((each) => each.form === wishes.form);
  if (!form) return null;
  const strict = wishes.tones === "strict" ? "strict" : "loose";
  const fitting = form.patterns.filter(({ name }) => fits(name, wishes));
  const shown = (fitting.length ? fitting : form.patterns).map((pattern) => pattern.lines);
  const rows = Number(wishes.rows) || form.rows || shown[0].length;
  return Array.from({ length: rows }, (_, row) => {
    const lines = shown.map((pattern) => pattern[row] ?? pattern[row % 2 === 0 ? 2 : 3] ?? pattern.at(-1));
    const rhyme = lines.every((line) => line.rhyme) ? lines[0].rhyme : "";
    const tones =
      wishes.tones === "off" ? [[lines[0][strict][0].replace(/./gu, "中")]] : lines.map((line) => line[strict]);
    return lineOf(tones, lines[0].mark, rhyme);
  });
}

const FIRSTS = { rhymed: "首句入韵", unrhymed: "首句不入韵", neighbour: "首句借邻韵" };

function fits(name, { start, first }) {
  return (!start || name.includes(start)) && (!first || name.includes(FIRSTS[first]));
}

// A tone is told only where all alternatives agree.
function lineOf(alternatives, mark, rhyme) {
  const [one, ...others] = alternatives.flat();
  const tones = [...one].map((tone, place) => (others.every((other) => other[place] === tone) ? tone : "中")).join("");
  return { length: [...one].length, tones, mark, rhyme };
}

/** Where a judged poem rhymes: the letters of the lines of its pattern, "" for a line that does not. */
export async function rhymesOf(record) {
  const forms = (await allForms()).forms;
  // A neighbour rhymes where a rhyme would stand.
  const plain = record.pattern.replace("首句借邻韵", "首句入韵");
  const pattern = forms.find((each) => each.form === record.form)?.patterns.find((each) => each.name === plain);
  if (pattern) return pattern.lines.map((line) => line.rhyme);
  const tune = await tuneOf(record.form);
  return tune?.variants.find((each) => each.name === record.pattern)?.lines.map((line) => line.rhyme) ?? [];
}
