// Everything that the address of the page says: the view, its look, and all wishes.

import { readAddress, writeAddress } from "./address.js";
import { FIELDS, KINDS, fieldsOf, keyOf } from "./wishes.js";

const CHECKED = ["text", "form", "tune", "variant", "tones", "rhyme_book"];
const FIRST_WISHES = { form: "七绝" };

/** The settings of an address; what it does not say is as at first. */
export function settingsIn(hash) {
  const told = readAddress(hash);
  const wishes = Object.fromEntries(
    FIELDS.map(keyOf)
      .filter((key) => told[key] !== undefined)
      .map((key) => [key, told[key]]),
  );
  const check = Object.fromEntries(CHECKED.map((name) => [name, told[`check_${name}`] ?? ""]));
  return {
    view: told.view === "check" ? "check" : "write",
    kind: told.kind in KINDS ? told.kind : "poem",
    wishes: told.kind ? wishes : { ...FIRST_WISHES, ...wishes },
    check,
    lang: told.lang ?? "",
    theme: told.theme ?? "",
    setting: told.setting === "horizontal" ? "horizontal" : "vertical",
    circles: told.circles !== "off",
  };
}

/** Puts settings into the address: only the wishes that the kind of text has. */
export function rememberSettings({ view, kind, wishes, check, lang, theme, setting, circles }) {
  const own = Object.fromEntries(fieldsOf(kind).map((field) => [keyOf(field), wishes[keyOf(field)]]));
  const checked = Object.fromEntries(CHECKED.map((name) => [`check_${name}`, check[name]]));
  writeAddress({
    view: view === "write" ? "" : view,
    lang,
    theme,
    setting: setting === "vertical" ? "" : setting,
    circles: circles ? "" : "off",
    kind,
    ...own,
    ...(view === "check" ? checked : {}),
  });
}
