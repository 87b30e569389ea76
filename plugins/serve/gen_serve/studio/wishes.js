// What can be wished for: the options of the commands, by the names that the server knows them by.

/** Each kind of text: where it is written, and which command that is. */
export const KINDS = {
  poem: { path: "v1/poems", verse: true },
  ci: { path: "v1/ci", verse: true },
  couplet: { path: "v1/couplets", verse: true },
  novel: { path: "v1/novels", verse: false },
  text: { path: "v1/texts", verse: false },
};

const VERSE = ["poem", "ci", "couplet"];
const REGULAR = ["poem", "ci"];
const ALL = Object.keys(KINDS);

const inForm = (wishes) => Boolean(wishes.form);
const freeSize = (wishes) => !wishes.form;
const freeRows = (wishes) => !wishes.form || ["五排", "七排", "五古", "七古"].includes(wishes.form);
const answersNothing = (wishes) => !wishes.first_line;
const BOOKS = ["pingshui", "cilin", "xinyun", "tongyun"];

/**
 * The fields in the order in which they are asked. `type` says how one is shown and sent: line, number, real, choice,
 * flag, list (sent as an array), or one with a part of the page of its own (form, tune, squares, model).
 */
export const FIELDS = [
  { name: "title", kinds: VERSE, group: "about", type: "line", wide: true },
  { name: "author", kinds: VERSE, group: "about", type: "line" },
  { name: "dynasty", kinds: VERSE, group: "about", type: "choice", choices: ["", "唐", "宋"] },
  { name: "first", kinds: ["couplet"], group: "about", type: "line", wide: true, as: "first_line" },
  { name: "like", kinds: ["novel"], group: "about", type: "line", wide: true },
  { name: "prompt", kinds: ["novel", "text"], group: "about", type: "area", wide: true },

  { name: "form", kinds: ["poem"], group: "shape", type: "form" },
  { name: "tune", kinds: ["ci"], group: "shape", type: "tune", wide: true },
  { name: "variant", kinds: ["ci"], group: "shape", type: "variant", wide: true },
  { name: "rows", kinds: ["poem"], group: "shape", type: "number", least: 1, most: 40, when: freeRows, hint: "4" },
  { name: "cols", kinds: ["poem"], group: "shape", type: "number", least: 1, most: 30, when: freeSize, hint: "5" },
  {
    name: "cols",
    kinds: ["couplet"],
    group: "shape",
    type: "line",
    when: answersNothing,
    hint: "7",
    as: "couplet_cols",
  },
  { name: "tones", kinds: ["poem"], group: "shape", type: "choice", choices: ["", "strict", "off"], when: inForm },
  { name: "tones", kinds: ["ci"], group: "shape", type: "choice", choices: ["", "off"] },
  { name: "tones", kinds: ["couplet"], group: "shape", type: "choice", choices: ["", "off"], as: "couplet_tones" },
  {
    name: "rhyme_book",
    kinds: ["poem"],
    group: "sound",
    type: "choice",
    choices: ["", ...BOOKS, "none"],
    when: inForm,
  },
  { name: "rhyme_book", kinds: ["ci"], group: "sound", type: "choice", choices: ["", ...BOOKS, "none"] },
  { name: "rhyme_book", kinds: ["couplet"], group: "sound", type: "choice", choices: ["", ...BOOKS] },
  { name: "rhyme", kinds: ["poem"], group: "sound", type: "list", when: inForm },
  { name: "rhyme", kinds: ["ci"], group: "sound", type: "list" },
  { name: "start", kinds: ["poem"], group: "sound", type: "choice", choices: ["", "平起", "仄起"], when: inForm },
  {
    name: "first",
    kinds: ["poem"],
    group: "sound",
    type: "choice",
    choices: ["", "rhymed", "unrhymed", "neighbour"],
    when: inForm,
  },
  { name: "parallel", kinds: ["poem"], group: "sound", type: "choice", choices: ["", "middle", "all"] },
  { name: "len", kinds: ["novel"], group: "shape", type: "number", least: 1, most: 3000, hint: "300" },
  { name: "end", kinds: ["novel"], group: "shape", type: "choice", choices: ["", "sentence"] },
  { name: "model", kinds: ["text"], group: "shape", type: "model", wide: true, needed: true },
  { name: "max_new", kinds: ["text"], group: "shape", type: "number", least: 1, most: 2000, hint: "256" },

  { name: "prompt", kinds: REGULAR, group: "characters", type: "line", wide: true, as: "beginning" },
  {
    name: "prompt",
    kinds: ["couplet"],
    group: "characters",
    type: "line",
    wide: true,
    when: answersNothing,
    as: "beginning",
  },
  { name: "acrostic", kinds: REGULAR, group: "characters", type: "line" },
  { name: "acrostic_at", kinds: REGULAR, group: "characters", type: "choice", choices: ["", "tail", "diagonal"] },
  { name: "require", kinds: REGULAR, group: "characters", type: "line" },
  { name: "forbid", kinds: REGULAR, group: "characters", type: "line" },
  { name: "distinct", kinds: REGULAR, group: "characters", type: "flag" },
  { name: "script", kinds: VERSE, group: "characters", type: "choice", choices: ["", "simp", "trad"] },
  { name: "template", kinds: VERSE, group: "squares", type: "squares", wide: true },

  { name: "num", kinds: ALL, group: "bar", type: "choice", choices: ["", "2", "3", "4", "6", "8"], count: true },
  { name: "best_of", kinds: VERSE, group: "drawing", type: "number", least: 1, most: 64, hint: "8" },
  { name: "seed", kinds: ALL, group: "drawing", type: "number", least: 0, most: 2 ** 53 - 1, as: "seed_wish" },
  { name: "temperature", kinds: ALL, group: "drawing", type: "real", least: 0, most: 5 },
  { name: "top_k", kinds: ALL, group: "drawing", type: "number", least: 1, most: 30000 },
  { name: "top_p", kinds: ALL, group: "drawing", type: "real", least: 0, most: 1 },
  { name: "beams", kinds: ALL, group: "drawing", type: "number", least: 1, most: 64 },
  { name: "with", kinds: ALL, group: "drawing", type: "list", wide: true },
  { name: "no_context", kinds: VERSE, group: "drawing", type: "flag" },
  { name: "model", kinds: ["poem", "ci", "couplet", "novel"], group: "drawing", type: "model", wide: true },
];

