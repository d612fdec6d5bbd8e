// Asks what to change in a prompt that is written again; an empty answer writes it anew.

import { apiPath, attempt, post } from "./api_client.js";
import { button, el } from "./dom.js";
import { priceText } from "./estimate_panel.js";
import { modelLabel } from "./labels.js";
import { t } from "./language.js";
import { rewriteBody, rewritePrompts } from "./run_actions.js";
import { state } from "./store.js";

/** What writing a model's prompt again costs, as a sentence; empty where it is not known. */
async function previewRewrite(model) {
  const path = apiPath("runs", state.run.run, "preview");
  return (await attempt(async () => priceText((await post(path, rewriteBody([model]))).cost))) ?? "";
}

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
  const price = el("span", { class: "small muted" });
  previewRewrite(model).then((text) => price.append(text));
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
      price,
    ),
  );
  return { element, focus: () => input.focus() };
}
