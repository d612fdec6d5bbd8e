// Edits a prompt in place; checks it against its model's rules after each pause in typing.

import { apiPath, attempt, post } from "./api_client.js";
import { button, el } from "./dom.js";
import { findingItem, showLength } from "./findings.js";
import { editPrompt } from "./run_actions.js";
import { limitOf } from "./selectors.js";
import { state } from "./store.js";

const DELAY = 350; // milliseconds after the last key

/** The editor of a prompt; `onClose` is called after saving or cancelling. */
export function createPromptEditor({ category, name, text }, onClose) {
  const length = el("span", { class: "length small muted" });
  const findings = el("ul", { class: "findings", "aria-live": "polite" });
  const autofix = button("Autofix", () => replaceText(fixed), { hidden: true });
  const area = el("textarea", { "aria-label": `Text of ${name}`, spellcheck: "true" });
  area.value = text;
  let fixed = null;
  let timer = 0;
  let request = 0;

  async function check() {
    const current = ++request;
    const result = await lint(category, name, area.value);
    if (current !== request || !result) return;
    findings.replaceChildren(...result.findings.map(findingItem));
    fixed = result.fixed;
    autofix.hidden = fixed === null || fixed === area.value;
  }

  function onInput() {
    showLength(length, area.value, limitOf(name));
    clearTimeout(timer);
    timer = setTimeout(check, DELAY);
  }

  function replaceText(value) {
    area.value = value;
    onInput();
    area.focus();
  }

  async function save() {
    const isChanged = area.value.trim() && area.value !== text;
    if (!isChanged || (await editPrompt(category, name, area.value))) onClose();
  }

  area.addEventListener("input", onInput);
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape") onClose();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save();
  });
  onInput();
  const cancel = button("Cancel", onClose, { class: "link-button" });
  const actions = el("div", { class: "actions" }, button("Save", save), cancel, autofix, length);
  const element = el("div", { class: "prompt-editor" }, area, findings, actions);
  return { element, focus: () => area.focus() };
}

/** The findings of a text and its fixed form or null; undefined if it cannot be checked now. */
function lint(category, name, text) {
  if (!text.trim()) return undefined;
  const [model, field] = name.split(".");
  // A prompt of several fields is checked as a whole; findings of other fields are shown there.
  const prompt = field ? { ...state.run.prompts[category][model], [field]: text } : text;
  return attempt(async () => {
    const body = { model, text: prompt, workflow: state.workflow.name };
    const { findings, mended } = await post(apiPath("lint"), body);
    return {
      findings: findings.filter(({ path }) => path === name),
      fixed: (field ? mended?.[field] : mended) ?? null,
    };
  });
}
