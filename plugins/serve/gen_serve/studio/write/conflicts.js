// Tells a refusal beside the fields that caused it.

import { listed, say } from "../words.js";
import { ruleName } from "../inspect/rule_names.js";
import { tellTrouble } from "./fields.js";

/** Which field a processor of the chain comes from; a tune is a form, too. */
const FIELD_OF_RULE = {
  form: ["form", "tune", "rows", "cols"],
  tune: ["tune"],
  ban: ["forbid"],
  couplet: ["cols", "first"],
  length: ["len"],
  max_new: ["len", "max_new"],
};

const nameOf = (spec) => spec.split(/[=,]/)[0].replace(/^.*:/, "");

/** The words of a refusal for the whole form. */
export function refusalWords(problem) {
  if (problem.status === undefined) return say("lost");
  if (problem.code === "busy") return say("busy");
  if (problem.code === "undecided") return say("undecided");
  if (problem.code === "conflict" && problem.members.length) {
    const rules = specsOf(problem).map(ruleName);
    return say(rules.length > 1 ? "conflict_short" : "conflict_one", { rules: listed(rules) });
  }
  return problem.message;
}

/** Takes back all troubles of a form. */
export function clearTroubles(form) {
  for (const node of form.querySelectorAll("[data-field]")) tellTrouble(node, "");
}

/** Tells a refusal in its fields; false if none of them is to blame. */
export function tellInFields(form, problem) {
  if (problem.code === "conflict" && problem.members.length) return tellConflict(form, specsOf(problem));
  const field = problem.param && fieldNode(form, [problem.param.replace(/^.*\./, "")]);
  if (field) tellTrouble(field, problem.message);
  return Boolean(field);
}

const specsOf = ({ members }) =>
  members.map((member) => (typeof member === "string" ? member : (member.spec ?? member.name ?? String(member))));

function tellConflict(form, specs) {
  const blamed = specs.map((spec) => [spec, fieldNode(form, FIELD_OF_RULE[nameOf(spec)] ?? [nameOf(spec)])]);
  for (const [spec, node] of blamed) {
    const others = listed(specs.filter((other) => other !== spec).map(ruleName));
    if (node) tellTrouble(node, others ? say("conflict_here", { others }) : say("conflict_alone"));
  }
  return blamed.some(([, node]) => node);
}

function fieldNode(form, names) {
  for (const name of names) {
    const node = form.querySelector(`[data-field="${CSS.escape(name)}"]:not([hidden])`);
    if (node) return node;
  }
  return null;
}
