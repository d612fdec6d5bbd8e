// Decides what the primary button does next and how it is labelled.

import { formatCount } from "./format.js";
import {
  briefFields,
  categories,
  enteredBrief,
  imageField,
  isBriefChanged,
  isImageUsed,
  isRemovable,
  isRunning,
  isSelected,
  modelsOfRun,
  presetAnswer,
  presetAnswers,
  selectedGroups,
  selectedModels,
  selectionNames,
} from "./selectors.js";
import { state } from "./store.js";

/** The kinds that the primary button can perform. */
const ENABLED = ["start", "retry", "resume", "batch-start", "batch-resume", "batch-retry"];

/**
 * The next action: `{ kind, label, body, note, isEnabled }`.
 *
 * `kind` is one of the enabled kinds, or `wait`, `answer`, `choose` or `done`; `body` is the
 * request's body. An empty `label` hides the button.
 */
export function nextAction() {
  const action = decide();
  return { note: "", ...action, isEnabled: ENABLED.includes(action.kind) && !state.busy };
}

function decide() {
  if (state.batch) return batchAction(state.batch);
  if (isRunning()) return { kind: "wait", label: "Writing…" };
  if (!state.run) return startAction();
  if (isBriefChanged())
    return { ...startAction(), note: "The brief has changed: this starts a new run." };
  return runAction(state.run);
}

function batchAction({ text, check, error, document }) {
  switch (document?.status) {
    case undefined:
      break;
    case "failed":
      return { kind: "batch-retry", label: `Retry ${formatCount(document.rows.failed, "row")}` };
    case "interrupted":
    case "paused":
      return { kind: "batch-resume", label: "Resume", note: "Finished prompts are not paid again." };
    case "succeeded":
      return { kind: "done", label: "", note: "All ideas are written." };
    default:
      return { kind: "wait", label: "Writing…" };
  }
  if (error) return { kind: "choose", label: "Fix the sheet" };
  if (!check) return { kind: "choose", label: text.trim() ? "Checking…" : "Enter or drop a sheet" };
  const remaining = check.rows - check.finished;
  return { kind: "batch-start", label: `Write ${formatCount(remaining, "idea")}` };
}

function startAction() {
  const groups = selectedGroups();
  const hasGroups = categories().length > 0;
  if (hasGroups && groups.length === 0) return { kind: "choose", label: "Select a group" };
  const brief = { ...enteredBrief(briefFields()), ...presetAnswers() };
  const body = { workflow: state.workflow.name, llm: state.llm, brief };
  if (!hasGroups) return { kind: "start", label: "Start", body };
  body.groups = selectionNames(groups);
  if (state.image && isImageUsed()) body.picture = state.image.data;
  return { kind: "start", label: `Write ${countPrompts(groups.flatMap(selectedModels))}`, body };
}

function runAction({ status, question }) {
  if (status === "interrupted")
    return resumeAction("Resume", "The run was interrupted; finished prompts are not paid again.");
  const changed = changedCategories();
  if (status === "failed" && changed.length === 0) return resumeAction("Try again");
  if (status === "waiting" && !question)
    return resumeAction("Try now", "The provider asked for a pause.");
  if (question && changed.length === 0)
    return { kind: "answer", label: "", note: "The run waits for your answer." };
  if (selectedGroups().length === 0 && modelsOfRun().size > 0)
    return { kind: "choose", label: "Select a group" };
  if (changed.length > 0) return retryAction(changed);
  const note = "All selected prompts are written. Select another group to add only its prompts.";
  return { kind: "done", label: "", note };
}

function resumeAction(label, note = "") {
  const body = state.llm && state.llm !== state.run.llm ? { llm: state.llm } : {};
  return { kind: "resume", label, note, body };
}

/** The categories whose selection, preset answer or image differs from the run's. */
function changedCategories() {
  const inRun = modelsOfRun();
  return categories().filter(({ name, groups }) => {
    if (!groups.some(isSelected)) return isRemovable(name);
    const models = groups.flatMap((group) => group.models);
    const isDifferent = models.some((model) => state.selected.has(model) !== inRun.has(model));
    return isDifferent || hasPresetAnswer(name) || hasNewImage(name);
  });
}

function hasPresetAnswer(category) {
  const answer = presetAnswer(category);
  return answer !== undefined && answer !== state.run.still;
}

/** Whether there is an image for this category that the run does not have yet. */
function hasNewImage(category) {
  const { image, run } = state;
  return image !== null && image.sentTo !== run.run && imageField()?.category?.name === category;
}

function retryAction(changed) {
  const inRun = modelsOfRun();
  const groups = changed.flatMap((category) => category.groups);
  const added = changes(groups, (model) => state.selected.has(model) && !inRun.has(model));
  const removed = changes(groups, (model) => !state.selected.has(model) && inRun.has(model));
  const selected = selectionNames(groups);
  const without = changed.filter((each) => !each.groups.some(isSelected)).map(({ name }) => name);
  const sendsImage = changed.some(({ name }) => hasNewImage(name));
  const body = { brief: presetAnswers() };
  if (selected.length) body.groups = selected;
  if (without.length) body.without = without;
  if (state.llm !== state.run.llm) body.llm = state.llm;
  if (sendsImage) body.picture = state.image.data;
  const label = retryLabel(added, removed, sendsImage);
  return { kind: "retry", label, body, note: retryNote(added, removed) };
}

/** The groups of which some models changed, each with a name for these: `{ label, models }`. */
function changes(groups, isChanged) {
  return groups.flatMap(({ label, models }) => {
    const changed = models.filter(isChanged);
    if (changed.length === 0) return [];
    return [{ label: changed.length === models.length ? label : changed.join(", "), models: changed }];
  });
}

function retryLabel(added, removed, sendsImage) {
  const newModels = added.flatMap(({ models }) => models);
  if (added.length === 1) return `Add ${added[0].label}: ${countPrompts(newModels)}`;
  if (added.length > 1) return `Add ${added.length} groups: ${countPrompts(newModels)}`;
  if (removed.length === 1) return `Remove ${removed[0].label}`;
  if (removed.length > 1) return `Remove ${removed.length} groups`;
  return sendsImage ? "Rewrite for this image" : "Rewrite for the other image prompt";
}

function retryNote(added, removed) {
  if (!added.length) return "";
  if (!removed.length) return "Finished prompts are kept and not paid again.";
  const names = removed.map(({ label }) => label).join(", ");
  return `${names} will be removed; other prompts are kept.`;
}

function countPrompts(models) {
  return formatCount(models.length, "prompt");
}
