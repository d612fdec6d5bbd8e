// Keyboard shortcuts, and the list of them.

import { button, el } from "./dom.js";
import { unfold } from "./folding.js";
import { toggleGroups } from "./group_picker.js";
import { t } from "./language.js";
import { performNextAction } from "./primary_button.js";
import { focusSearch } from "./run_list.js";
import { currentGroups } from "./selectors.js";

/** The keys, each with the name of what it does. */
function keyList() {
  const control = t("keys.control");
  return [
    [`${control}-Enter`, "main"],
    [`${control}-K`, "search"],
    [t("keys.numbers"), "group"],
    ["c", "copy"],
    ["↑ ↓", "move"],
    [t("keys.escape"), "leave"],
    ["?", "list"],
  ];
}

export function initShortcuts() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey) return;
    if (event.ctrlKey || event.metaKey) return onCommand(event);
    if (isTextInput(event.target)) return;
    if (/^[1-9]$/.test(event.key)) {
      const group = currentGroups()[event.key - 1];
      if (!group) return;
      unfold("groups");
      toggleGroups([group.name]);
    } else if (event.key === "c") {
      event.target.closest?.(".prompt-card")?.querySelector(".copy:not([hidden])")?.click();
    } else if (event.key === "?") {
      showKeys();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      focusPrompt(event, event.key === "ArrowDown" ? 1 : -1);
    }
  });
  document.getElementById("show-keys").addEventListener("click", showKeys);
}

function onCommand(event) {
  if (event.key === "Enter" && !event.target.closest?.(".prompt-editor, dialog")) {
    event.preventDefault();
    const form = event.target.closest?.("form");
    if (form) form.requestSubmit();
    else performNextAction();
  } else if (event.key.toLowerCase() === "k") {
    event.preventDefault();
    focusSearch();
  }
}

/** Whether the element takes the key itself. */
function isTextInput(target) {
  if (target instanceof HTMLInputElement) return !["checkbox", "radio"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

function focusPrompt(event, offset) {
  const cards = [...document.querySelectorAll(".prompt-card")];
  const index = cards.indexOf(event.target);
  const next = index < 0 ? undefined : cards[index + offset];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

/** The list of keys; the focus returns to where it was. */
function showKeys() {
  const rows = keyList().map(([key, action]) => [
    el("dt", {}, el("kbd", {}, key)),
    el("dd", {}, t(`keys.${action}`)),
  ]);
  const dialog = el(
    "dialog",
    { class: "keys", "aria-labelledby": "keys-heading", on: { close: () => dialog.remove() } },
    el("h2", { id: "keys-heading" }, t("keys.title")),
    el("dl", {}, rows),
    button(t("action.close"), () => dialog.close()),
  );
  document.body.append(dialog);
  dialog.showModal();
}
