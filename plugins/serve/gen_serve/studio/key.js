// The key of a server that asks for one: kept for this tab, never in the address.

import { button, element } from "./markup.js";
import { say } from "./words.js";

const PLACE = "gen-studio-key";
let key = stored();
let asking = null;

/** The header that shows the key, if there is one. */
export const keyHeader = () => (key ? { authorization: `Bearer ${key}` } : {});

/** Asks for the key, once for all who wait for it. False if nobody gives one. */
export function askForKey() {
  asking ??= answered().finally(() => {
    asking = null;
  });
  return asking;
}

function answered() {
  const input = element("input", { type: "password", id: "key", autocomplete: "off" });
  const dialog = element("dialog", { class: "share-dialog key-dialog", "aria-labelledby": "key-title" });
  const form = element(
    "form",
    {
      onsubmit: (event) => {
        event.preventDefault();
        keep(input.value.trim());
        dialog.close();
      },
    },
    element("h2", { id: "key-title" }, say("key_title")),
    element("label", { for: "key" }, say("key_label")),
    input,
    element("div", { class: "row" }, button(say("key_go"), null, { type: "submit", class: "go" })),
  );
  dialog.append(form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(Boolean(input.value.trim()));
    });
  });
}

function keep(given) {
  key = given;
  try {
    sessionStorage.setItem(PLACE, given);
  } catch {
    // the browser stores nothing: the key lasts until the page is left
  }
}

function stored() {
  try {
    return sessionStorage.getItem(PLACE) ?? "";
  } catch {
    return "";
  }
}
