// The button that switches between light and dark; by default the system's setting applies.

import { byId, setText } from "./dom.js";
import { t } from "./language.js";

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
    renderThemeToggle();
  });
  SYSTEM_DARK.addEventListener("change", renderThemeToggle);
  renderThemeToggle();
}

function otherTheme() {
  const theme = document.documentElement.dataset.theme ?? (SYSTEM_DARK.matches ? "dark" : "light");
  return theme === "dark" ? "light" : "dark";
}

export function renderThemeToggle() {
  const theme = otherTheme();
  setText(byId("theme-toggle"), t(`theme.${theme}`));
  byId("theme-toggle").setAttribute("aria-label", t(`theme.switch_${theme}`));
}
