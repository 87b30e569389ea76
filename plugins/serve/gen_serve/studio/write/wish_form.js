// The form of all wishes for one kind of text.

import { button, element, refill } from "../markup.js";
import { linesAsked } from "../patterns.js";
import { GROUPS, fieldsOf, isAsked, keyOf } from "../wishes.js";
import { say } from "../words.js";
import { fieldOf, offerControl } from "./fields.js";
import { squareGrid } from "./square_grid.js";
import "./named_fields.js";

offerControl("squares", () => element("div", { class: "squares-here" }));

const OPEN_AT_FIRST = ["about", "shape", "characters"];

/** The form for a kind. `changed()` is called after each change of `wishes`, `submitted()` for the button. */
export function wishForm(kind, wishes, changed, submitted) {
  const form = element("form", { class: "wishes", novalidate: true, "aria-label": say(kind) });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submitted();
  });
  const keep = (key, told) => {
    wishes[key] = told;
    if (key === "template" && kind === "ci") fixVariant(form, wishes); // the squares are those of one variant
    if (key === "tune") {
      wishes.variant = "";
      tellTune(form, told);
    }
    if (key === "tune" || key === "form" || key === "variant" || key === "cols" || key === "rows") wishes.template = "";
    showAsked(form, kind, wishes);
    if (key !== "template") drawSquares(form, kind, wishes, keep);
    changed();
  };
  const groups = GROUPS.map((group) => groupOf(group, kind, wishes, keep)).filter(Boolean);
  refill(form, groups, goBar(kind, wishes, keep));
  tellTune(form, wishes.tune ?? "");
  showAsked(form, kind, wishes);
  drawSquares(form, kind, wishes, keep);
  return form;
}

// What was refused stands in the bar, which is always in sight.
function goBar(kind, wishes, keep) {
  const fields = fieldsOf(kind).filter((field) => field.group === "bar");
  return element(
    "div",
    { class: "go-bar" },
    element("div", { class: "refusal", id: "refusal", role: "alert" }),
    button(say("go"), null, { type: "submit", name: "brush", class: "go", id: "go" }),
    fields.map((field) => fieldOf(field, wishes[keyOf(field)], keep)),
    element("output", { class: "progress", id: "progress", "aria-live": "polite" }),
  );
}

function groupOf(group, kind, wishes, keep) {
  const fields = fieldsOf(kind).filter((field) => field.group === group);
  if (!fields.length) return null;
  const inside = element(
    "div",
    { class: "fields" },
    fields.map((field) => fieldOf(field, wishes[keyOf(field)], keep)),
  );
  const isOpen =
    OPEN_AT_FIRST.includes(group) || fields.some((field) => wishes[keyOf(field)] && field.group !== "drawing");
  return element(
    "details",
    { class: `group group-${group}`, open: isOpen },
    element("summary", {}, say(group)),
    inside,
  );
}

function showAsked(form, kind, wishes) {
  for (const field of fieldsOf(kind)) {
    const node = form.querySelector(`[data-key="${keyOf(field)}"]`);
    node.hidden = !isAsked(field, wishes);
  }
}

function tellTune(form, tune) {
  form.querySelector("#wish-variant")?.dispatchEvent(new CustomEvent("tune", { detail: tune }));
}

function fixVariant(form, wishes) {
  const control = form.querySelector("#wish-variant");
  if (wishes.variant || !wishes.template || control.options.length < 2) return;
  wishes.variant = control.options[1].value;
  control.value = wishes.variant;
}

let asked = 0;

async function drawSquares(form, kind, wishes, keep) {
  const where = form.querySelector(".squares-here");
  if (!where) return;
  const mine = ++asked;
  const lines = await linesAsked(kind, wishes).catch(() => null);
  if (mine !== asked) return; // a later change drew them already
  const none = element("p", { class: "quiet" }, say(kind === "couplet" ? "squares_couplet" : "squares_none"));
  refill(where, lines ? squareGrid(lines, wishes.template ?? "", (template) => keep("template", template)) : none);
}