export const GROUPS = ["about", "shape", "characters", "squares", "sound", "drawing"];

/** The name under which a wish is kept: `first` means another thing in a couplet than in a poem. */
export const keyOf = (field) => field.as ?? field.name;

/** The fields that a kind of text has, whether or not they are shown just now. */
export const fieldsOf = (kind) => FIELDS.filter((field) => field.kinds.includes(kind));

/** Whether a field means something beside the other wishes. */
export const isAsked = (field, wishes) => !field.when || field.when(wishes);

/** The body of a request: what was wished for and can be, under the names of the server. */
export function bodyOf(kind, wishes) {
  const body = {};
  for (const field of fieldsOf(kind)) {
    const told = valueOf(field, wishes[keyOf(field)]);
    if (told !== null && isAsked(field, wishes)) body[field.name] = told;
  }
  return body;
}

/** A body as the server takes it: a couplet has no option for a template, but takes the rule of that name. */
export function asSent(kind, { template, ...body }) {
  if (!template) return body;
  return kind === "couplet"
    ? { ...body, with: [...(body.with ?? []), `template='${template}'`] }
    : { ...body, template };
}

function valueOf(field, typed) {
  if (typed === undefined || typed === null || typed === "" || typed === false) return null;
  if (field.type === "number" || field.type === "variant" || field.count) return Number.parseInt(typed, 10);
  if (field.type === "real") return Number.parseFloat(typed);
  if (field.type === "flag") return true;
  if (field.type === "list") return parts(typed);
  return String(typed);
}

function parts(typed) {
  const found = String(typed)
    .split(/[\s　;；]+/)
    .filter(Boolean);
  return found.length ? found : null;
}

/** The wishes that make a body again, for an address. */
export function wishesOf(kind, body) {
  const wishes = {};
  for (const field of fieldsOf(kind)) {
    const told = body[field.name];
    if (told !== undefined) wishes[keyOf(field)] = Array.isArray(told) ? told.join(" ") : String(told);
  }
  return wishes;
}
