// Asks what to change in a prompt that is written again; an empty answer writes it anew.

import { button, el } from "./dom.js";
import { modelLabel } from "./labels.js";
import { rewritePrompts } from "./run_actions.js";

/** The form for one model's prompt; `close` takes it away. */
export function createRewriteForm(model, close) {
  const label = modelLabel(model);
  const input = el("input", {
    type: "text",
    maxlength: 1000,
    dir: "auto",
    autocomplete: "off",
    placeholder: "for example: less rain",
    "aria-label": `What should change in ${label}?`,
  });
  const submit = (event) => {
    event.preventDefault();
    close();
    rewritePrompts([model], input.value.trim());
  };
  const leave = (event) => event.key === "Escape" && close();
  const element = el(
    "form",
    { class: "rewrite-form", on: { submit, keydown: leave } },
    el("span", { class: "small muted" }, "What should change? Leave it empty for another version."),
    input,
    el(
      "div",
      { class: "actions" },
      el("button", { type: "submit" }, "Rewrite now"),
      button("Cancel", close, { class: "link-button" }),
    ),
  );
  return { element, focus: () => input.focus() };
}
