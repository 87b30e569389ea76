// Infill: a square for each character; one that is typed is fixed, and the others are written by the model.

import { button, element } from "../markup.js";
import { BLANK, isHan } from "../verse.js";
import { say } from "../words.js";

const SIGNS = { 平: "○", 仄: "●" };

/** The typed characters of a template, one a square, "" where it is blank or not there. */
export function typedIn(template, lines) {
  const chars = [...template].filter((char) => isHan(char) || char === BLANK);
  let at = 0;
  return lines.map(({ length }) =>
    Array.from({ length }, () => {
      const char = chars[at++] ?? BLANK;
      return char === BLANK ? "" : char;
    }),
  );
}

/** The template of typed characters: "" if there is none. */
export function templateFrom(typed, lines) {
  if (!typed.flat().some(Boolean)) return "";
  return lines.map(({ mark }, line) => typed[line].map((char) => char || BLANK).join("") + mark).join("");
}

/** The grid. `changed` is told each new template. */
export function squareGrid(lines, template, changed) {
  const typed = typedIn(template, lines);
  const tell = () => changed(templateFrom(typed, lines));
  const inputs = [];
  const rows = lines.map((each, line) => {
    const squares = typed[line].map((char, place) => square(each, line, place, char, inputs, typed, tell));
    return element(
      "div",
      { class: "square-row", role: "group", "aria-label": `${line + 1}` },
      squares,
      element("span", { class: "mark", "aria-hidden": "true" }, each.mark),
    );
  });
  const clear = button(
    say("squares_clear"),
    () => {
      for (const [index, input] of inputs.entries()) {
        input.value = "";
        keep(index, "", inputs, typed);
      }
      tell();
    },
    { class: "small" },
  );
  return element("div", { class: "square-grid" }, rows, clear);
}

function square(each, line, place, char, inputs, typed, tell) {
  const index = inputs.length;
  const label = say("squares_square", { line: line + 1, place: place + 1 });
  const input = element("input", {
    type: "text",
    class: `square${char ? " fixed" : ""}`,
    value: char,
    lang: "zh",
    "aria-label": label,
    autocomplete: "off",
    "data-line": line,
    "data-place": place,
  });
  const spread = () => {
    spreadFrom(index, inputs, typed);
    tell();
  };
  input.addEventListener("input", (event) => {
    if (!event.isComposing) spread();
  });
  input.addEventListener("compositionend", spread);
  input.addEventListener("focus", () => input.select());
  input.addEventListener("keydown", (event) => walk(event, index, inputs));
  inputs.push(input);
  return element(
    "span",
    { class: `square-box${each.rhyme && place === each.length - 1 ? " rhymes" : ""}` },
    input,
    element("span", { class: "tone", "aria-hidden": "true" }, SIGNS[each.tones[place]] ?? ""),
  );
}

// What an input method or a paste brings in flows on over the next squares.
function spreadFrom(index, inputs, typed) {
  const chars = [...inputs[index].value].filter(isHan);
  if (!chars.length) {
    inputs[index].value = "";
    keep(index, "", inputs, typed);
    return;
  }
  const reached = chars.slice(0, inputs.length - index);
  for (const [step, char] of reached.entries()) {
    inputs[index + step].value = char;
    keep(index + step, char, inputs, typed);
  }
  inputs[Math.min(index + reached.length, inputs.length - 1)].focus();
}

function keep(index, char, inputs, typed) {
  const { line, place } = inputs[index].dataset;
  typed[line][place] = char;
  inputs[index].classList.toggle("fixed", Boolean(char));
}

function walk(event, index, inputs) {
  if (event.isComposing) return;
  const { line, place } = inputs[index].dataset;
  const beside = (step) =>
    inputs.find((each) => Number(each.dataset.line) === Number(line) + step && each.dataset.place === place);
  const goal = {
    ArrowRight: inputs[index + 1],
    ArrowLeft: inputs[index - 1],
    ArrowUp: beside(-1),
    ArrowDown: beside(1),
  }[event.key];
  const back = event.key === "Backspace" && !inputs[index].value ? inputs[index - 1] : null;
  if (!goal && !back) return;
  event.preventDefault();
  (goal ?? back).focus();
}
