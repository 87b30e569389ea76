// Asks the server how a text keeps its form.

import { rhymesOf } from "../patterns.js";
import { post } from "../server.js";
import { linesOf } from "../verse.js";

const ASKED = ["form", "tune", "variant", "tones", "rhyme_book", "start", "first"];

/** What `gen check` says of a text written for this body: its record, and the rhyme of each line. Null if nothing. */
export async function judgementOf(kind, body, lines) {
  if (kind === "novel" || kind === "text") return null;
  const wish = isJudged(kind, body) ? wishFrom(body) : sizeOf(lines);
  const [found] = await judged({ text: lines.join("\n"), ...wish }).catch(() => []);
  return found?.record.lines ? found : null;
}

/** Whether a text was written in a form that can be judged; else the check only tells its tones. */
export function isJudged(kind, { form, tune, rhyme_book: book }) {
  return Boolean(kind === "ci" ? tune : kind === "poem" && form) && book !== "none";
}

/** The same for each of several texts; a text that cannot be judged has a record with an `error`. */
export async function judged(asked) {
  const { poems } = await post("v1/check", asked);
  return Promise.all(
    poems.map(async (record) => ({ record, rhymes: record.error || asked.rows ? [] : await rhymesOf(record) })),
  );
}

function wishFrom(body) {
  return Object.fromEntries(ASKED.filter((name) => body[name] !== undefined).map((name) => [name, body[name]]));
}

// Verse without tones of its own: its readings are told all the same.
function sizeOf(lines) {
  const lengths = linesOf(lines.join("\n")).map(
    (line) => [...line].filter((char) => /\p{Script=Han}/u.test(char)).length,
  );
  return { rows: lengths.length, cols: lengths[0] };
}
