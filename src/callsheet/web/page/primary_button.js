// The primary button: its label, the price of its action, and the action itself.

import { resumeBatch, startBatch } from "./batch_actions.js";
import { validateBrief } from "./brief_form.js";
import { byId, el, renderIfChanged, setText } from "./dom.js";
import { priceOf } from "./estimate_panel.js";
import { t } from "./language.js";
import { nextAction } from "./next_action.js";
import { answerQuestion, resumeRun, retryRun, startRun } from "./run_actions.js";
import { state } from "./store.js";

const ACTIONS = {
  start: ({ body }) => validateBrief() && startRun(body),
  retry: ({ body }) => validateBrief() && retryRun(body),
  answer: ({ value }) => answerQuestion(value),
  resume: ({ body }) => resumeRun(body),
  "batch-start": startBatch,
  "batch-resume": () => resumeBatch({ retryFailed: false }),
  "batch-retry": () => resumeBatch({ retryFailed: true }),
};

export function initPrimaryButton() {
  byId("primary-button").addEventListener("click", performNextAction);
}

export async function performNextAction() {
  const action = nextAction();
  await ACTIONS[action.kind]?.(action);
}

export function renderPrimaryButton(action) {
  const { label, note, isEnabled } = action;
  const primary = byId("primary-button");
  const hadFocus = document.activeElement === primary;
  primary.hidden = !label;
  // The next Tab goes to the prompts; a hidden button would give the focus to the page's beginning.
  const next = byId("prompts").hidden ? byId("content") : byId("prompts");
  if (hadFocus && !label) next.focus({ preventScroll: true });
  setText(primary, state.busy ? t("next.busy") : label);
  primary.setAttribute("aria-disabled", String(!isEnabled));
  const { text, isShown } = priceOf(action);
  renderIfChanged(byId("primary-note"), [text, isShown, note], () => [
    text && el("span", { class: isShown && "narrow" }, `${text} `),
    note,
  ]);
}
