// The drafts of this visit as a tree, and the favourites of this browser.

import { element, refill } from "../markup.js";
import { say } from "../words.js";
import { draftOf, draftsUnder, favourites, isLasting, seedOf } from "./drafts.js";

/** Draws both lists. `open(draft)` shows a draft; `current` are the ids of those that are shown. */
export function drawTree(where, open, current) {
  const roots = draftsUnder(null);
  refill(
    where,
    element(
      "section",
      { class: "tree-part" },
      element("h2", {}, say("tree")),
      roots.length ? branch(roots, open, current) : element("p", { class: "quiet" }, say("tree_empty")),
    ),
    element("section", { class: "tree-part" }, element("h2", {}, say("favourites")), favouriteList(open)),
  );
}

function branch(drafts, open, current) {
  return element(
    "ul",
    { class: "branch" },
    drafts.map((draft) => {
      const under = draftsUnder(draft.id);
      return element("li", {}, leaf(draft, open, current), under.length ? branch(under, open, current) : null);
    }),
  );
}

function leaf(draft, open, current) {
  const [key, values] = draft.via;
  const isShown = current.includes(draft.id);
  return element(
    "button",
    { type: "button", class: "leaf", "aria-current": isShown ? "true" : null, onclick: () => open(draft) },
    element("span", { class: "leaf-step" }, say(key, values)),
    element("span", { class: "leaf-text", lang: "zh-Hans" }, changedLine(draft)),
    element(
      "span",
      { class: "leaf-seed" },
      `${say("seed")} ${seedOf(draft)}${draft.index ? `·${draft.index + 1}` : ""}`,
    ),
  );
}

// Beside its parent a draft is known by the first line that differs.
function changedLine({ parent, lines }) {
  const before = draftOf(parent)?.lines ?? [];
  return lines.find((line, number) => line !== before[number]) ?? lines[0];
}

function favouriteList(open) {
  const kept = favourites();
  const note = element("p", { class: "quiet" }, say(isLasting() ? "favourites_empty" : "favourites_full"));
  if (!kept.length) return note;
  return element(
    "ul",
    { class: "branch" },
    kept.map((draft) =>
      element(
        "li",
        {},
        element(
          "button",
          { type: "button", class: "leaf", onclick: () => open(draft) },
          element("span", { class: "leaf-text", lang: "zh-Hans" }, draft.lines.slice(0, 2).join("")),
          element("span", { class: "leaf-seed" }, `${say("seed")} ${seedOf(draft)}`),
        ),
      ),
    ),
  );
}
