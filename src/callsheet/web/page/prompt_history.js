// The history of a prompt: earlier texts, compared with the current one, to be copied or restored.

import { copyText } from "./clipboard.js";
import { button, el } from "./dom.js";
import { formatDate } from "./format.js";
import { diffParts } from "./text_diff.js";

/** A list of earlier attempts, the latest first; `restore(text)` where the prompt can be edited. */
export function promptHistory(attempts, current, restore) {
  return el(
    "ol",
    { class: "prompt-history", "aria-label": "Earlier attempts" },
    attempts.map(({ attempt, result, ended, text }) => {
      const title = `${headingOf(result, attempt)}, ${formatDate(ended)}`;
      const subject = `the text of ${formatDate(ended)}`;
      const copy = (event) => copyText(event.currentTarget, text, subject);
      return el(
        "li",
        {},
        el("p", { class: "small muted" }, title),
        el("p", { class: "text", dir: "auto" }, diffParts(text, current ?? "")),
        el(
          "div",
          { class: "actions" },
          restore &&
            button("Restore", () => restore(text), {
              class: "link-button",
              "aria-label": `Restore ${subject}`,
            }),
          button("Copy", copy, { class: "link-button", "aria-label": `Copy ${subject}` }),
        ),
      );
    }),
  );
}

function headingOf(result, attempt) {
  return result === "edited" ? "Edited" : `Attempt ${attempt}`;
}
