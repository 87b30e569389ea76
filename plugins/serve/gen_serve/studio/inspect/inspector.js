// What the model wanted at a place, what removed it, and what can be written anew from there.

import { button, element, refill } from "../markup.js";
import { KINDS, asSent } from "../wishes.js";
import { get, post } from "../server.js";
import { isHan, squaresOf } from "../verse.js";
import { listed, say } from "../words.js";
import { hardReasons, placeAt, reasonsOf } from "./reasons.js";
import { ruleName } from "./rule_names.js";
import { seedOf } from "../write/drafts.js";
import * as rewrites from "./rewrites.js";

const TOP = 10;
const explained = new WeakMap();

function explanationOf(draft) {
  if (!explained.has(draft)) {
    const { num, ...body } = asSent(draft.kind, wishesBefore(draft));
    const request = { command: draft.kind, ...body, seed: seedOf(draft) };
    const asking = post("v1/explain", { request, text: draft.record.text, top: TOP }).then((told) => told.explanation);
    asking.catch(() => explained.delete(draft));
    explained.set(draft, asking);
  }
  return explained.get(draft);
}

// What was kept while a part was written anew is no rule of its own: the wishes say what could have stood there.
function wishesBefore({ wished, record }) {
  return wished.prompt && !record.text.startsWith(wished.prompt) ? { ...wished, prompt: undefined } : wished;
}

/** Shows a square of a draft in `panel`. `write(step)` is called with what is to be written. */
export function inspect(panel, draft, square, write, close) {
  const candidates = element(
    "div",
    { class: "candidates", "aria-live": "polite" },
    element("p", { class: "quiet" }, say("wanted_busy")),
  );
  const near = element("div", { class: "near" });
  refill(
    panel,
    heading(draft, square, close),
    rewriteButtons(draft, square, write),
    element("h3", {}, say("wanted")),
    candidates,
    isVerse(draft) && [element("h3", {}, say("nearest")), near],
  );
  panel.hidden = false;
  showCandidates(candidates, draft, square, write);
  if (isVerse(draft)) showNearest(near, clauseOf(draft, square));
}

const isVerse = ({ kind }) => KINDS[kind].verse;

function heading(draft, square, close) {
  const place = isVerse(draft)
    ? say("squares_square", { line: square.line + 1, place: square.place + 1 })
    : say("prose_label", { place: square.position + 1 });
  return element(
    "header",
    { class: "inspector-head" },
    element(
      "h2",
      { tabindex: -1 },
      element("span", { class: "big-char", lang: "zh-Hans" }, square.char),
      element("span", {}, place),
    ),
    button(say("close"), close, { name: "close", quiet: true, class: "icon-button" }),
  );
}

function rewriteButtons(draft, square, write) {
  const steps = rewrites.keepsTheRest(draft)
    ? [
        ["this_char", rewrites.characterAnew(draft, square)],
        ["this_line", rewrites.lineAnew(draft, square)],
        [draft.kind === "ci" ? "this_sentence" : "this_couplet", rewrites.coupletAnew(draft, square)],
        ["from_here", rewrites.anewFrom(draft, square)],
      ]
    : [["from_here", rewrites.anewFrom(draft, square)]];
  const buttons = steps.map(([name, step]) =>
    button(say(name), () => write(step), { "data-rewrite": name, disabled: !rewrites.writesAnything(step) }),
  );
  return element(
    "div",
    { class: "rewrites", role: "group", "aria-label": say("rewrite") },
    element("span", { class: "group-name" }, say("rewrite")),
    buttons,
  );
}

async function showCandidates(where, draft, square, write) {
  let explanation;
  try {
    explanation = await explanationOf(draft);
  } catch (problem) {
    return refill(where, element("p", { class: "trouble" }, problem.status ? problem.message : say("lost")));
  }
  const place = placeAt(explanation, square.position);
  if (!place) return refill(where, element("p", { class: "quiet" }, say("no_place")));
  const choice = thenChoice(draft);
  const act = (char) =>
    write(
      choice.value() === "only"
        ? rewrites.characterChanged(draft, square, char)
        : rewrites.anewFrom(draft, square, char),
    );
  return refill(
    where,
    remarks(place),
    rewrites.keepsTheRest(draft) && choice.node,
    element(
      "ol",
      { class: "wanted" },
      place.wanted.map((each) => candidate(each, act)),
    ),
  );
}

function remarks(place) {
  const told = [
    place.forced && say("forced"),
    place.together > 0.005 && say("cost", { nats: place.together.toFixed(2) }),
    place.broken.length > 0 && say("broken", { rules: listed(place.broken.map(ruleName)) }),
  ];
  return told.filter(Boolean).map((words) => element("p", { class: "quiet" }, words));
}

function thenChoice(draft) {
  const radio = (value, checked) =>
    element("label", {}, element("input", { type: "radio", name: "then", value, checked }), say(`then_${value}`));
  const radios = rewrites.keepsTheRest(draft) ? [radio("from", true), radio("only", false)] : [radio("from", true)];
  const node = element("fieldset", { class: "then" }, element("legend", {}, say("choose_then")), radios);
  return { node, value: () => node.querySelector("input:checked")?.value ?? "from" };
}

function candidate(each, act) {
  const reasons = reasonsOf(each);
  const isImpossible = hardReasons(each).length > 0;
  const share = element("span", { class: "share" });
  share.style.setProperty("--share", each.probability);
  const percent = 100 * each.probability;
  const told = each.chosen ? say("chosen") : reasons.map(({ words }) => words).join("；");
  const state = each.chosen ? " is-chosen" : isImpossible ? " is-impossible" : reasons.length ? " is-unlikely" : "";
  return element(
    "li",
    {},
    element(
      "button",
      {
        type: "button",
        class: `candidate${state}`,
        "aria-disabled": isImpossible || each.chosen ? "true" : null,
        onclick: () => isImpossible || each.chosen || act(each.text),
      },
      element("span", { class: "glyph", lang: "zh-Hans" }, each.text.replace("\n", "⏎") || "∎"),
      element("span", { class: "percent" }, `${percent >= 1 ? Math.round(percent) : percent.toPrecision(1)}%`),
      share,
      told && element("span", { class: "why" }, isImpossible ? `${say("impossible")}：${told}` : told),
    ),
  );
}

const clauseOf = (draft, square) =>
  squaresOf(draft.lines)
    .flat()
    .filter(({ clause }) => clause === square.clause)
    .map(({ char }) => char)
    .join("");

async function showNearest(where, line) {
  refill(where, element("p", { class: "quiet" }, "…"));
  const bare = [...line].filter(isHan).join("");
  const told = await get("v1/nearest", { line: bare, n: 3 }).catch(() => ({ lines: [] }));
  if (!told.lines.length) return refill(where, element("p", { class: "quiet" }, say("nearest_none")));
  return refill(
    where,
    element(
      "ol",
      { class: "nearest" },
      told.lines.map((each) => nearLine(each, bare)),
    ),
  );
}

function nearLine({ line, title, author, share }, bare) {
  const chars = [...line].map((char) => (bare.includes(char) ? element("mark", {}, char) : char));
  return element(
    "li",
    {},
    element("span", { class: "near-line", lang: "zh-Hans" }, chars),
    element(
      "span",
      { class: "quiet" },
      `${say("by_line", { author, title })}　${say("shared", { share: `${Math.round(100 * share)}%` })}`,
    ),
  );
}
