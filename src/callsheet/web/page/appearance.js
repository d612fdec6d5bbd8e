// The switch between light and dark; without a choice, the machine's own holds.

import { at, setText } from "./element.js";

const DARK = matchMedia("(prefers-color-scheme: dark)");

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : DARK.matches;
}

function name() {
  setText(at("theme"), isDark() ? "Light" : "Dark");
  at("theme").setAttribute("aria-label", isDark() ? "Switch to light" : "Switch to dark");
}

export function wireAppearance() {
  at("theme").addEventListener("click", () => {
    const chosen = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = chosen;
    try {
      localStorage.setItem("callsheet.theme", chosen);
    } catch {
      // Storage may be switched off; the choice then holds until the page is closed.
    }
    name();
  });
  DARK.addEventListener("change", name);
  name();
}
