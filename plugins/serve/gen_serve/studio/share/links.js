// A link that writes the same text again: every wish, the seed, the model's hash, and a sum of the text to compare.

import { readAddress } from "../address.js";
import { wishesOf } from "../wishes.js";
import { seedOf } from "../write/drafts.js";

/** The settings of a link to a draft, beside the look of the page. */
export function linkSettings(draft, look) {
  const wishes = wishesOf(draft.kind, draft.body);
  const num = draft.index + 1;
  return {
    ...look,
    kind: draft.kind,
    ...wishes,
    num: num > 1 ? num : "",
    seed_wish: seedOf(draft),
    pick: draft.index || "",
    hash: draft.hash,
    sum: sumOf(draft.text),
    open: 1,
  };
}

/** What a link promised: the text's place among several, the model's hash and the sum; null if it is no such link. */
export function promiseIn(hash) {
  const { open, pick = "0", hash: model = "", sum = "" } = readAddress(hash);
  return open ? { pick: Number(pick), model, sum } : null;
}

/** A short sum of a text (FNV-1a, 32 bits): it tells apart, and proves nothing. */
export function sumOf(text) {
  let sum = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) sum = Math.imul(sum ^ byte, 0x01000193) >>> 0;
  return sum.toString(16).padStart(8, "0");
}
