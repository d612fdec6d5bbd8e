// One prompt: its text while it is written, its length, its findings, and its actions.

import { copyText } from "./clipboard.js";
import { button, el, renderIfChanged, setText } from "./dom.js";
import { beginEdit, editOf, saveEdit, typeEdit } from "./edits.js";
import { coverageText, findingItem, showLength, splitByFindings } from "./findings.js";
import { formatCount } from "./format.js";
import { modelLabel, textLabel } from "./labels.js";
import { correctionOf } from "./lint.js";
import { createPromptEditor } from "./prompt_editor.js";
import { promptHistory } from "./prompt_history.js";
import { rewritePrompts } from "./run_actions.js";
import { limitOf } from "./selectors.js";

/**
 * A prompt's card: its `element`, and `update(prompt)`, which renders what has changed.
 *
 * A prompt is `{ category, name, model, text, partialText, isWriting, pending, isEditable, settings,
 * coverage, findings, rejectedText, earlier, newer }`; `text` is undefined while nothing is written.
 */
export function createPromptCard(name) {
  let prompt = null;
  let editor = null;
  let isHistoryOpen = false;
  const id = `prompt-${name}`;
  const label = textLabel(name);
  const length = el("span", { class: "length" });
  const copy = button("Copy", () => copyText(copy, prompt.text, label), {
    class: "copy",
    "aria-keyshortcuts": "c",
    "aria-label": `Copy ${label}`,
  });
  const coverage = el("p", { class: "settings coverage" });
  const text = el("p", { class: "text", dir: "auto" });
  const settings = el("p", { class: "settings" });
  const findingList = el("ul", { class: "findings", "aria-label": `Findings in ${label}` });
  const actions = el("div", { class: "actions" });
  const history = el("div");
  const heading = el("h5", { id: `${id}-name`, title: name }, label);
  const unsent = el("p", { class: "settings", role: "status" });
  const element = el(
    "article",
    { class: "prompt-card", id, tabindex: "0", "aria-labelledby": `${id}-name` },
    el("div", { class: "prompt-head" }, heading, length, copy),
    [text, unsent, settings, coverage, findingList, actions, history],
  );

  function render() {
    renderEditor();
    const { isWriting, isEditable, partialText, findings, rejectedText, earlier } = prompt;
    renderText(text, prompt);
    const shown = isWriting ? partialText : (prompt.text ?? rejectedText);
    if (shown === undefined) setText(length, "");
    else showLength(length, shown, limitOf(name));
    setText(coverage, isWriting ? "" : coverageText(prompt.coverage));
    const isWritten = prompt.text !== undefined;
    setText(settings, prompt.settings.length ? `Settings: ${prompt.settings.join(", ")}` : "");
    const items = partialText ? [] : findings;
    renderIfChanged(findingList, items, () => items.map(findingItem));
    text.hidden = Boolean(editor);
    findingList.hidden = Boolean(editor) || items.length === 0;
    copy.hidden = !isWritten || isWriting;
    const mayEdit = isEditable && isWritten;
    setText(unsent, editOf(name) && !editor ? "Not sent to the server yet." : "");
    const correction = editor ? undefined : correctionOf(prompt);
    renderIfChanged(actions, [Boolean(editor), mayEdit, earlier.length, isHistoryOpen, correction], () =>
      editor
        ? []
        : [
            correction && fixButton(correction),
            mayEdit && editButtons(),
            earlier.length > 0 && historyButton(earlier.length),
          ],
    );
    renderIfChanged(history, isHistoryOpen && [earlier, prompt.text], () =>
      isHistoryOpen ? promptHistory(earlier, prompt.text) : [],
    );
  }

  /** Saves the text as code corrects it: an edit like any other. */
  function fixButton(correction) {
    const fix = () => {
      beginEdit(name, prompt.text);
      typeEdit(name, correction);
      saveEdit(name);
    };
    return button("Fix", fix, { id: `${id}-fix`, "aria-label": `Fix ${label}` });
  }

  function editButtons() {
    const { model } = prompt;
    const rewrite = () => rewritePrompts([model]);
    return [
      button("Edit", startEditing, { class: "link-button", "aria-label": `Edit ${label}` }),
      button("Rewrite", rewrite, { class: "link-button", "aria-label": `Rewrite ${modelLabel(model)}` }),
    ];
  }

  function historyButton(count) {
    return button(isHistoryOpen ? "Hide history" : `History (${count})`, toggleHistory, {
      class: "link-button",
      "aria-expanded": String(isHistoryOpen),
      "aria-label": `History of ${label}: ${formatCount(count, "earlier attempt")}`,
    });
  }

  function toggleHistory() {
    isHistoryOpen = !isHistoryOpen;
    render();
    actions.lastElementChild?.focus();
  }

  function startEditing() {
    beginEdit(name, prompt.text);
    render();
    editor.focus();
  }

  /** Shows the editor as long as the prompt has an edit that is open. */
  function renderEditor() {
    const isOpen = Boolean(editOf(name)?.isOpen);
    if (isOpen && !editor) {
      editor = createPromptEditor(prompt);
      text.after(editor.element);
    } else if (!isOpen && editor) {
      const hadFocus = editor.element.contains(document.activeElement);
      editor.element.remove();
      editor = null;
      if (hadFocus) element.focus();
    }
    editor?.update(prompt.newer);
  }

  const update = (next) => {
    prompt = next;
    render();
  };
  return { element, update };
}

function renderText(element, { name, text, rejectedText, partialText, isWriting, pending, findings }) {
  element.classList.toggle("pending", isWriting && !partialText);
  element.classList.toggle("caret", isWriting && (Boolean(partialText) || pending.startsWith("writing")));
  element.classList.toggle("rejected", text === undefined && rejectedText !== undefined);
  renderIfChanged(element, [text, rejectedText, partialText, pending, findings], () => {
    if (isWriting) return partialText ?? pending;
    const parts = splitByFindings(text ?? rejectedText ?? "", findings, limitOf(name));
    return parts.map(({ text: part, severity }) =>
      severity ? el("mark", { class: severity }, part) : part,
    );
  });
}
