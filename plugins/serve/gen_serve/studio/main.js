// The page: its head, its two views, and what a link opens.

import { makeCheckView } from "./check/check_view.js";
import { button, element, icon, refill } from "./markup.js";
import { rememberSettings, settingsIn } from "./settings.js";
import { promiseIn, sumOf } from "./share/links.js";
import { KINDS, bodyOf } from "./wishes.js";
import { language, say, setLanguage } from "./words.js";
import { makeDesk } from "./write/desk.js";
import { lastDraft } from "./write/drafts.js";

const settings = settingsIn(location.hash);
const promise = promiseIn(location.hash);
const root = document.getElementById("studio");
let desk = null;

const remember = () => rememberSettings(settings);

/** Draws the whole page: at the start, and when the language, the kind or the view changes. */
function draw(focused = null) {
  setLanguage(settings.lang);
  look();
  document.title = `${say("studio")} · gen`;
  desk?.stop();
  const shown = desk?.shown() ?? [];
  const main = element("main", { id: "main" });
  refill(root, element("a", { class: "skip", href: "#text", onclick: skip }, say("skip")), head(), main);
  if (settings.view === "check") {
    desk = null;
    kept = shown.length ? shown : kept;
    refill(main, makeCheckView(settings.check, remember));
  } else {
    desk = makeDesk(settings, remember);
    refill(main, desk.view);
    const before = shown.length ? shown : kept;
    if (before.length) desk.show(before);
  }
  if (focused) document.querySelector(focused)?.focus();
}

let kept = promise ? [] : lastDraft(); // what was shown before the check was opened, or the page loaded anew

// The fragment is the state of the page, so that a skip link must not change it.
function skip(event) {
  event.preventDefault();
  document.getElementById("text")?.focus();
}

function look() {
  const { dataset } = document.documentElement;
  dataset.setting = settings.setting;
  dataset.circles = settings.circles ? "on" : "off";
  if (settings.theme) dataset.theme = settings.theme;
  else delete dataset.theme;
}

function change(changes, focused = null) {
  Object.assign(settings, changes);
  remember();
  draw(focused);
}

// How the page looks is no reason to draw it anew: a text that is being written goes on.
function changeLook(changes, focused) {
  Object.assign(settings, changes);
  remember();
  look();
  root.querySelector(".page-head").replaceWith(head());
  document.querySelector(focused)?.focus();
}

// ------------------------------------------------------------------------------------ the head

function head() {
  return element(
    "header",
    { class: "page-head" },
    element(
      "div",
      { class: "brand" },
      element("span", { class: "seal", "aria-hidden": "true", lang: "zh-Hans" }, "诗"),
      element("h1", {}, say("studio")),
      element("span", { class: "tagline" }, say("tagline")),
    ),
    element("nav", { class: "kinds", "aria-label": say("kinds") }, Object.keys(KINDS).map(kindButton), checkButton()),
    element("div", { class: "look" }, lookButtons()),
  );
}

function kindButton(kind) {
  const isHere = settings.view === "write" && settings.kind === kind;
  return element(
    "button",
    {
      type: "button",
      id: `kind-${kind}`,
      "aria-current": isHere ? "page" : null,
      onclick: () => change({ view: "write", kind }, `#kind-${kind}`),
    },
    say(kind),
  );
}

function checkButton() {
  return element(
    "button",
    {
      type: "button",
      id: "view-check",
      class: "kind-check",
      "aria-current": settings.view === "check" ? "page" : null,
      onclick: () => change({ view: "check" }, "#view-check"),
    },
    say("check"),
  );
}

function lookButtons() {
  const isDark = settings.theme ? settings.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const isVertical = settings.setting === "vertical";
  return [
    toggle("setting", isVertical ? "rows" : "columns", say(isVertical ? "horizontal" : "vertical"), null, () =>
      changeLook({ setting: isVertical ? "horizontal" : "vertical" }, "#look-setting"),
    ),
    toggle("circles", "circles", say("circles"), settings.circles, () =>
      changeLook({ circles: !settings.circles }, "#look-circles"),
    ),
    toggle("theme", isDark ? "sun" : "moon", say(isDark ? "theme_light" : "theme_dark"), null, () =>
      changeLook({ theme: isDark ? "light" : "dark" }, "#look-theme"),
    ),
    button(say("language"), () => change({ lang: language() === "zh" ? "en" : "zh" }, "#look-language"), {
      id: "look-language",
      class: "plain",
      lang: language() === "zh" ? "en" : "zh-Hans",
    }),
  ];
}

function toggle(name, drawing, label, pressed, act) {
  return element(
    "button",
    {
      type: "button",
      id: `look-${name}`,
      class: "icon-button",
      "aria-label": label,
      title: label,
      "aria-pressed": pressed === null ? null : String(pressed),
      onclick: act,
    },
    icon(drawing),
  );
}

// ------------------------------------------------------------------------------------ what a link opens

// The seed is the link's alone: who writes again wants another text.
function takePromised() {
  const body = bodyOf(settings.kind, settings.wishes);
  Object.assign(settings.wishes, { seed_wish: "", num: "" });
  return { kind: settings.kind, wished: body, body, via: ["step_shared", {}], parent: null };
}

function keepPromise(step) {
  desk.write(step, (drafts, notes) => {
    const draft = drafts[promise.pick];
    if (!draft) return;
    desk.show([draft]);
    const told = [];
    if (promise.model && draft.hash && promise.model !== draft.hash)
      told.push(say("other_model", { here: draft.hash.slice(0, 12), there: promise.model.slice(0, 12) }));
    if (promise.sum) told.push(say(promise.sum === sumOf(draft.text) ? "same_text" : "other_text"));
    notes.append(...told.map((words) => element("p", { class: "note promise" }, words)));
  });
}

const promised = promise && settings.view === "write" ? takePromised() : null;
draw();
if (promised) keepPromise(promised);
else remember();
addEventListener("hashchange", () => location.reload());
