// The fields whose choices the server knows: forms, tunes and their variants, models.

import { element, refill } from "../markup.js";
import { allForms, tuneOf } from "../patterns.js";
import { get } from "../server.js";
import { say } from "../words.js";
import { offerControl, select } from "./fields.js";

let models = null;

/** The models of the server, asked for once. */
export function allModels() {
  models ??= get("v1/models").then((told) => told.data);
  return models.catch(() => {
    models = null; // they may be being loaded: ask again next time
    return [];
  });
}

/** The hash of a model, "" if it is not known. */
export async function hashOf(model) {
  return (await allModels()).find((each) => each.id === model)?.hash ?? "";
}

function formField(field, id, value, changed) {
  const control = select(id, [[value, value || say(field.unasked ?? "free_form")]], value, changed);
  allForms()
    .then(({ forms }) => {
      const pairs = [["", say(field.unasked ?? "free_form")], ...forms.map(({ form }) => [form, form])];
      refill(
        control,
        pairs.map(([each, words]) => element("option", { value: each, selected: each === value }, words)),
      );
    })
    .catch(() => null);
  return control;
}

const MOST_OFFERED = 60;

// A native list of suggestions needs no code of ours for keyboards and screen readers.
function tuneField(field, id, value, changed) {
  const offered = element("datalist", { id: `${id}-offered` });
  const offer = (typed) =>
    allForms()
      .then(({ tunes }) => {
        const fitting = tunes
          .filter(({ names }) => !typed || names.some((name) => name.includes(typed)))
          .slice(0, MOST_OFFERED);
        refill(
          offered,
          fitting.map(({ tune, names }) => element("option", { value: tune }, names.slice(1).join("、"))),
        );
      })
      .catch(() => null);
  offer(value);
  const control = element("input", {
    type: "text",
    id,
    value,
    list: offered.id,
    lang: "zh",
    autocomplete: "off",
    placeholder: say("tune_hint"),
    "aria-describedby": `${id}-trouble`,
    oninput: (event) => {
      offer(event.target.value);
      changed(event.target.value);
    },
  });
  return element("div", { class: "combined" }, control, offered);
}

function variantField(field, id, value, changed) {
  const control = select(id, [["", say("any")]], value, changed);
  control.addEventListener("tune", async (event) => {
    const tune = event.detail ? await tuneOf(event.detail) : null;
    const pairs = (tune?.variants ?? []).map((each) => [String(each.variant), `${each.name}　${each.characters}`]);
    refill(
      control,
      [["", say("any")], ...pairs].map(([each, words]) =>
        element("option", { value: each, selected: each === String(value) }, words),
      ),
    );
  });
  return control;
}

function modelField(field, id, value, changed) {
  const control = select(id, [[value, value || say("by_default")]], value, changed);
  allModels().then((known) => {
    const pairs = known.map(({ id: name, summary }) => [name, summary ? `${name}: ${summary}` : name]);
    if (!field.needed) pairs.unshift(["", say("by_default")]);
    refill(
      control,
      pairs.map(([each, words]) => element("option", { value: each, selected: each === value }, words)),
    );
    if (field.needed && !value && known[0]) changed(known[0].id);
  });
  return control;
}

offerControl("form", formField);
offerControl("tune", tuneField);
offerControl("variant", variantField);
offerControl("model", modelField);
