// Scrolls to the result of an action once it is shown; the focus stays where it is.

import { byId } from "./dom.js";
import { state } from "./store.js";

/** Has the next new prompt, or the next question, scrolled into view; `names` are the present ones. */
export function expectResult(names) {
  state.scrollFrom = new Set(names);
}

/** Scrolls to the first prompt that is new or being written; else to the section, once all is done. */
export function scrollToPrompts(prompts, isDone) {
  if (!state.scrollFrom) return;
  const isNew = ({ name, isWriting }) => isWriting || !state.scrollFrom.has(name);
  const found = prompts.find(isNew);
  if (found && found !== prompts[0])
    scrollTo(byId(`prompt-${found.name}`).closest(".prompt-group"));
  else if (found || isDone) scrollTo(byId("prompts"));
}

export function scrollToQuestion() {
  if (state.scrollFrom && !byId("question").hidden) scrollTo(byId("question"));
}

export function scrollTo(element) {
  state.scrollFrom = null;
  const isReduced = matchMedia("(prefers-reduced-motion: reduce)").matches;
  element.scrollIntoView({ behavior: isReduced ? "auto" : "smooth" });
}
