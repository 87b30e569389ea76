// The dialog that shares a text: a link, the text, a picture.

import { addressWith } from "../address.js";
import { button, element, refill } from "../markup.js";
import { language, say } from "../words.js";
import { cardOf } from "./card.js";
import { pngFile } from "./card_canvas.js";
import { svgFile, svgOf } from "./card_svg.js";
import { linkSettings } from "./links.js";

/** Opens the dialog for a draft. */
export function openShare(draft, { setting }) {
  const { text } = draft;
  const link = addressWith(linkSettings(draft, { lang: language(), setting }));
  const preview = element("div", { class: "card-preview" });
  const seal = element("input", {
    type: "text",
    id: "seal",
    maxlength: 4,
    value: "诗笺",
    lang: "zh-Hans",
    autocomplete: "off",
  });
  const card = () => cardOf({ lines: draft.lines, title: titleOf(draft), author: "", seal: seal.value.trim() });
  const label = say("card_alt", { text: draft.lines.join("") });
  const show = () => refill(preview, svgOf(card(), label));
  seal.addEventListener("input", show);
  show();
  const save = (make, ending) => async () =>
    download(await make(), `${titleOf(draft) || draft.lines[0].replace(/\P{Script=Han}/gu, "")}.${ending}`);
  const dialog = element(
    "dialog",
    { class: "share-dialog", "aria-labelledby": "share-title" },
    element(
      "header",
      { class: "dialog-head" },
      element("h2", { id: "share-title" }, say("share_title")),
      button(say("close"), () => dialog.close(), { name: "close", quiet: true, class: "icon-button" }),
    ),
    copied("share_link", "share-link", link),
    copied("share_text", "share-text", text),
    element(
      "section",
      {},
      element("h3", {}, say("share_picture")),
      preview,
      element(
        "div",
        { class: "row" },
        element("label", { for: "seal" }, say("seal")),
        seal,
        button(
          say("png"),
          save(() => pngFile(card()), "png"),
          { id: "save-png" },
        ),
        button(
          say("svg"),
          save(() => svgFile(card(), label), "svg"),
          { id: "save-svg" },
        ),
      ),
    ),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function titleOf({ wished }) {
  return [wished.tune, wished.title].filter(Boolean).join("·");
}

function copied(title, id, value) {
  const area = element("textarea", {
    id,
    readonly: true,
    rows: Math.min(9, value.split("\n").length + 1),
    value,
    lang: "zh-Hans",
  });
  const told = element("span", { class: "quiet", "aria-live": "polite" });
  const copy = async () => {
    area.select();
    // Where the page came without TLS from another machine, there is no clipboard to write to.
    await (navigator.clipboard?.writeText(value) ?? Promise.reject()).catch(() => document.execCommand("copy"));
    told.textContent = say("copied");
  };
  return element(
    "section",
    {},
    element("h3", {}, element("label", { for: id }, say(title))),
    area,
    element("div", { class: "row" }, button(say("copy"), copy), told),
  );
}

function download(file, name) {
  const place = URL.createObjectURL(file);
  element("a", { href: place, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(place), 10_000);
}
