// Copies a text exactly as it is and confirms it on the button and to screen readers.

import { el } from "./dom.js";
import { announce } from "./live_region.js";

/** Copies `text`; the clicked button shows the result for a moment. */
export async function copyText(clicked, text, description) {
  clicked.dataset.label ??= clicked.textContent;
  const copied = await writeClipboard(text);
  clicked.textContent = copied ? "copied" : "not copied";
  clicked.classList.toggle("done", copied);
  announce(
    copied
      ? `${description} copied`
      : `${description} could not be copied: select the text and copy it yourself`,
  );
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
