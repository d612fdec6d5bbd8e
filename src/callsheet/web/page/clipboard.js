// Copies a text exactly as it is and confirms it on the button and to screen readers.

import { el } from "./dom.js";
import { t } from "./language.js";
import { announce } from "./live_region.js";

/** Copies `text`; the clicked button shows the result for a moment. */
export async function copyText(clicked, text, description) {
  clicked.dataset.label ??= clicked.textContent;
  const copied = await writeClipboard(text);
  clicked.textContent = t(copied ? "copy.done" : "copy.failed");
  clicked.classList.toggle("done", copied);
  announce(t(copied ? "copy.announce_done" : "copy.announce_failed", { what: description }));
  clearTimeout(Number(clicked.dataset.timer));
  clicked.dataset.timer = setTimeout(() => {
    clicked.textContent = clicked.dataset.label;
    clicked.classList.remove("done");
  }, 1600);
}

async function writeClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return execCopy(text); // browsers offer no clipboard on plain http addresses of other machines
  }
}

function execCopy(text) {
  const focused = document.activeElement;
  const area = el("textarea", { class: "visually-hidden", "aria-hidden": "true", value: text });
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  focused?.focus();
  return copied;
}
