// The history of a prompt: earlier texts, compared with the current one, to be copied or restored.

import { copyText } from "./clipboard.js";
import { button, el } from "./dom.js";
import { formatDate } from "./format.js";
import { t } from "./language.js";
import { diffParts } from "./text_diff.js";

/** A list of earlier attempts, the latest first; `restore(text)` where the prompt can be edited. */
export function promptHistory(attempts, current, restore) {
  return el(
    "ol",
    { class: "prompt-history", "aria-label": t("history.title") },
    attempts.map(({ attempt, result, ended, text }) => {
      const [number, date] = [attempt, formatDate(ended)];
      const title = t(result === "edited" ? "history.edited" : "history.attempt", { number, date });
      const subject = t("history.subject", { date });
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
            button(t("action.restore"), () => restore(text), {
              class: "link-button",
              "aria-label": t("history.restore", { what: subject }),
            }),
          button(t("action.copy"), copy, {
            class: "link-button",
            "aria-label": t("action.copy_what", { what: subject }),
          }),
        ),
      );
    }),
  );
}
