// One field: its label, its control, and the place where a conflict is told.

import { button, element } from "../markup.js";
import { isSaid, say } from "../words.js";
import { keyOf } from "../wishes.js";

/** A control for one wish. `value` is what it holds, `changed(key, value)` is told of each change. */
export function fieldOf(field, value, changed) {
  const key = keyOf(field);
  const id = `wish-${key}`;
  const control = CONTROLS[field.type](field, id, value ?? "", (told) => changed(key, told));
  const trouble = element("p", { class: "trouble", id: `${id}-trouble`, hidden: true });
  const label = element("label", { for: id }, say(key));
  const parts = field.type === "flag" ? [element("div", { class: "flag" }, control, label)] : [label, control];
  return element(
    "div",
    { class: `field${field.wide ? " wide" : ""} is-${field.type}`, "data-field": field.name, "data-key": key },
    parts,
    trouble,
  );
}

function attributesOf(field, id) {
  const hint = `${keyOf(field)}_hint`;
  return {
    id,
    "aria-describedby": `${id}-trouble`,
    placeholder: isSaid(hint) ? say(hint) : field.hint,
    autocomplete: "off",
    spellcheck: "false",
  };
}

function line(field, id, value, changed) {
  return element("input", {
    type: "text",
    ...attributesOf(field, id),
    value,
    lang: "zh",
    oninput: (event) => changed(event.target.value),
  });
}

function area(field, id, value, changed) {
  return element("textarea", {
    rows: field.tall ?? 4,
    ...attributesOf(field, id),
    value,
    lang: "zh",
    oninput: (event) => changed(event.target.value),
  });
}

function number(field, id, value, changed) {
  const step = field.type === "real" ? "any" : 1;
  const bounds = { min: field.least, max: field.most, step, inputmode: field.type === "real" ? "decimal" : "numeric" };
  return element("input", {
    type: "number",
    ...bounds,
    ...attributesOf(field, id),
    value,
    oninput: (event) => changed(event.target.value),
  });
}

function flag(field, id, value, changed) {
  const checked = value === true || value === "true";
  return element("input", {
    type: "checkbox",
    id,
    "aria-describedby": `${id}-trouble`,
    checked,
    onchange: (event) => changed(event.target.checked),
  });
}

function choice(field, id, value, changed) {
  return select(
    id,
    field.choices.map((each) => [each, choiceWord(field, each)]),
    value,
    changed,
  );
}

function choiceWord(field, each) {
  if (each) return say(each);
  const own = `default_${keyOf(field)}`;
  return say(isSaid(own) ? own : field.name === "rhyme_book" ? "by_default" : "any");
}

/** A list to choose from: pairs of value and words. */
export function select(id, pairs, value, changed) {
  const options = pairs.map(([each, words]) =>
    element("option", { value: each, selected: each === String(value) }, words),
  );
  return element(
    "select",
    { id, "aria-describedby": `${id}-trouble`, onchange: (event) => changed(event.target.value) },
    options,
  );
}

const CONTROLS = { line, area, number, real: number, flag, choice, list: line };

/** Lets a field of the page have a control of its own. */
export function offerControl(type, make) {
  CONTROLS[type] = make;
}

/** Tells a trouble beside a field; "" takes it back. */
export function tellTrouble(node, words, remedies = []) {
  const place = node.querySelector(".trouble");
  place.replaceChildren(
    ...(words
      ? [element("span", {}, words), ...remedies.map(([label, act]) => button(label, act, { class: "mend" }))]
      : []),
  );
  place.hidden = !words;
  for (const control of node.querySelectorAll("input, select, textarea")) {
    if (words) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  }
}
