// What a person notes about the open run: a favourite mark, a title and a text.

import { button, byId, el } from "./dom.js";
import { t } from "./language.js";
import { noteRun } from "./run_actions.js";
import { state } from "./store.js";

const MAX_NOTE_TITLE = 200;
const MAX_NOTE = 10_000;

const noteForms = new Map(); // the open forms by run: what was typed stays while other runs are opened
let rerenderToolbar = () => {};

/** What the toolbar's content depends on. */
export function noteInputs() {
  const { run, noted } = state.run ?? {};
  return [noted, noteForms.has(run)];
}

export function favouriteButton() {
  const { favourite } = state.run.noted;
  return button(favourite ? "★" : "☆", () => noteRun({ favourite: !favourite }), {
    class: favourite ? "favourite on" : "favourite",
    id: "favourite",
    "aria-pressed": String(favourite),
    "aria-label": t("note.favourite"),
    title: t("note.favourite"),
  });
}

/** The button that opens the form; `rerender` renders the toolbar again. */
export function noteButton(rerender) {
  rerenderToolbar = rerender;
  const { run } = state.run;
  const isOpen = noteForms.has(run);
  return button(t("note.open"), () => (isOpen ? closeNote(run) : openNote(run)), {
    class: "link-button",
    id: "edit-note",
    "aria-expanded": String(isOpen),
  });
}

/** The noted text, or the form while it is written. */
export function noteBody() {
  const { run, noted } = state.run;
  if (noteForms.has(run)) return noteForms.get(run);
  const { text } = noted;
  return text && el("p", { class: "note-text", dir: "auto" }, text);
}

function noteForm(run, { title, text }) {
  const field = (label, input) =>
    el("div", { class: "field" }, el("label", { for: input.id }, label), input);
  const titleInput = el("input", {
    type: "text", id: "note-title", dir: "auto", maxlength: MAX_NOTE_TITLE, autocomplete: "off", value: title,
  });
  const textInput = el("textarea", {
    id: "note-text", dir: "auto", rows: 2, maxlength: MAX_NOTE, value: text,
  });
  const submit = async (event) => {
    event?.preventDefault();
    if (await noteRun({ title: titleInput.value, text: textInput.value })) closeNote(run);
  };
  const keydown = (event) => {
    if (event.key === "Escape") closeNote(run);
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    event.stopPropagation();
    submit();
  };
  return el(
    "form",
    { class: "note-form", on: { submit, keydown } },
    field(t("note.title"), titleInput),
    field(t("note.text"), textInput),
    el(
      "div",
      { class: "actions" },
      el("button", { type: "submit" }, t("action.save")),
      button(t("action.cancel"), () => closeNote(run), { class: "link-button" }),
    ),
  );
}

function openNote(run) {
  noteForms.set(run, noteForm(run, state.run.noted));
  rerenderToolbar();
  byId("note-title").focus();
}

function closeNote(run) {
  noteForms.delete(run);
  rerenderToolbar();
  byId("edit-note")?.focus();
}
