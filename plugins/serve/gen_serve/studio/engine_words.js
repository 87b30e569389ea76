// The engine speaks English. Its sentences are said in Chinese here; one that is not known is left as it is.

import { ruleName } from "./inspect/rule_names.js";
import { JUDGING } from "./sentences/judging.js";
import { PROCESSORS } from "./sentences/processors.js";
import { RULES } from "./sentences/rules.js";
import { SERVING } from "./sentences/serving.js";
import { VERSE } from "./sentences/verse.js";
import { isSaid, language, say } from "./words.js";

// What may stand in some of the braces; anything may in the others.
const NARROW = {
  chars: "[^;:]",
  field: "[^\\s:=]",
  group: "\\S",
  line: "\\S",
  n: "\\S",
  other_chars: "[^;:]",
  place: "\\S",
  rule: "(?:(?!: )[^;])",
  tone: "[a-z ]",
  type: "[a-z |.]",
  what: "[^;:]",
};

/**
 * Pairs of a sentence and its Chinese; of two that fit, the first holds. What stands in {braces} is taken over, and is
 * itself said in Chinese if it is known. By its name, it is read as
 * - {field}, {book}: the name of a field or of a rhyme book, which is shown as the page calls it;
 * - {rule}, {rules}: rules of the chain, which are called as people call them;
 * - {what}: what a rule wants; a character is put into quotes, as in {chars};
 * - a name that ends in s: several of them.
 */
const SENTENCES = [...JUDGING, ...RULES, ...VERSE, ...PROCESSORS, ...SERVING].map(([english, chinese]) => [
  patternOf(english),
  chinese,
]);

const OPTION = /--([a-z]+)/g; // of a command, where the page has a field
// How a sentence lists things, and what stands between them in Chinese.
const PARTS = [
  [/; /, "；"],
  [/, (?=\S+ (?:wants|needs) )/, "；"],
  [/, (?!place )/, "、"],
  [/ and /, "、"],
  [/ or (?!line |\d)/, "或"],
];
const LISTED = [...PARTS, [/ or /, "或"]];

function patternOf(english) {
  const escaped = english.replace(/[.*+?^$()|[\]\\]/g, "\\$&");
  const braces = escaped.replace(/\{(\w+)\}/g, (_, name) => `(?<${name}>${NARROW[name] ?? "."}+?)`);
  return new RegExp(`^${braces}$`, "sui");
}

/** A sentence of the engine in the language of the page, as far as it is known. */
export function inOurWords(sentence) {
  if (language() !== "zh") return sentence;
  return known(sentence.replace(OPTION, (whole, name) => (isSaid(name) ? name : whole))) ?? sentence;
}

const known = (sentence) => alternatives(sentence) ?? whole(sentence);

function whole(sentence) {
  for (const [pattern, chinese] of SENTENCES) {
    const found = pattern.exec(sentence);
    if (found) return chinese.replace(/\{(\w+)\}/g, (_, name) => filled(name, found.groups[name]));
  }
  return null;
}

// Several of what is known, or single characters.
function alternatives(sentence) {
  if (sentence.endsWith(".")) return null;
  for (const [between, mark] of PARTS) {
    const parts = sentence.split(between);
    const told = parts.length > 1 ? parts.map((part) => (part.length === 1 ? `“${part}”` : known(part))) : [null];
    if (told.every((part) => part !== null)) return told.join(mark === "或" && told.some(isLong) ? "，或" : mark);
  }
  return null;
}

const isLong = (part) => part.length > 6;

function filled(name, value) {
  if (name === "field" || name === "book") return calledHere(value);
  if (name === "rule") return ruleName(value);
  const told = known(value);
  if (told !== null) return told;
  if (name === "what" || name.endsWith("s")) return several(name.replace(/s$/, ""), value);
  const bare = plain(value);
  return name === "char" && !bare.startsWith("“") ? `“${bare}”` : bare;
}

const calledHere = (name) => (name === "text" ? say("check_text") : isSaid(name) ? say(name) : name);

function several(one, value) {
  const [between, mark] = LISTED.find(([each]) => each.test(value)) ?? [];
  if (!between) return filled(one === "what" ? "char" : one, value);
  return value
    .split(between)
    .map((part) => known(part) ?? several(one, part))
    .join(mark);
}

// What was typed is quoted as Python does.
const plain = (value) =>
  value.replace(/^(['"])(.*)\1$/s, "“$2”").replace(/ \(([^()a-z]*)\)/g, (_, inside) => `（${inside}）`);
