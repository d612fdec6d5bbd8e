// The keyboard: 1 to 9 call a group, `c` copies the prompt in focus, arrows go from prompt to prompt.

import { toggleNumber } from "./call.js";

export function wireKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
    if (/^[1-9]$/.test(event.key)) {
      toggleNumber(Number(event.key));
    } else if (event.key === "c") {
      event.target.closest?.(".prompt")?.querySelector(".copy:not([hidden])")?.click();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      step(event, event.key === "ArrowDown" ? 1 : -1);
    }
  });
}

/** Whether a key belongs to what is being written or chosen there. */
function isWriting(target) {
  if (target instanceof HTMLInputElement) return !["checkbox", "radio"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

function step(event, by) {
  if (!event.target.classList?.contains("prompt")) return;
  const prompts = [...document.querySelectorAll(".prompt")];
  const next = prompts[prompts.indexOf(event.target) + by];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
