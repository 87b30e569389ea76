// A written text as a card on the desk: its sheet, its verdict, and what can be done with it.

import { button, element, refill } from "../markup.js";
import { drawCircles, sheetOf } from "../sheet/sheet.js";
import { isJudged, judgementOf } from "../sheet/judgement.js";
import { KINDS } from "../wishes.js";
import { linesOf, squaresOf } from "../verse.js";
import { say } from "../words.js";
import { isFavourite, seedOf, toggleFavourite } from "./drafts.js";

/** The card of a draft. `acts` has `pick(draft, square)`, `share(draft)`, `write(step)` and `kept()`. */
export function draftView(draft, acts, { isFresh = false } = {}) {
  const number = draft.index + 1;
  const sheet = sheetOf({
    lines: draft.lines,
    verse: KINDS[draft.kind].verse,
    label: say("one_text", { n: number }),
    picked: (square) => acts.pick(draft, square, sheet),
    linePicked: (line) => acts.pick(draft, firstOf(draft, line), sheet),
    freshFrom: isFresh ? 0 : Infinity,
  });
  const verdict = element("p", { class: "verdict" });
  const card = element(
    "article",
    { class: "draft", "data-draft": draft.id ?? "", "aria-label": say("one_text", { n: number }) },
    titleOf(draft),
    element("div", { class: "paper", tabindex: -1 }, sheet),
    footer(draft, verdict, acts),
  );
  judge(draft, sheet, verdict);
  return card;
}

const firstOf = (draft, line) => squaresOf(draft.lines)[line][0];

function titleOf(draft) {
  const { title, author, tune, form } = draft.wished;
  const name = [tune, title].filter(Boolean).join("·") || form || "";
  return name
    ? element(
        "h3",
        { class: "draft-title", lang: "zh-Hans" },
        name,
        author ? element("span", { class: "quiet" }, `　${author}`) : null,
      )
    : null;
}

function footer(draft, verdict, acts) {
  const { record } = draft;
  const figures = [`${say("seed")} ${seedOf(draft)}`, perChar(record)].filter(Boolean);
  return element(
    "footer",
    { class: "draft-foot" },
    element("div", { class: "told" }, verdict, element("p", { class: "figures" }, figures.join("　"))),
    element(
      "div",
      { class: "acts" },
      keepButton(draft, acts),
      button(say("share"), () => acts.share(draft), {
        name: "share",
        quiet: true,
        class: "icon-button",
        "data-act": "share",
      }),
      button(say("again"), () => acts.again(draft), {
        name: "again",
        quiet: true,
        class: "icon-button",
        "data-act": "again",
      }),
    ),
  );
}

function perChar(record) {
  const count = [...(record.new ?? record.text)].length;
  return Number.isFinite(record.logprob) && count
    ? say("per_char", { nats: (-record.logprob / count).toFixed(2) })
    : "";
}

function keepButton(draft, acts) {
  const made = button(
    say("favourite"),
    () => {
      toggleFavourite(draft);
      show();
      acts.kept();
    },
    { name: "star", quiet: true, class: "icon-button", "data-act": "keep" },
  );
  const show = () => {
    const isKept = isFavourite(draft);
    const label = say(isKept ? "unfavourite" : "favourite");
    made.setAttribute("aria-pressed", String(isKept));
    made.setAttribute("aria-label", label);
    made.title = label;
  };
  show();
  return made;
}

async function judge(draft, sheet, verdict) {
  draft.judgement ??= judgementOf(draft.kind, draft.wished, draft.lines);
  const found = await draft.judgement;
  if (!found) return;
  drawCircles(sheet, found.record, found.rhymes);
  if (!isJudged(draft.kind, draft.wished)) return;
  const about = [found.record.form, found.record.pattern, ...new Set(found.record.rhymes.map(({ group }) => group))]
    .filter(Boolean)
    .join(" ");
  refill(
    verdict,
    element("span", { class: found.record.ok ? "good" : "bad" }, say(found.record.ok ? "all_kept" : "not_kept")),
    element("span", {}, about),
  );
}

/** A text while it is written: only what is there of it. Prose is one run of text, since it may be long. */
export function growingView(kind, soFar) {
  const label = say("going");
  const { verse } = KINDS[kind];
  const sheet = verse
    ? sheetOf({ lines: linesOf(soFar), verse, label, freshFrom: [...soFar].length - 1 })
    : element("div", { class: "verse prose", lang: "zh-Hans" }, soFar);
  sheet.setAttribute("aria-hidden", "true"); // the whole text is told once it is there
  return element("article", { class: "draft growing", "aria-label": label }, element("div", { class: "paper" }, sheet));
}
