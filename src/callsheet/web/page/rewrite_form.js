// Asks what to change in a prompt that is written again; an empty answer writes it anew.

import { button, el } from "./dom.js";
import { modelLabel } from "./labels.js";
import { t } from "./language.js";
import { rewritePrompts } from "./run_actions.js";

/** The form for one model's prompt; `close` takes it away. */
export function createRewriteForm(model, close) {
  const label = modelLabel(model);
  const input = el("input", {
    type: "text",
    maxlength: 1000,
    dir: "auto",
    autocomplete: "off",
    placeholder: t("rewrite.example"),
    "aria-label": t("rewrite.label", { name: label }),
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
    el("span", { class: "small muted" }, t("rewrite.question")),
    input,
    el(
      "div",
      { class: "actions" },
      el("button", { type: "submit" }, t("rewrite.submit")),
      button(t("action.cancel"), close, { class: "link-button" }),
    ),
  );
  return { element, focus: () => input.focus() };
}
