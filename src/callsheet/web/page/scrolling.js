// Scrolls to the result of an action once it is shown.

import { byId } from "./dom.js";
import { state } from "./store.js";

export function scrollToResult(id) {
  if (!state.scrollToResult || byId(id).hidden) return;
  state.scrollToResult = false;
  const isReduced = matchMedia("(prefers-reduced-motion: reduce)").matches;
  byId(id).scrollIntoView({ behavior: isReduced ? "auto" : "smooth" });
}
