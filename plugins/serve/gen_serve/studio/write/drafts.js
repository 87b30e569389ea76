// The texts written in this visit, as a tree, and those that were kept for good.

const PLACE = "gen-studio-favourites";
const MOST_KEPT = 200;
const MOST_DRAFTS = 300;

const drafts = [];
let last = 0;

/**
 * A draft is {id, parent, kind, wished, body, via, record, index, text, lines, hash}: `wished` is what the fields asked
 * for, `body` what was sent, `via` the step from `parent` in words, `index` which of `num` texts it is.
 */
export function addDraft(draft) {
  const whole = { ...draft, id: ++last };
  drafts.push(whole);
  if (drafts.length > MOST_DRAFTS) drafts.shift();
  return whole;
}

/** The draft of that number. */
export const draftOf = (id) => drafts.find((each) => each.id === id) ?? null;

/** The drafts made of one, or those that began anew. */
export function draftsUnder(parent) {
  return drafts.filter((each) =>
    parent === null ? each.parent === null || !draftOf(each.parent) : each.parent === parent,
  );
}

/** A draft's seed: its own even where the server chose it. */
export const seedOf = (draft) => draft.record.seed ?? draft.body.seed ?? "";

let kept = readKept();
let isStored = true;

/** What was kept in this browser. */
export const favourites = () => kept;

/** Whether the browser keeps favourites beyond this visit. */
export const isLasting = () => isStored;

/** Whether a text is kept. */
export const isFavourite = (draft) => kept.some((each) => each.text === draft.text);

/** Keeps a text, or lets it go. */
export function toggleFavourite(draft) {
  const rest = kept.filter((each) => each.text !== draft.text);
  const { kind, wished, body, via, record, index, text, lines, hash } = draft;
  kept =
    rest.length < kept.length
      ? rest
      : [{ kind, wished, body, via, record, index, text, lines, hash }, ...rest].slice(0, MOST_KEPT);
  try {
    localStorage.setItem(PLACE, JSON.stringify(kept));
  } catch {
    isStored = false;
  }
}

function readKept() {
  try {
    const found = JSON.parse(localStorage.getItem(PLACE) ?? "[]");
    return Array.isArray(found) ? found.filter((each) => each?.text && Array.isArray(each.lines)) : [];
  } catch {
    return [];
  }
}
