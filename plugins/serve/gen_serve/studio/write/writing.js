// One request for texts, from its body to drafts.

import { KINDS, asSent } from "../wishes.js";
import { cancel, stream } from "../server.js";
import { linesOf } from "../verse.js";

/**
 * Writes the texts of a body. `hears` is told of what comes: `text(sample, soFar)`, `drawing(drawn, of)`,
 * `done(sample, record)`, `notes(sentences)`. The signal stops it, here and on the server.
 */
export async function writeTexts(kind, body, hears, signal) {
  const soFar = new Map();
  let id = null;
  signal.addEventListener("abort", () => id && cancel(id), { once: true });
  for await (const event of stream(KINDS[kind].path, asSent(kind, body), signal)) {
    if (event.type === "begun") {
      id = event.id;
      hears.notes(event.notes ?? []);
    }
    if (event.type === "text") {
      const { sample = 0, text } = event;
      soFar.set(sample, (soFar.get(sample) ?? "") + text);
      hears.text(sample, soFar.get(sample));
    }
    if (event.type === "drawing") hears.drawing(event.drawn, event.of);
    if (event.type === "text_done") hears.done(event.sample, event.result);
    if (event.type === "over") hears.notes(event.notes ?? []);
  }
}

/** The lines of a record as they are shown: its own, or those that its marks part. Prose keeps its line breaks. */
export function linesIn(kind, record) {
  if (!KINDS[kind].verse) return record.text.split(/(?<=\n)/);
  return record.lines ?? linesOf(record.text);
}

/** A seed that nobody had: 32 random bits, which a person can still copy by hand. */
export function newSeed() {
  return crypto.getRandomValues(new Uint32Array(1))[0];
}
