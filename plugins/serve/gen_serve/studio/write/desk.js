// The view where texts are written: wishes on one side, drafts on the other.

import { element, icon, refill } from "../markup.js";
import { inOurWords } from "../engine_words.js";
import { inspect } from "../inspect/inspector.js";
import { oncemore } from "../inspect/rewrites.js";
import { openShare } from "../share/share_dialog.js";
import { KINDS, asSent, bodyOf } from "../wishes.js";
import { say } from "../words.js";
import { post } from "../server.js";
import { clearTroubles, refusalWords, tellInFields } from "./conflicts.js";
import { addDraft } from "./drafts.js";
import { draftView, growingView } from "./draft_view.js";
import { drawTree } from "./draft_tree.js";
import { watchFirstLine } from "./first_line.js";
import { hashOf } from "./named_fields.js";
import { wishForm } from "./wish_form.js";
import { linesIn, writeTexts } from "./writing.js";

const PAUSE = 500; // milliseconds without a key before the server is asked whether the wishes can be kept

/** The desk. `settings` says the kind and the wishes; `remember()` puts them into the address. */
export function makeDesk(settings, remember) {
  const node = {
    form: element("div", { class: "form-side" }),
    texts: element("div", { class: "drafts" }),
    notes: element("div", { class: "notes" }),
    legend: element("p", { class: "legend quiet", hidden: true }, say("legend")),
    told: element("p", { class: "for-readers", "aria-live": "polite", id: "told" }),
    panel: element("aside", { class: "inspector", "aria-label": say("inspector"), hidden: true }),
    tree: element("aside", { class: "tree", "aria-label": say("tree") }),
  };
  const desk = { settings, remember, node, shown: [], running: null, asking: null, timer: 0 };
  const stage = element(
    "section",
    { class: "stage", id: "text", tabindex: -1, "aria-label": say("text_region") },
    node.notes,
    node.texts,
    node.legend,
    node.told,
  );
  const view = element(
    "div",
    { class: "desk" },
    node.form,
    stage,
    element("div", { class: "beside" }, node.panel, node.tree),
  );
  drawForm(desk);
  drawShown(desk);
  return {
    view,
    write: (step, check) => write(desk, step, check),
    redraw: () => {
      drawForm(desk);
      drawShown(desk);
    },
    shown: () => desk.shown,
    stop: () => desk.running?.abort(),
    show: (drafts) => {
      desk.shown = drafts;
      drawShown(desk);
    },
  };
}

function drawForm(desk) {
  const { kind, wishes } = desk.settings;
  const changed = () => {
    desk.remember();
    clearTroubles(desk.node.form);
    refill(desk.node.form.querySelector("#refusal"));
    askLater(desk);
  };
  const form = wishForm(kind, wishes, changed, () =>
    desk.running ? desk.running.abort() : write(desk, firstStep(desk)),
  );
  refill(desk.node.form, form);
  if (kind === "couplet")
    watchFirstLine(form, wishes, () => {
      drawForm(desk);
      desk.remember();
    });
}

function firstStep({ settings: { kind, wishes } }) {
  const body = bodyOf(kind, wishes);
  return { kind, wished: body, body, via: ["step_new", {}], parent: null };
}

// ------------------------------------------------------------------------------------ is it possible at all?

function askLater(desk) {
  clearTimeout(desk.timer);
  desk.asking?.abort();
  desk.timer = setTimeout(() => askIfPossible(desk), PAUSE);
}

async function askIfPossible(desk) {
  const { kind } = desk.settings;
  const form = desk.node.form.firstElementChild;
  const body = bodyOf(kind, desk.settings.wishes);
  if (desk.running || !isWhole(kind, body)) return;
  desk.asking = new AbortController();
  const problem = await post("v1/possible", { command: kind, ...asSent(kind, body) }, desk.asking.signal).then(
    () => null,
    (found) => found,
  );
  if (problem?.name === "AbortError" || desk.running) return;
  const isTold = form.querySelector(".trouble:not([hidden])");
  if ([400, 422].includes(problem?.status) && !isTold && (problem.code === "conflict" || !isTyping(form)))
    tellRefusal(form, problem);
}

// A name that is half typed is no mistake yet.
const isTyping = (form) =>
  form.contains(document.activeElement) && document.activeElement.matches("input[type=text], textarea");

const isWhole = (kind, body) => (kind !== "ci" || body.tune) && (KINDS[kind].verse || body.prompt);

function tellRefusal(form, problem) {
  const isBeside = tellInFields(form, problem);
  const words = refusalWords(problem);
  const detail =
    words === problem.message || problem.status === undefined
      ? null
      : element("span", { class: "detail" }, problem.message);
  refill(
    form.querySelector("#refusal"),
    element("p", {}, element("strong", {}, say("refused")), "　", words, isBeside ? null : detail),
  );
}

// A part that cannot be written anew is no fault of a field.
function tellBeside(desk, problem) {
  const words = refusalWords(problem);
  const detail = words === problem.message ? null : element("span", { class: "detail" }, problem.message);
  refill(
    desk.node.notes,
    element("p", { class: "note refusal", role: "alert" }, element("strong", {}, say("refused")), "　", words, detail),
  );
  desk.node.notes.scrollIntoView({ block: "nearest" });
}

// ------------------------------------------------------------------------------------ writing

