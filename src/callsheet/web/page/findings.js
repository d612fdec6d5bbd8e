// Shows what a model's rules say about a text: findings, the parts they concern, and its length.

import { el, inlineCode, setText } from "./dom.js";
import { capitalize, formatLength } from "./format.js";
import { fromServer, hasText, t } from "./language.js";

/** A broken rule: what is wrong, then what kind of rule it is, who states it, and when. */
export function findingItem({ message, rule, kind, source, severity }) {
  const from = (source ?? "").replace(/^ours[,:;]?\s*/, "");
  const origin = [hasText(`rule_kind.${kind}`) && t(`rule_kind.${kind}`), from].filter(Boolean).join("; ");
  return el(
    "li",
    { class: severity === "warning" && "warning", title: rule },
    inlineCode(capitalize(message)),
    origin && el("span", { class: "origin" }, ` ${capitalize(origin)}`),
  );
}

/** One finding for each fault: the same words about the same text are said once. */
export function distinct(findings) {
  const byMessage = new Map(findings.map((finding) => [finding.message, finding]));
  return [...byMessage.values()];
}

/** How much of the idea a prompt keeps: "5 of 5"; or why nothing was checked. */
export function coverageText(coverage) {
  if (!coverage) return "";
  const { checked, reason, kept, of } = coverage;
  if (!checked) return t("prompt.not_compared", { reason: fromServer(reason) });
  return of === 0 ? "" : t("prompt.coverage", { kept, of });
}

/** Shows a text's length against its limit. */
export function showLength(element, text, limit) {
  const length = [...text].length;
  setText(element, formatLength(length, limit));
  element.classList.toggle("error", limit !== null && length > limit);
}

/** The text in parts: `{ text, severity }`, severity null for parts without a finding. */
export function splitByFindings(text, findings, limit = null) {
  const ranges = findings.flatMap((finding) => rangesOf(text, finding, limit));
  ranges.sort((one, other) => one.start - other.start || other.end - one.end);
  const parts = [];
  let position = 0;
  for (const { start, end, severity } of ranges) {
    if (start < position) continue;
    if (start > position) parts.push({ text: text.slice(position, start), severity: null });
    parts.push({ text: text.slice(start, end), severity });
    position = end;
  }
  if (position < text.length) parts.push({ text: text.slice(position), severity: null });
  return parts;
}

function rangesOf(text, { start, end, rule, message, severity = "error" }, limit) {
  if (Number.isInteger(start) && end > start) return [{ start, end, severity }];
  if (rule === "maxLength" && limit) {
    return [{ start: [...text].slice(0, limit).join("").length, end: text.length, severity }];
  }
  return quotedParts(message)
    .map((part) => ({ part, start: text.indexOf(part) }))
    .filter((found) => found.start >= 0)
    .map((found) => ({ start: found.start, end: found.start + found.part.length, severity }));
}

/** What a message quotes: between backticks or quotation marks. */
function quotedParts(message) {
  return [...message.matchAll(/`([^`]{2,})`|"([^"]{2,})"|'([^']{2,})'/g)].map(
    (match) => match[1] ?? match[2] ?? match[3],
  );
}
