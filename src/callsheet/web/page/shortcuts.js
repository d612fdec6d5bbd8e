// Keyboard shortcuts: 1 to 9 select a group, `c` copies the focused prompt, arrows move between prompts.

import { unfold } from "./folding.js";
import { toggleGroups } from "./group_picker.js";
import { currentGroups } from "./selectors.js";

export function initShortcuts() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTextInput(event.target)) return;
    if (/^[1-9]$/.test(event.key)) {
      const group = currentGroups()[event.key - 1];
      if (!group) return;
      unfold("groups");
      toggleGroups([group.name]);
    } else if (event.key === "c") {
      event.target.closest?.(".prompt-card")?.querySelector(".copy:not([hidden])")?.click();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      focusPrompt(event, event.key === "ArrowDown" ? 1 : -1);
    }
  });
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
