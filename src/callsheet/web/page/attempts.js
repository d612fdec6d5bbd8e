// The history of a prompt: what earlier attempts said, and which words came and went since.

import { make } from "./element.js";
import { difference } from "./difference.js";
import { when } from "./figures.js";

/** Earlier texts, the latest first, each beside the one that stands now. */
export function drawAttempts(earlier, now) {
  return make(
    "ol",
    { class: "attempts", "aria-label": "Earlier attempts" },
    ...earlier.map((attempt) =>
      make(
        "li",
        {},
        make(
          "p",
          { class: "small soft" },
          `Attempt ${attempt.attempt}, ${when(attempt.ended)}, beside what stands now`,
        ),
        make("p", { class: "text" }, ...difference(attempt.text, now ?? "").map(drawPiece)),
      ),
    ),
  );
}

function drawPiece({ kind, text }) {
  if (kind === "same") return text;
  return make(kind === "gone" ? "del" : "ins", {}, text);
}
