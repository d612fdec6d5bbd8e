// The button that switches between light and dark; by default the system's setting applies.

import { byId, setText } from "./dom.js";

const SYSTEM_DARK = matchMedia("(prefers-color-scheme: dark)");

export function initThemeToggle() {
  byId("theme-toggle").addEventListener("click", () => {
    const theme = otherTheme();
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem("callsheet.theme", theme);
    } catch {
      // Without storage the theme is kept until the page is closed.
    }
    renderLabel();
  });
  SYSTEM_DARK.addEventListener("change", renderLabel);
  renderLabel();
}

function otherTheme() {
  const theme = document.documentElement.dataset.theme ?? (SYSTEM_DARK.matches ? "dark" : "light");
  return theme === "dark" ? "light" : "dark";
}

function renderLabel() {
  const theme = otherTheme();
  setText(byId("theme-toggle"), theme === "light" ? "Light" : "Dark");
  byId("theme-toggle").setAttribute("aria-label", `Switch to ${theme}`);
}
