// A text on its sheet: a square for each character, set in columns or rows, with its circles.

import { element } from "../markup.js";
import { isHan, squaresOf } from "../verse.js";
import { say } from "../words.js";

const NUMERALS = [..."一二三四五六七八九十"];

/** A line's number in Chinese: 一, 十二. */
export function numeral(number) {
  if (number <= 10) return NUMERALS[number - 1];
  const tens = Math.floor(number / 10);
  return (tens > 1 ? NUMERALS[tens - 1] : "") + "十" + (number % 10 ? NUMERALS[(number % 10) - 1] : "");
}

/**
 * The sheet of a text. With `picked(square)` its characters can be chosen, and with `linePicked(line)` its lines.
 * `verse` texts stand line by line, others run on.
 */
export function sheetOf({ lines, verse, label, picked = null, linePicked = null, freshFrom = Infinity }) {
  const rows = squaresOf(lines).map((squares, line) =>
    element(
      "div",
      { class: "verse-line", "data-line": line },
      verse && linePicked ? lineHead(line, linePicked) : null,
      squares.map((square) => squareOn(square, picked, freshFrom)),
    ),
  );
  const sheet = element(
    "div",
    { class: `verse${verse ? "" : " prose"}`, role: "group", "aria-label": label, lang: "zh-Hans" },
    rows,
  );
  sheet.style.setProperty("--lines", lines.length);
  sheet.style.setProperty("--longest", Math.max(4, ...lines.map((line) => [...line].length)));
  if (picked) letArrowsWalk(sheet);
  return sheet;
}

function lineHead(line, linePicked) {
  const name = say("line_label", { line: line + 1 });
  return element(
    "button",
    {
      type: "button",
      class: "line-head",
      "aria-label": name,
      title: name,
      tabindex: -1,
      onclick: () => linePicked(line),
    },
    numeral(line + 1),
  );
}

function squareOn(square, picked, freshFrom) {
  const { char, marks, position, line, place } = square;
  const label = say("char_label", { char, line: line + 1, place: place + 1 });
  const role = picked ? { role: "button", tabindex: -1, "aria-label": label, onclick: () => picked(square) } : {};
  const made = element(
    "span",
    { class: `square-char${position >= freshFrom ? " fresh" : ""}`, "data-position": position, ...role },
    element("span", { class: "glyph" }, char),
  );
  if (position >= freshFrom && Number.isFinite(freshFrom)) made.style.setProperty("--order", position - freshFrom);
  return marks ? [made, element("span", { class: "mark", "aria-hidden": picked ? "true" : null }, marks)] : made;
}

// One stop for the Tab key; the arrows walk as the text is set.
function letArrowsWalk(sheet) {
  const chars = [...sheet.querySelectorAll("[role=button].square-char")];
  if (chars[0]) chars[0].tabIndex = 0;
  sheet.addEventListener("keydown", (event) => {
    const here = chars.indexOf(event.target);
    if (here < 0) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      event.target.click();
      return;
    }
    const goal = goalOf(event.key, chars, here, getComputedStyle(sheet).writingMode.startsWith("vertical"));
    if (!goal) return;
    event.preventDefault();
    rest(chars, goal).focus();
  });
  sheet.addEventListener("focusin", (event) => {
    if (chars.includes(event.target)) rest(chars, event.target);
  });
}

function rest(chars, chosen) {
  for (const char of chars) char.tabIndex = char === chosen ? 0 : -1;
  return chosen;
}

function goalOf(key, chars, here, isVertical) {
  const onward = {
    ArrowRight: isVertical ? "line-1" : "char+1",
    ArrowLeft: isVertical ? "line+1" : "char-1",
    ArrowDown: isVertical ? "char+1" : "line+1",
    ArrowUp: isVertical ? "char-1" : "line-1",
  }[key];
  if (!onward) return null;
  const step = Number(onward.slice(4));
  if (onward.startsWith("char")) return chars[here + step] ?? null;
  const lines = Map.groupBy ? Map.groupBy(chars, lineOf) : grouped(chars);
  const line = lineOf(chars[here]);
  const place = lines.get(line).indexOf(chars[here]);
  const other = lines.get(line + step);
  return other ? other[Math.min(place, other.length - 1)] : null;
}

const lineOf = (char) => Number(char.parentElement.dataset.line);

function grouped(chars) {
  const lines = new Map();
  for (const char of chars) lines.set(lineOf(char), [...(lines.get(lineOf(char)) ?? []), char]);
  return lines;
}

/** The tone of a judged character in one word: level, oblique, both or unknown. */
export function toneOf(judged) {
  const tones = judged.taken ? [judged.taken.tone] : [...new Set(judged.readings.map((each) => each.tone))];
  if (tones.length > 1) return "both";
  return { 平: "level", 仄: "oblique" }[tones[0]] ?? "unknown";
}

/** Draws circles beside the characters of a sheet, marks its rhymes and its faults, and says so in the labels. */
export function drawCircles(sheet, record, rhymes) {
  const squares = [...sheet.querySelectorAll(".square-char")].filter((square) =>
    isHan(square.querySelector(".glyph").textContent),
  );
  const judged = record.lines.flatMap((line, number) =>
    line.map((each, place) => ({ ...each, isRhyme: Boolean(rhymes[number]) && place === line.length - 1 })),
  );
  // Character by character: a sentence of a ci may hold several lines.
  judged.forEach((each, at) => squares[at] && drawCircle(squares[at], each, each.isRhyme));
}

function drawCircle(square, judged, isRhyme) {
  const tone = toneOf(judged);
  square.querySelector(".tone")?.remove();
  square.append(element("span", { class: `tone tone-${tone}`, "aria-hidden": "true" }));
  square.classList.toggle("rhymes", isRhyme);
  square.classList.toggle("wrong", !judged.ok);
  const told = [
    square.getAttribute("aria-label")?.split(" · ")[0],
    say(tone),
    isRhyme && say("rhymes"),
    !judged.ok && say("wrong"),
  ];
  if (square.hasAttribute("role")) square.setAttribute("aria-label", told.filter(Boolean).join(" · "));
}
