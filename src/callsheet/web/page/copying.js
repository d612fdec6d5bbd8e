// Copies a text exactly as it stands, and says so where the button is and to a screen reader.

import { make, at } from "./element.js";

/** Says something once, politely, to those who do not see it. */
export function say(text) {
  at("said").textContent = "";
  // A live region speaks only when its text changes.
  requestAnimationFrame(() => (at("said").textContent = text));
}

/** Copies, and lets the button say "copied" for a moment. */
export async function copyFrom(pressed, text, what) {
  const before = pressed.dataset.label ?? pressed.textContent;
  pressed.dataset.label = before;
  const done = await copy(text);
  pressed.textContent = done ? "copied" : "not copied";
  pressed.classList.toggle("done", done);
  say(
    done ? `${what} copied` : `${what} could not be copied: select the text and copy it yourself`,
  );
  clearTimeout(Number(pressed.dataset.timer));
  pressed.dataset.timer = setTimeout(() => {
    pressed.textContent = before;
    pressed.classList.remove("done");
  }, 1600);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyTheOldWay(text); // on a plain http address other than this machine there is no clipboard
  }
}

function copyTheOldWay(text) {
  const focused = document.activeElement;
  const area = make("textarea", { class: "unseen", "aria-hidden": "true" });
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  focused?.focus();
  return done;
}
