// Why a candidate was not taken, in words that people use.

import { inOurWords } from "../engine_words.js";
import { ruleName } from "./rule_names.js";

/** The rules that forbid a candidate, as opposed to those that only made it unlikely. */
export function hardReasons(candidate) {
  return candidate.removed.filter(({ kind }) => kind !== "shaper" && kind !== "choice");
}

/** Why a candidate is not there: the forbidding rules first, each once. */
export function reasonsOf(candidate) {
  const hard = hardReasons(candidate);
  const shown = hard.length ? hard : candidate.removed;
  const words = shown.map(({ by, why }) => (why ? `${ruleName(by)}（${inOurWords(why)}）` : ruleName(by)));
  return [...new Set(words)].map((each) => ({ words: each }));
}

/** The place of an explanation that holds a position of the whole text; null where the text was given. */
export function placeAt(explanation, position) {
  let at = [...explanation.prompt].length;
  if (position < at) return null;
  for (const place of explanation.places) {
    at += [...place.text].length;
    if (position < at) return place;
  }
  return null;
}
