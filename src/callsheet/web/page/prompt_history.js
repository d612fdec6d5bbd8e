// The history of a prompt: earlier texts, compared with the current one.

import { el } from "./dom.js";
import { formatDate } from "./format.js";
import { diffParts } from "./text_diff.js";

/** A list of earlier attempts, the latest first. */
export function promptHistory(attempts, current) {
  return el(
    "ol",
    { class: "prompt-history", "aria-label": "Earlier attempts" },
    attempts.map(({ attempt, result, ended, text }) =>
      el(
        "li",
        {},
        el("p", { class: "small muted" }, `${headingOf(result, attempt)}, ${formatDate(ended)}`),
        el("p", { class: "text" }, diffParts(text, current ?? "")),
      ),
    ),
  );
}

function headingOf(result, attempt) {
  return result === "edited" ? "Edited" : `Attempt ${attempt}`;
}
