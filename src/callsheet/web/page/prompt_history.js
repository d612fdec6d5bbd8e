// The history of a prompt: earlier texts, compared with the current one.

import { el } from "./dom.js";
import { formatDate } from "./format.js";
import { diffWords } from "./text_diff.js";

/** A list of earlier attempts, the latest first. */
export function promptHistory(attempts, current) {
  return el(
    "ol",
    { class: "prompt-history", "aria-label": "Earlier attempts" },
    attempts.map(({ attempt, ended, text }) =>
      el(
        "li",
        {},
        el("p", { class: "small muted" }, `Attempt ${attempt}, ${formatDate(ended)}`),
        el("p", { class: "text" }, diffWords(text, current ?? "").map(diffPart)),
      ),
    ),
  );
}

function diffPart({ kind, text }) {
  return kind === "same" ? text : el(kind === "removed" ? "del" : "ins", {}, text);
}
