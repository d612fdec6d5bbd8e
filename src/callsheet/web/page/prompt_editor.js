// Edits a prompt in place; checks it against its model's rules after each pause in typing.

import { copyText } from "./clipboard.js";
import { button, el, renderIfChanged, setText } from "./dom.js";
import { discardEdit, editOf, saveEdit, typeEdit } from "./edits.js";
import { findingItem, showLength } from "./findings.js";
import { textLabel } from "./labels.js";
import { t } from "./language.js";
import { lintText } from "./lint.js";
import { limitOf } from "./selectors.js";
import { diffParts } from "./text_diff.js";

const LINT_DELAY = 350; // milliseconds after the last key

/** The editor of a prompt's edit: its `element`, `focus`, and `update(newer)`, called as it changes. */
export function createPromptEditor({ category, name }) {
  const length = el("span", { class: "length small muted" });
  const findings = el("ul", { class: "findings", "aria-live": "polite" });
  const fix = button(t("action.fix"), () => replaceText(fixed), { hidden: true });
  const area = el("textarea", {
    "aria-label": t("editor.text", { name: textLabel(name) }),
    spellcheck: "true",
    dir: "auto",
  });
  const refusal = el("p", { class: "error", role: "alert" });
  const elsewhere = el("div", { class: "elsewhere", role: "alert" });
  const saving = button(t("action.save"), save);
  area.value = editOf(name).text;
  let newer;
  let fixed = null;
  let timer = 0;
  let request = 0;

  async function check() {
    const current = ++request;
    const result = await lintText(category, name, area.value);
    if (current !== request || !result) return;
    findings.replaceChildren(...result.findings.map(findingItem));
    fixed = result.fixed;
    fix.hidden = fixed === null || fixed === area.value;
  }

  function onInput() {
    showLength(length, area.value, limitOf(name));
    clearTimeout(timer);
    timer = setTimeout(check, LINT_DELAY);
  }

  function replaceText(value) {
    area.value = value;
    typeEdit(name, value);
    onInput();
    area.focus();
  }

  function save() {
    const { from } = editOf(name);
    const isChanged = area.value.trim() && (area.value !== from || newer);
    if (isChanged) saveEdit(name, newer);
    else discardEdit(name);
  }

  area.addEventListener("input", () => {
    typeEdit(name, area.value);
    onInput();
  });
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape") discardEdit(name);
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save();
  });
  onInput();
  const cancel = button(t("action.cancel"), () => discardEdit(name), { class: "link-button" });
  const actions = el("div", { class: "actions" }, saving, cancel, fix, length);
  const element = el("div", { class: "prompt-editor" }, area, findings, refusal, elsewhere, actions);

  const update = (next) => {
    newer = next;
    setText(refusal, editOf(name).error ?? "");
    setText(saving, t(newer ? "editor.save_mine" : "action.save"));
    setText(cancel, t(newer ? "editor.take_newer" : "action.cancel"));
    renderIfChanged(elsewhere, newer ?? null, () => (newer ? changedElsewhere(newer.text) : []));
  };
  const changedElsewhere = (text) => [
    el("p", {}, el("strong", {}, t("editor.changed_elsewhere"))),
    el("p", { class: "muted small" }, t("editor.newer_below")),
    el("p", { class: "text" }, diffParts(editOf(name).text, text)),
    button(t("editor.copy_newer"), (event) => copyText(event.currentTarget, text, t("editor.newer")), {
      class: "link-button",
    }),
  ];
  return { element, update, focus: () => area.focus() };
}
