// One prompt: its text as it is written, its length against its limit, its findings, and its deeds.

import { button, make, setText } from "./element.js";
import { copyFrom } from "./copying.js";
import { rewrite } from "./deeds.js";
import { count, whole } from "./figures.js";
import { drawFinding, marked } from "./marks.js";
import { limitOf } from "./sheet.js";

/** A prompt's row: `element`, and `update(state)` which draws what has changed. */
export function newPrompt(name) {
  let state = { name };
  let shape = "";
  let editor = null;
  const id = `prompt-${name}`;
  const parts = {
    length: make("span", { class: "length" }),
    copy: button("Copy", (event) => copy(event.currentTarget), {
      class: "copy",
      "aria-keyshortcuts": "c",
    }),
    text: make("p", { class: "text" }),
    settings: make("p", { class: "settings" }),
    findings: make("ul", { class: "findings", "aria-label": `Findings in ${name}` }),
    deeds: make("div", { class: "deeds" }),
    attempts: make("div", {}),
  };
  parts.copy.setAttribute("aria-label", `Copy ${name}`);
  const element = make(
    "article",
    { class: "prompt", id, tabindex: "0", "aria-labelledby": `${id}-name` },
    make(
      "div",
      { class: "prompt-head" },
      make("h5", { id: `${id}-name` }, name),
      parts.length,
      parts.copy,
    ),
    parts.text,
    parts.settings,
    parts.findings,
    parts.deeds,
    parts.attempts,
  );

  function copy(pressed) {
    if (state.text !== undefined) copyFrom(pressed, state.text, name);
  }

  function update(next) {
    state = next;
    const now = JSON.stringify(next);
    if (now === shape) return;
    shape = now;
    drawText(parts, next);
    drawLength(parts.length, next);
    setText(parts.settings, next.settings.length ? `Set beside it: ${next.settings.join(", ")}` : "");
    parts.findings.replaceChildren(...(next.coming ? [] : next.problems.map(drawFinding)));
    parts.findings.hidden = parts.findings.childElementCount === 0;
    parts.copy.hidden = next.text === undefined || next.isBeingWritten;
    drawDeeds(next);
  }

  function drawDeeds({ mayChange, model, text, earlier }) {
    const shown = mayChange && text !== undefined && !editor;
    parts.deeds.replaceChildren(
      ...(shown
        ? [
            button("Edit", startEdit, { class: "quiet", "aria-label": `Edit ${name}` }),
            button("Rewrite", () => rewrite([model]), {
              class: "quiet",
              "aria-label": `Rewrite ${model}`,
            }),
          ]
        : []),
      ...(earlier.length && !editor ? [historyButton(earlier)] : []),
    );
    if (parts.attempts.childElementCount) showAttempts();
  }

  function historyButton(earlier) {
    const open = parts.attempts.childElementCount > 0;
    return button(open ? "Hide history" : `History (${earlier.length})`, toggleAttempts, {
      class: "quiet",
      "aria-expanded": String(open),
      "aria-label": `${count(earlier.length, "earlier attempt")} of ${name}`,
    });
  }

  async function toggleAttempts() {
    if (parts.attempts.childElementCount) parts.attempts.replaceChildren();
    else await showAttempts();
    drawDeeds(state);
    parts.deeds.lastElementChild?.focus();
  }

  async function showAttempts() {
    const { drawAttempts } = await import("./attempts.js");
    parts.attempts.replaceChildren(drawAttempts(state.earlier, state.text));
  }

  async function startEdit() {
    const { newEditor } = await import("./editing.js");
    editor = newEditor(state, endEdit);
    parts.text.hidden = parts.findings.hidden = true;
    parts.text.after(editor.element);
    drawDeeds(state);
    editor.focus();
  }

  function endEdit() {
    editor.element.remove();
    editor = null;
    parts.text.hidden = false;
    parts.findings.hidden = parts.findings.childElementCount === 0;
    drawDeeds(state);
    element.focus();
  }

  return { element, update, copy: () => copy(parts.copy) };
}

function drawText({ text: place }, { text, coming, isBeingWritten, problems, name }) {
  const pending = isBeingWritten && !coming;
  place.classList.toggle("pending", pending);
  place.classList.toggle("caret", Boolean(isBeingWritten));
  if (isBeingWritten) return setText(place, coming ?? "writing ");
  const pieces = marked(text ?? "", problems, limitOf(name));
  place.replaceChildren(
    ...pieces.map(({ text: piece, severity }) =>
      severity ? make("mark", { class: severity }, piece) : piece,
    ),
  );
}

function drawLength(place, { text, coming, isBeingWritten, name }) {
  const shown = isBeingWritten ? coming : text;
  const limit = limitOf(name);
  const length = shown === undefined ? null : [...shown].length;
  place.classList.toggle("stop", limit !== null && length > limit);
  if (length === null) return setText(place, "");
  setText(
    place,
    limit === null ? `${whole(length)} characters` : `${whole(length)} / ${whole(limit)}`,
  );
}
