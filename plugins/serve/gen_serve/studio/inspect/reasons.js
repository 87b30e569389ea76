// Why a candidate was not taken, in words that people use.

import { inOurWords } from "../engine_words.js";
import { language } from "../words.js";

const NAMES = {
  form: ["格律", "the form"],
  tune: ["词谱", "the tune"],
  acrostic: ["藏字", "the acrostic"],
  template: ["所填的格", "the filled squares"],
  require: ["必用字", "a required character"],
  ban: ["禁用字", "a forbidden character"],
  distinct: ["不许重字", "no character twice"],
  avoid_repeat: ["避免重字", "it avoids repeats"],
  no_repeat: ["不许重字", "no repeats"],
  no_repeat_ngram: ["不许重词", "no pair twice"],
  parallel: ["对仗", "parallelism"],
  couplet: ["对联格式", "the couplet"],
  no_unk: ["模型外的字", "unknown characters"],
  no_special: ["特殊记号", "special tokens"],
  top_k: ["不在前 k 名", "beyond top-k"],
  top_p: ["不在 top-p 之内", "beyond top-p"],
  temperature: ["温度", "temperature"],
  length: ["字数", "the length"],
  "unused tokens": ["词表外", "outside the vocabulary"],
  "no text behind it": ["之后无法写完", "nothing could follow"],
};

const nameOf = (spec) => spec.split(/[=,]/)[0].replace(/^.*:/, "");

/** A rule's name for people; a spec that has none stays as it is. */
export function ruleName(spec) {
  const names = NAMES[nameOf(spec)];
  return names ? names[language() === "zh" ? 0 : 1] : spec;
}

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
