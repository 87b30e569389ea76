// A first line of a couplet ends in an oblique tone: whoever types another is told, with what would mend it.

import { post } from "../server.js";
import { isHan } from "../verse.js";
import { toneOf } from "../sheet/sheet.js";
import { say } from "../words.js";
import { tellTrouble } from "./fields.js";

const PAUSE = 600;
const OFFERED = 4;

/** Watches the first line in a form; `redraw()` shows wishes that a remedy changed. */
export function watchFirstLine(form, wishes, redraw) {
  const input = form.querySelector("#wish-first_line");
  const field = input.closest("[data-field]");
  let timer = 0;
  const tell = (char, remedies) => {
    form.querySelector("#refusal").replaceChildren(); // the same in the server's words
    tellTrouble(field, say("level_first", { char }), remedies);
  };
  const look = async () => {
    const typed = input.value;
    const char = await levelEnd(typed, wishes);
    if (!char || typed !== input.value) return;
    const set = (changes) => () => {
      Object.assign(wishes, changes);
      redraw();
    };
    const others = [
      [
        say("level_first_second"),
        set({ first_line: "", couplet_cols: String(hanOf(typed).length), template: asSecondLine(typed) }),
      ],
      [say("level_first_off"), set({ couplet_tones: "off" })],
    ];
    tell(char, others);
    const ends = await betterEnds(typed, wishes);
    if (typed === input.value && ends.length)
      tell(char, [
        ...ends.map((end) => [say("level_first_mend") + end, set({ first_line: withEnd(typed, end) })]),
        ...others,
      ]);
  };
  input.addEventListener("input", () => {
    clearTimeout(timer);
    tellTrouble(field, "");
    timer = setTimeout(look, PAUSE);
  });
  if (input.value) look();
}

const hanOf = (line) => [...line].filter(isHan);
const withEnd = (line, end) => hanOf(line).slice(0, -1).join("") + end;
const asSecondLine = (line) => `${"□".repeat(hanOf(line).length)}，${hanOf(line).join("")}。`;

async function levelEnd(line, wishes) {
  const chars = hanOf(line);
  if (chars.length < 2 || wishes.couplet_tones === "off") return "";
  const asked = {
    text: chars.join(""),
    rows: 1,
    cols: chars.length,
    ...(wishes.rhyme_book ? { rhyme_book: wishes.rhyme_book } : {}),
  };
  const told = await post("v1/check", asked).catch(() => null);
  const judged = told?.poems?.[0]?.lines?.[0]?.at(-1);
  return judged && toneOf({ ...judged, taken: null }) === "level" ? judged.char : "";
}

// The model itself says what could stand there.
async function betterEnds(line, wishes) {
  const begun = hanOf(line).slice(0, -1).join("");
  const asked = {
    prompt: begun,
    cols: String(begun.length + 1),
    num: 2 * OFFERED,
    best_of: 1,
    temperature: 1.3,
    ...(wishes.title ? { title: wishes.title } : {}),
  };
  const told = await post("v1/couplets", asked).catch(() => null);
  const ends = (told?.texts ?? []).map(({ text }) => [...text][[...begun].length]);
  return [...new Set(ends)].slice(0, OFFERED);
}
