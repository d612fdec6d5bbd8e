// One prompt: its text while it is written, its length, its findings, and its actions.

import { copyText } from "./clipboard.js";
import { createComparison } from "./compare.js";
import { button, el, renderIfChanged, setText, unbroken } from "./dom.js";
import { beginEdit, editOf, saveEdit, typeEdit } from "./edits.js";
import { coverageText, findingItem, showLength, splitByFindings } from "./findings.js";
import { headingOf, modelLabel, textLabel } from "./labels.js";
import { t } from "./language.js";
import { correctionOf } from "./lint.js";
import { createPromptEditor } from "./prompt_editor.js";
import { promptHistory } from "./prompt_history.js";
import { createRenderedImage } from "./rendered_image.js";
import { createRewriteForm } from "./rewrite_form.js";
import { isRunning, limitOf, promptTexts } from "./selectors.js";
import { state } from "./store.js";

/**
 * A prompt's card: its `element`, and `update(prompt)`, which renders what has changed.
 *
 * A prompt is `{ category, name, model, text, partialText, isWriting, pending, isEditable, settings,
 * coverage, findings, rejectedText, earlier, newer, isUnchanged, rendered }`; `text` is undefined while
 * nothing is written, `rendered` where the card shows no image.
 */
export function createPromptCard(name) {
  let prompt = null;
  let editor = null;
  let panel = null; // what is open below the prompt: its `kind`, `element`, and maybe `update`
  const id = `prompt-${name}`;
  const label = textLabel(name);
  const length = el("span", { class: "length" });
  const copy = button(t("action.copy"), () => copyText(copy, prompt.text, label), {
    class: "copy",
    "aria-keyshortcuts": "c",
    "aria-label": t("action.copy_what", { what: label }),
  });
  const coverage = el("p", { class: "settings coverage" });
  const text = el("p", { class: "text", dir: "auto" });
  const settings = el("p", { class: "settings" });
  const findingList = el("ul", { class: "findings", "aria-label": t("prompt.findings", { name: label }) });
  const actions = el("div", { class: "actions" });
  const below = el("div");
  const heading = el("h5", { id: `${id}-name`, title: name }, headingOf(name));
  const unsent = el("p", { class: "settings", role: "status" });
  const element = el(
    "article",
    { class: "prompt-card", id, tabindex: "0", "aria-labelledby": `${id}-name` },
    el("div", { class: "prompt-head" }, heading, length, copy),
    [text, unsent, settings, coverage, findingList, actions, below],
  );
  const image = createRenderedImage(name.split(".")[0], element);
  text.after(image.element);

  function render() {
    renderEditor();
    const { isWriting, isEditable, partialText, findings, rejectedText, earlier } = prompt;
    renderText(text, prompt);
    const shown = isWriting ? partialText : (prompt.text ?? rejectedText);
    if (shown === undefined || editor) setText(length, ""); // the editor has its own
    else showLength(length, shown, limitOf(name));
    setText(coverage, isWriting || editor ? "" : coverageText(prompt.coverage));
    const isWritten = prompt.text !== undefined;
    const listed = prompt.settings.join(", ");
    setText(settings, listed && t("prompt.settings", { settings: listed }));
    const items = partialText ? [] : findings;
    renderIfChanged(findingList, items, () => items.map(findingItem));
    text.hidden = Boolean(editor);
    findingList.hidden = Boolean(editor) || items.length === 0;
    copy.hidden = !isWritten || isWriting;
    const mayEdit = isEditable && isWritten;
    setText(unsent, noteOf());
    const correction = editor ? undefined : correctionOf(prompt);
    const mayAddImage = prompt.rendered === null && isWritten;
    image.update(isWritten ? prompt.rendered : undefined);
    const flags = [Boolean(editor), mayEdit, mayAddImage, canCompare()];
    const inputs = [flags, earlier.length, panel?.kind, correction];
    renderIfChanged(actions, inputs, () =>
      editor
        ? []
        : [
            correction && fixButton(correction),
            mayEdit && editButtons(),
            panelButtons(),
            mayAddImage && image.addButton(),
          ],
    );
    if (panel?.kind === "rewrite" && !mayEdit) panel = null;
    renderIfChanged(below, panel?.kind ?? null, () => (panel ? [panel.element] : []));
    panel?.update?.();
  }

  function noteOf() {
    if (editOf(name) && !editor) return t("prompt.unsent");
    return prompt.isUnchanged && !editor ? t("prompt.unchanged") : "";
  }

  /** Whether there is anything to be set beside this prompt. */
  function canCompare() {
    return prompt.text !== undefined && !isRunning() && (prompt.earlier.length > 0 || hasOthers(name));
  }

  function fixButton(correction) {
    const attributes = { id: `${id}-fix`, "aria-label": t("prompt.fix", { name: label }) };
    return button(t("action.fix"), () => replaceText(correction), attributes);
  }

  function editButtons() {
    const { model } = prompt;
    return [
      button(t("action.edit"), startEditing, {
        class: "link-button",
        "aria-label": t("prompt.edit", { name: label }),
      }),
      panelButton("rewrite", t("action.rewrite"), t("prompt.rewrite", { name: modelLabel(model) })),
    ];
  }

  function panelButtons() {
    const values = { name: label, count: prompt.earlier.length };
    return [
      values.count > 0 &&
        panelButton("history", t("history.open", values), t("history.open_label", values)),
      canCompare() && panelButton("comparison", t("compare.open"), t("compare.open_label", values)),
    ];
  }

  /** A button that opens and closes what stands below the prompt. */
  function panelButton(kind, text, description) {
    const isOpen = panel?.kind === kind;
    return button(text, () => toggle(kind), {
      id: `${id}-${kind}`,
      class: "link-button",
      "aria-expanded": String(isOpen),
      "aria-label": description,
    });
  }

  function toggle(kind) {
    panel = panel?.kind === kind ? null : { kind, ...PANELS[kind]() };
    render();
    if (panel?.focus) panel.focus();
    else document.getElementById(`${id}-${kind}`)?.focus();
  }

  const PANELS = {
    rewrite: () => {
      const label = t("rewrite.label", { name: modelLabel(prompt.model) });
      return createRewriteForm([prompt.model], label, () => toggle("rewrite"));
    },
    comparison: () =>
      createComparison(name, {
        current: () => prompt.text ?? "",
        earlier: () => prompt.earlier,
        close: () => toggle("comparison"),
      }),
    history: () => {
      const list = el("div");
      const update = () => {
        const { earlier, text: now, isEditable: mayRestore } = prompt;
        renderIfChanged(list, [earlier, now, mayRestore], () =>
          promptHistory(earlier, now, mayRestore && replaceText),
        );
      };
      return { element: list, update };
    },
  };

  /** Saves a text in place of the current one: an edit like any other. */
  function replaceText(replacement) {
    beginEdit(name, prompt.text);
    typeEdit(name, replacement);
    saveEdit(name);
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

/** Whether the run has other prompts, or there are other runs. */
function hasOthers(name) {
  return state.runs.length > 1 || promptTexts(state.run?.prompts).some((each) => each.name !== name);
}

function renderText(element, { name, text, rejectedText, partialText, isWriting, pending, findings }) {
  const isOpen = !isWriting && text === undefined && rejectedText === undefined; // of a run that was stopped
  element.classList.toggle("pending", isOpen || (isWriting && !partialText));
  element.classList.toggle("caret", isWriting && (Boolean(partialText) || pending.isWriting));
  element.classList.toggle("rejected", text === undefined && rejectedText !== undefined);
  renderIfChanged(element, [text, rejectedText, partialText, pending, findings], () => {
    if (isWriting) return partialText ?? pending.text;
    if (isOpen) return t("pending.next");
    const parts = splitByFindings(text ?? rejectedText ?? "", findings, limitOf(name));
    return parts.map(({ text: part, severity }) =>
      severity ? el("mark", { class: severity }, unbroken(part)) : unbroken(part),
    );
  });
}
