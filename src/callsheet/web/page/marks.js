// A proof-reader's marks: each finding in words, and a line below the part that it speaks of.

import { make } from "./element.js";

/** The text in pieces: `{ text, severity }`, severity null where nothing is to be marked. */
export function marked(text, findings, limit = null) {
  const spans = findings.flatMap((finding) => spansOf(text, finding, limit));
  spans.sort((one, other) => one.start - other.start || other.end - one.end);
  const pieces = [];
  let position = 0;
  for (const { start, end, severity } of spans) {
    if (start < position) continue;
    if (start > position) pieces.push({ text: text.slice(position, start), severity: null });
    pieces.push({ text: text.slice(start, end), severity });
    position = end;
  }
  if (position < text.length) pieces.push({ text: text.slice(position), severity: null });
  return pieces;
}

function spansOf(text, finding, limit) {
  const severity = finding.severity ?? "error";
  if (Number.isInteger(finding.start) && finding.end > finding.start) {
    return [{ start: finding.start, end: finding.end, severity }];
  }
  if (finding.rule === "maxLength" && limit) {
    return [{ start: [...text].slice(0, limit).join("").length, end: text.length, severity }];
  }
  return quoted(finding.message)
    .map((part) => ({ part, start: text.indexOf(part) }))
    .filter(({ start }) => start >= 0)
    .map(({ part, start }) => ({ start, end: start + part.length, severity }));
}

/** What a message names word for word: between backticks or quotation marks. */
function quoted(message) {
  return [...message.matchAll(/`([^`]{2,})`|"([^"]{2,})"|'([^']{2,})'/g)].map(
    (found) => found[1] ?? found[2] ?? found[3],
  );
}

/** A finding in words. */
export function drawFinding({ message, rule, severity }) {
  const said = message.replace(/^./, (first) => first.toUpperCase());
  return make("li", { class: severity === "warning" ? "warning" : "", title: rule }, said);
}
