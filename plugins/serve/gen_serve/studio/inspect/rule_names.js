// What people call the rules of a chain.

import { language } from "../words.js";

const NAMES = {
  form: ["格律", "the form"],
  tune: ["词谱", "the tune"],
  acrostic: ["藏字", "the acrostic"],
  template: ["所填的格", "the filled squares"],
  require: ["必用字", "a required character"],
  spread: ["必用字的散布", "the spread of required characters"],
  ban: ["禁用字", "a forbidden character"],
  only: ["限用字", "the permitted characters"],
  distinct: ["不许重字", "no character twice"],
  distinct_rhymes: ["不许重韵", "no rhyme word twice"],
  avoid_repeat: ["避免重字", "it avoids repeats"],
  no_repeat: ["不许重字", "no repeats"],
  no_repeat_ngram: ["不许重词", "no pair twice"],
  no_double_punctuation: ["不许标点连用", "no two marks in a row"],
  parallel: ["对仗", "parallelism"],
  couplet: ["对联格式", "the couplet"],
  no_unk: ["只用模型识得的字", "unknown characters"],
  no_special: ["不用特殊记号", "special tokens"],
  length: ["字数", "the length"],
  force: ["定位的字", "the characters at their places"],
  choice: ["可选的几句", "the texts to choose from"],
  regex: ["正则式", "the pattern"],
  balanced: ["括号引号成对", "pairs of brackets and quotes"],
  stop: ["止于此", "where it stops"],
  sentence_end: ["到句末", "the sentence end"],
  top_k: ["不在前 k 名", "beyond top-k"],
  top_p: ["不在 top-p 之内", "beyond top-p"],
  temperature: ["温度", "temperature"],
  "unused tokens": ["词表外", "outside the vocabulary"],
  "no text behind it": ["之后无法写完", "nothing could follow"],
};

const nameOf = (spec) => spec.split(/[=,]/)[0].replace(/^.*:/, "");

/** A rule's name for people; a spec that has none stays as it is. */
export function ruleName(spec) {
  const names = NAMES[nameOf(spec)];
  return names ? names[language() === "zh" ? 0 : 1] : spec;
}
