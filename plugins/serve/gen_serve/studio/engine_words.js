// The engine speaks English. Its commonest sentences are said in Chinese here; the others are left as they are.

import { language } from "./words.js";

const TONES = { "a level tone": "平声", "an oblique tone": "仄声", "a Chinese character": "汉字", "a character": "字" };
const WHERE = String.raw`line (?<line>\d+), place (?<place>\d+)`;
const HERE = "第$<line>句第$<place>字";

const SENTENCES = [
  // what is wrong with a poem, and what is pardoned
  [
    `^${WHERE}: (?<char>.) is 拗 \\((?<name>[^)]+)\\), saved by (?<by>.) at line (?<other>\\d+), place (?<at>\\d+)$`,
    `${HERE}“$<char>”拗（$<name>），第$<other>句第$<at>字“$<by>”救`,
  ],
  [
    `^${WHERE}: (?<char>.) is 拗 \\((?<name>[^)]+)\\), saved by (?<by>.) at place (?<at>\\d+)$`,
    `${HERE}“$<char>”拗（$<name>），第$<at>字“$<by>”救`,
  ],
  [
    `^${WHERE}: (?<char>.) is 拗 \\((?<name>[^)]+)\\), not saved, as it need not be$`,
    `${HERE}“$<char>”拗（$<name>），可不救`,
  ],
  [
    `^${WHERE}: (?<char>.) is (?<has>[平仄]+), (?<wanted>[平仄]) is wanted(?: \\((?<name>[^)]+)\\))?$`,
    `${HERE}“$<char>”读$<has>，此处应$<wanted>　$<name>`,
  ],
  [
    `^${WHERE}: (?<char>.) is not in the book, (?<wanted>[平仄中]) is wanted$`,
    `${HERE}“$<char>”韵书未收，此处应$<wanted>`,
  ],
  [
    `^${WHERE}: (?<char>.) \\((?<own>[^)]+)\\) does not rhyme in (?<group>[^;]+); it does in (?<books>.+)$`,
    `${HERE}“$<char>”（$<own>）不押$<group>韵；在$<books>中押韵`,
  ],
  [
    `^${WHERE}: (?<char>.) \\((?<own>[^)]+)\\) does not rhyme in (?<group>\\S+)$`,
    `${HERE}“$<char>”（$<own>）不押$<group>韵`,
  ],
  [
    `^${WHERE}: (?<char>.) \\((?<own>[^)]+)\\) rhymes in a neighbour of (?<group>\\S+), as a first line may \\(首句借邻韵\\)$`,
    `${HERE}“$<char>”（$<own>）借$<group>的邻韵`,
  ],
  [`^${WHERE}: (?<char>.) has rhymed in line (?<other>\\d+) already$`, `${HERE}“$<char>”在第$<other>句已押过`],
  [
    `^${WHERE}: the line [a-z ]+ line (?<other>\\d+) \\((?<name>[^)]+)\\); its second place goes (?<has>.)$`,
    "第$<line>句与第$<other>句$<name>：第二字行$<has>声",
  ],
  // why a reading was taken
  ["^it rhymes in (?<group>\\S+)$", "押$<group>韵"],
  ["^仄 here is 拗, and saved$", "此处以仄为拗，已救"],
  ["^(?<wanted>[平仄]) is wanted at this place$", "此处应$<wanted>"],
  // what a rule wants
  [
    `^(?<tone>an? [a-zA-Z ]+?) (?:in rhyme with|in a rhyme next to) (?<group>\\S+) at ${WHERE}$`,
    `${HERE}要$<tone>，押$<group>韵`,
  ],
  [`^(?<tone>an? [a-zA-Z ]+?) that rhymes(?: in a neighbouring group)? at ${WHERE}$`, `${HERE}要$<tone>，押韵`],
  [`^(?<tone>an? [a-zA-Z ]+?) at ${WHERE}$`, `${HERE}要$<tone>`],
  [`^(?<char>\\S+) at ${WHERE}$`, `${HERE}要“$<char>”`],
  [`^a character that is not among (?<char>\\S+) at ${WHERE}$`, `${HERE}不可与“$<char>”中的字相同`],
  ["^(?<char>\\S) after line (?<line>\\d+)$", "第$<line>句后要“$<char>”"],
  ["^anything but (?<char>.+)$", "不许“$<char>”"],
  // notes
  [
    "^[tT]he model (?<model>\\S+) knows no author '(?<name>.+)' and is not told of it; it knows (?<others>.+)\\.$",
    "模型 $<model> 不识作者“$<name>”，写时不论；它识得 $<others>。",
  ],
  [
    "^[tT]he model (?<model>\\S+) knows no tune '(?<name>.+)' and is not told of it; it knows (?<others>.+)\\.$",
    "模型 $<model> 没见过词牌“$<name>”，只按词谱写；它见过 $<others>。",
  ],
  ["^of the (?:title|author) '(?<typed>.+)' the model is told (?<told>.+)\\.$", "“$<typed>”中告诉模型的是“$<told>”。"],
].map(([pattern, words]) => [new RegExp(pattern, "su"), words]);

/** A sentence of the engine in the language of the page, as far as it is known. */
export function inOurWords(sentence) {
  if (language() !== "zh") return sentence;
  const found = SENTENCES.find(([pattern]) => pattern.test(sentence));
  if (!found) return sentence;
  return sentence
    .replace(...found)
    .replace(/an? (?:level tone|oblique tone|Chinese character|character)/g, (tone) => TONES[tone])
    .replaceAll(" and ", "、")
    .trim();
}
