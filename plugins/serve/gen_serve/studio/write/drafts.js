// The texts written in this visit, as a tree, and those that were kept for good. A visit outlives that the page is loaded
// anew: its drafts are kept by the browser until the tab is closed.

const PLACE = "gen-studio-favourites";
const MOST_KEPT = 200;
const MOST_DRAFTS = 300;

const VISIT = "gen-studio-drafts";

const drafts = read(sessionStorageOrNone(), VISIT).filter((each) => Number.isInteger(each.id));
let last = Math.max(0, ...drafts.map((each) => each.id));

/**
 * A draft is {id, parent, kind, wished, body, via, record, index, text, lines, hash}: `wished` is what the fields asked
 * for, `body` what was sent, `via` the step from `parent` in words, `index` which of `num` texts it is.
 */
export function addDraft(draft) {
  const whole = { ...draft, id: ++last };
  drafts.push(whole);
  if (drafts.length > MOST_DRAFTS) drafts.shift();
  keepVisit();
  return whole;
}

// What the browser has no room for is forgotten when the page is loaded anew, the oldest first.
function keepVisit(from = 0) {
  try {
    sessionStorage.setItem(VISIT, JSON.stringify(drafts.slice(from)));
  } catch {
    if (from < drafts.length) keepVisit(from + Math.ceil((drafts.length - from) / 2));
  }
}

/** The draft that was written last, as a list: none or one. */
export const lastDraft = () => drafts.slice(-1);

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

let kept = read(localStorageOrNone(), PLACE);
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

// A browser may forbid both.
function sessionStorageOrNone() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}

function localStorageOrNone() {
  try {
    return localStorage;
  } catch {
    return null;
  }
}

function read(storage, place) {
  try {
    const found = JSON.parse(storage?.getItem(place) ?? "[]");
    return Array.isArray(found) ? found.filter((each) => each?.text && Array.isArray(each.lines)) : [];
  } catch {
    return [];
  }
}