async function write(desk, step, check = null) {
  desk.running?.abort();
  desk.asking?.abort();
  clearTimeout(desk.timer);
  const run = new AbortController();
  desk.running = run;
  const form = desk.node.form.firstElementChild;
  clearTroubles(form);
  refill(form.querySelector("#refusal"));
  setBusy(desk, true);
  bringIntoSight(desk.node.texts);
  const made = [];
  try {
    await writeTexts(step.kind, step.body, hearsOf(desk, step, made, form), run.signal);
    const hash = made[0] ? await hashOf(made[0].record.model) : "";
    desk.shown = made.map((draft) => addDraft({ ...draft, hash }));
    tellWhole(desk);
    drawShown(desk, { isFresh: true });
    if (step.position !== undefined)
      desk.node.texts.querySelector(`[data-position="${step.position}"]`)?.focus({ preventScroll: true });
    check?.(desk.shown, desk.node.notes);
  } catch (problem) {
    if (desk.node.texts.querySelector(".growing")) drawShown(desk);
    if (problem.name !== "AbortError")
      step.position === undefined ? tellRefusal(form, problem) : tellBeside(desk, problem);
  } finally {
    if (desk.running === run) {
      desk.running = null;
      setBusy(desk, false);
    }
  }
}

// The text may be far above a long form, or below it on a phone.
function bringIntoSight(node) {
  const { top } = node.getBoundingClientRect();
  if (top < 0 || top > innerHeight * 0.6) node.scrollIntoView({ block: "start" });
}

function hearsOf(desk, step, made, form) {
  const progress = form.querySelector("#progress");
  const growing = new Map();
  const told = new Set();
  refill(desk.node.notes);
  return {
    text(sample, soFar) {
      growing.set(sample, growingView(step.kind, soFar));
      refill(desk.node.texts, [...growing.values()]);
    },
    drawing: (drawn, of) => {
      progress.value = say("drawn", { drawn, of });
    },
    done: (sample, record) => {
      const lines = linesIn(step.kind, record);
      made.push({
        ...step,
        record,
        index: made.length,
        text: KINDS[step.kind].verse ? lines.join("\n") : record.text,
        lines,
      });
    },
    notes: (sentences) => {
      for (const each of sentences) told.add(inOurWords(each));
      refill(
        desk.node.notes,
        [...told].map((words) => element("p", { class: "note" }, words)),
      );
    },
  };
}

function setBusy(desk, isBusy) {
  const go = desk.node.form.querySelector("#go");
  refill(go, icon(isBusy ? "stop" : "brush"), element("span", {}, say(isBusy ? "stop" : "go")));
  go.classList.toggle("is-busy", isBusy);
  desk.node.texts.setAttribute("aria-busy", String(isBusy));
  desk.node.form.querySelector("#progress").value = isBusy ? say("going") : "";
}

function tellWhole(desk) {
  desk.node.told.textContent = desk.shown.map((draft) => say("finished") + draft.lines.join("")).join(" ");
}

// ------------------------------------------------------------------------------------ showing

function drawShown(desk, { isFresh = false } = {}) {
  const { texts, tree, panel } = desk.node;
  const acts = {
    pick: (draft, square, sheet) => pick(desk, draft, square, sheet),
    share: (draft) => openShare(draft, desk.settings),
    again: (draft) => write(desk, oncemore(draft)),
    kept: () =>
      drawTree(
        tree,
        open,
        desk.shown.map(({ id }) => id),
      ),
  };
  const open = (draft) => {
    desk.shown = [draft];
    drawShown(desk);
  };
  panel.hidden = true;
  refill(texts, desk.shown.length ? desk.shown.map((draft) => draftView(draft, acts, { isFresh })) : emptySheet());
  const widths = desk.shown.map(({ kind, lines }) => (KINDS[kind].verse ? lines.length : 8));
  texts.style.setProperty("--columns", Math.max(4, ...widths));
  desk.node.legend.hidden = !desk.shown.some(({ kind }) => KINDS[kind].verse);
  drawTree(
    tree,
    open,
    desk.shown.map(({ id }) => id),
  );
}

function emptySheet() {
  const line = () => element("div", { class: "verse-line empty-line" });
  return element(
    "div",
    { class: "draft empty" },
    element(
      "div",
      { class: "paper" },
      element("div", { class: "verse", "aria-hidden": "true" }, [line(), line(), line(), line()]),
    ),
    element("p", {}, say("empty")),
    element("p", { class: "quiet" }, say("empty_more")),
  );
}

function pick(desk, draft, square, sheet) {
  const panel = desk.node.panel;
  for (const old of desk.node.texts.querySelectorAll(".picked")) old.classList.remove("picked");
  const chosen = sheet.querySelector(`[data-position="${square.position}"]`);
  chosen?.classList.add("picked");
  const close = () => {
    panel.hidden = true;
    chosen?.classList.remove("picked");
    chosen?.focus();
  };
  panel.onkeydown = (event) => {
    if (event.key === "Escape") close();
  };
  inspect(panel, draft, square, (step) => write(desk, step), close);
  panel.querySelector("h2").focus({ preventScroll: true });
  if (matchMedia("(max-width: 47.9rem)").matches)
    chosen?.scrollIntoView({ block: "start" }); // the panel covers what is below
  else panel.scrollIntoView({ block: "nearest" });
}
