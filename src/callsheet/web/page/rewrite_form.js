// Asks what to change in a prompt that is written again; an empty answer writes it anew.

import { apiPath, attempt, post } from "./api_client.js";
import { button, el } from "./dom.js";
import { priceText } from "./estimate_panel.js";
import { t } from "./language.js";
import { rewriteBody, rewritePrompts } from "./run_actions.js";
import { state } from "./store.js";

/** What writing these models' prompts again costs, as a sentence; empty where it is not known. */
async function previewRewrite(models) {
  const path = apiPath("runs", state.run.run, "preview");
  return (await attempt(async () => priceText((await post(path, rewriteBody(models))).cost))) ?? "";
}

/** The form for the prompts of these models; `label` names its field, `close` takes it away. */
export function createRewriteForm(models, label, close) {
  const input = el("input", {
    type: "text",
    maxlength: 1000,
    dir: "auto",
    autocomplete: "off",
    placeholder: t("rewrite.example"),
    "aria-label": label,
  });
  const price = el("span", { class: "small muted" });
  previewRewrite(models).then((text) => price.append(text));
  const submit = (event) => {
    event.preventDefault();
    close();
    rewritePrompts(models, input.value.trim());
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
