// Decides what the primary button does next and how it is labelled.

import { currentActivity } from "./activity.js";
import { formatCount, humanize } from "./format.js";
import { groupTitle, modelLabel } from "./labels.js";
import {
  briefFields,
  categories,
  enteredBrief,
  imageField,
  isBriefChanged,
  isImageUsed,
  isRemovable,
  isSelected,
  modelsBefore,
  modelsOfRun,
  presetAnswer,
  presetAnswers,
  selectedGroups,
  selectedModels,
  selectionNames,
  subjectOf,
  textNames,
} from "./selectors.js";
import { state } from "./store.js";

/** The kinds that the primary button can perform. */
const ENABLED = ["start", "retry", "answer", "resume", "batch-start", "batch-resume", "batch-retry"];

/**
 * The next action: `{ kind, label, body, note, isEnabled }`.
 *
 * `kind` is one of the enabled kinds, or `wait`, `form`, `choose` or `done`; `body` is the
 * request's body, `value` an answer. An empty `label` hides the button.
 */
export function nextAction() {
  const action = decide();
  return { note: "", ...action, isEnabled: ENABLED.includes(action.kind) && !state.busy };
}

function decide() {
  if (state.batch) return batchAction(state.batch);
  const activity = currentActivity();
  if (activity) return { kind: "wait", label: activity.label, note: activity.detail };
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
  if (error) return { kind: "choose", label: "Correct the rows" };
  if (!check) return { kind: "choose", label: text.trim() ? "Checking…" : "Enter or drop your ideas" };
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
  const asked = question && questionAction(question, changed);
  if (asked) return asked;
  if (selectedGroups().length === 0 && modelsOfRun().size > 0)
    return { kind: "choose", label: "Select a group" };
  if (changed.length > 0) return retryAction(changed);
  const note = "All selected prompts are written. Select another group to add only its prompts.";
  return { kind: "done", label: "", note };
}

/** How a waiting run goes on; undefined where its selection or image is to be changed first. */
function questionAction(question, changed) {
  const { field, category, stillOf, isReview } = subjectOf(question);
  if (field) return briefAction();
  if (stillOf) {
    const value = presetAnswer(stillOf) ?? modelsBefore(stillOf)[0];
    return { kind: "answer", label: `Continue with ${modelLabel(value)}`, value };
  }
  if (changed.length > 0) return undefined;
  if (category && !question.may_skip) return { kind: "choose", label: "Select a group" };
  if (category) {
    const label = `Continue without ${stepTitle(category)}`;
    return { kind: "retry", label, body: { without: [category.name] } };
  }
  if (!isReview) return { kind: "form", label: "" };
  const note = "Edit or rewrite first what is not as you want it.";
  return { kind: "answer", label: "Accept these prompts", value: "accept", note };
}

/** Sends the whole brief, and the groups if some are selected, to a run that asks for a field. */
function briefAction() {
  const groups = selectedGroups();
  const brief = { ...enteredBrief(briefFields()), ...presetAnswers() };
  if (groups.length === 0) return { kind: "retry", label: "Continue", body: { brief } };
  const label = `Write ${countPrompts(groups.flatMap(selectedModels))}`;
  const body = { brief, groups: selectionNames(groups), without: unselectedCategories() };
  return { kind: "retry", label, body };
}

/** The title of a category's step, within a sentence: "motion prompts". */
function stepTitle({ step, name }) {
  const { title } = state.workflow.steps.find((each) => each.step === step) ?? {};
  return (title ?? humanize(name)).toLowerCase();
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
    const isOutdated = state.run.status !== "failed" && isEarlier(name); // a failed step is tried again
    return isDifferent || hasPresetAnswer(name) || hasNewImage(name) || isOutdated;
  });
}

function hasPresetAnswer(category) {
  const answer = presetAnswer(category);
  return answer !== undefined && answer !== state.run.still;
}

/** Whether a category's prompts are for the still's prompt as it was before an edit. */
function isEarlier(category) {
  const { from_earlier_still: earlier = [], models } = state.run;
  return earlier.some((model) => models[category]?.includes(model));
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
  // A run that asks would ask for these next.
  const without = unselectedCategories(state.run.question ? categories() : changed);
  const sendsImage = changed.some(({ name }) => hasNewImage(name));
  const body = { brief: presetAnswers() };
  if (selected.length) body.groups = selected;
  if (without.length) body.without = without;
  if (state.llm !== state.run.llm) body.llm = state.llm;
  if (sendsImage) body.picture = state.image.data;
  const earlier = changed.filter(({ name }) => isEarlier(name));
  const label = retryLabel(added, removed, sendsImage, earlier);
  return { kind: "retry", label, body, note: retryNote(added, removed, earlier) };
}

function unselectedCategories(among = categories()) {
  return among.filter(({ groups }) => !groups.some(isSelected)).map(({ name }) => name);
}

/** The groups of which some models changed, each with a name for these: `{ label, models }`. */
function changes(groups, isChanged) {
  return groups.flatMap((group) => {
    const { models } = group;
    const changed = models.filter(isChanged);
    if (changed.length === 0) return [];
    const isWhole = changed.length === models.length;
    return [{ label: isWhole ? groupTitle(group) : changed.map(modelLabel).join(", "), models: changed }];
  });
}

function retryLabel(added, removed, sendsImage, [earlier]) {
  const newModels = added.flatMap(({ models }) => models);
  if (added.length === 1) return `Add ${added[0].label}: ${countPrompts(newModels)}`;
  if (added.length > 1) return `Add ${added.length} groups: ${countPrompts(newModels)}`;
  if (removed.length === 1) return `Remove ${removed[0].label}`;
  if (removed.length > 1) return `Remove ${removed.length} groups`;
  if (earlier) return `Rewrite ${stepTitle(earlier)}`;
  return sendsImage ? "Rewrite for this image" : "Rewrite for the other image prompt";
}

function retryNote(added, removed, [earlier]) {
  if (earlier) return `The ${stepTitle(earlier)} are rewritten for the edited picture.`;
  if (!added.length) return "";
  if (!removed.length) return "Finished prompts are kept and not paid again.";
  const names = removed.map(({ label }) => label).join(", ");
  return `${names} will be removed; other prompts are kept.`;
}

function countPrompts(models) {
  return formatCount(models.flatMap(textNames).length, "prompt");
}
