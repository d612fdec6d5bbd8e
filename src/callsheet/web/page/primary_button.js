// The primary button: its label, the price of its action, and the action itself.

import { resumeBatch, startBatch } from "./batch_actions.js";
import { validateBrief } from "./brief_form.js";
import { byId, setText } from "./dom.js";
import { priceOf } from "./estimate_panel.js";
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
  primary.hidden = !label;
  setText(primary, state.busy ? "One moment…" : label);
  primary.setAttribute("aria-disabled", String(!isEnabled));
  setText(byId("primary-note"), [priceOf(action), note].filter(Boolean).join(" "));
}
