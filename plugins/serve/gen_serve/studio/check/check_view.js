// The view where any poem can be pasted and judged.

import { button, element, refill } from "../markup.js";
import { inOurWords } from "../engine_words.js";
import { judged } from "../sheet/judgement.js";
import { drawCircles, sheetOf, toneOf } from "../sheet/sheet.js";
import { fieldOf } from "../write/fields.js";
import "../write/named_fields.js";
import { listed, say } from "../words.js";

const FIELDS = [
  { name: "text", as: "check_text", type: "area", wide: true, tall: 9 },
  { name: "form", as: "check_form", type: "form", unasked: "by_looks" },
  { name: "tune", as: "check_tune", type: "tune" },
  { name: "variant", as: "check_variant", type: "number", least: 1, most: 200 },
  { name: "tones", as: "check_tones", type: "choice", choices: ["", "strict", "off"] },
  { name: "rhyme_book", as: "check_book", type: "choice", choices: ["", "pingshui", "cilin", "xinyun", "tongyun"] },
];

/** The view. `asked` keeps what was typed; `remember()` puts it into the address. */
export function makeCheckView(asked, remember) {
  const result = element("section", {
    class: "check-result",
    id: "text",
    tabindex: -1,
    "aria-live": "polite",
    "aria-label": say("check"),
  });
  const submit = (event) => {
    event?.preventDefault();
    remember();
    check(asked, result);
  };
  const view = element("div", { class: "check" }, checkForm(asked, submit), result);
  if (asked.text) check(asked, result);
  return view;
}

function checkForm(asked, submit) {
  const keep = (name) => (_, told) => {
    asked[name] = told;
  };
  const fields = FIELDS.map((field) => fieldOf(field, asked[field.name], keep(field.name)));
  return element(
    "form",
    { class: "check-form", onsubmit: submit },
    element("p", {}, say("check_hint")),
    element("div", { class: "fields" }, fields),
    element(
      "div",
      { class: "go-bar" },
      button(say("check_go"), null, { type: "submit", name: "circles", class: "go", id: "check-go" }),
    ),
  );
}

async function check(asked, result) {
  const wish = Object.fromEntries(Object.entries(asked).filter(([, value]) => value));
  if (wish.variant) wish.variant = Number(wish.variant);
  if (!wish.text?.trim()) return refill(result);
  try {
    return refill(
      result,
      (await judged(wish)).map(({ record, rhymes }) => reportOf(record, rhymes)),
    );
  } catch (problem) {
    return refill(
      result,
      element(
        "p",
        { class: "refusal", role: "alert" },
        problem.status === undefined && problem.name === "TypeError" ? say("lost") : problem.message,
      ),
    );
  }
}

function reportOf(record, rhymes) {
  if (record.error) return element("p", { class: "refusal", role: "alert" }, inOurWords(record.error));
  const lines = record.lines.map((line) => line.map(({ char, marks }) => char + marks).join(""));
  const sheet = sheetOf({ lines, verse: true, label: say("check_text") });
  drawCircles(sheet, record, rhymes);
  return element(
    "article",
    { class: "report" },
    element("h2", { lang: "zh-Hans" }, [record.form, record.pattern].filter(Boolean).join(" ")),
    verdicts(record),
    element("div", { class: "paper" }, sheet),
    listOf("check_faults", record.faults.map(placed), "faults"),
    listOf(
      "check_notes",
      record.notes.map((note) => [note.kind, placed(note)].join("：")),
      "licences",
    ),
    listOf("check_readings", readingsIn(record), "readings"),
    tonesTable(record),
  );
}

function verdicts(record) {
  const word = (ok) => say(ok === null ? "free" : ok ? "yes" : "no");
  const state = (ok) => (ok === null ? "quiet" : ok ? "good" : "bad");
  const parts = [
    ["judged_format", record.format_ok],
    ["judged_tones", record.tones_ok],
    ["judged_rhyme", record.rhyme_ok],
  ];
  const groups = [...new Set(record.rhymes.map(({ group }) => group))].join(" ");
  return element(
    "p",
    { class: "verdict" },
    parts.map(([what, ok]) => element("span", { class: state(ok) }, `${say(what)} ${word(ok)}`)),
    element("span", {}, `${say(record.book)}${groups ? ` ${groups}` : ""}`),
  );
}

const placed = ({ line, place, words }) =>
  /^line \d/.test(words) || !line
    ? inOurWords(words)
    : `${say("check_line", { line })}${place ? `, ${place}` : ""}: ${inOurWords(words)}`;

function listOf(title, items, kind) {
  if (!items.length) return kind === "faults" ? element("p", { class: "good" }, say("check_right")) : null;
  return element(
    "section",
    { class: kind },
    element("h3", {}, say(title)),
    element(
      "ul",
      {},
      items.map((words) => element("li", {}, words)),
    ),
  );
}

function readingsIn(record) {
  return record.lines
    .flat()
    .filter(({ readings, taken }) => taken && readings.length > 1)
    .map(({ char, readings, taken, why }) => {
      const told = ({ tone, group }) => `${tone}（${group}）`;
      const others = listed(
        readings.filter((each) => each.group !== taken.group || each.tone !== taken.tone).map(told),
      );
      return say("check_read", {
        char,
        taken: told(taken),
        others: [others, why && inOurWords(why)].filter(Boolean).join("；"),
      });
    });
}

// What is wanted and what is there, line by line, for eyes and for screen readers.
function tonesTable(record) {
  const rows = record.lines.map((line) =>
    element(
      "tr",
      {},
      element("th", { scope: "row", lang: "zh-Hans" }, line.map(({ char }) => char).join("")),
      element("td", { lang: "zh-Hans" }, line.map(({ wanted }) => wanted || "　").join("")),
      element("td", { lang: "zh-Hans" }, line.map(hasSign)),
    ),
  );
  const head = ["check_lines", "check_wants", "check_has"].map((words) => element("th", { scope: "col" }, say(words)));
  return element(
    "div",
    { class: "scrolls", tabindex: 0, role: "region", "aria-label": say("tones") },
    element("table", {}, element("thead", {}, element("tr", {}, head)), element("tbody", {}, rows)),
  );
}

const SIGNS = { level: "平", oblique: "仄", both: "兼", unknown: "？" };
const hasSign = (judgedChar) => element("span", { class: judgedChar.ok ? null : "bad" }, SIGNS[toneOf(judgedChar)]);
