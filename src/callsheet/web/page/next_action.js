// Decides what the primary button does next and how it is labelled.

import { currentActivity } from "./activity.js";
import { humanize } from "./format.js";
import { groupTitle, modelLabel } from "./labels.js";
import { inSentence, listAll, t } from "./language.js";
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
    return { ...startAction(), note: t("next.brief_changed") };
  return runAction(state.run);
}

function batchAction({ text, check, error, document }) {
  switch (document?.status) {
    case undefined:
      break;
    case "failed":
      return { kind: "batch-retry", label: t("next.retry_rows", { count: document.rows.failed }) };
    case "interrupted":
    case "paused":
      return { kind: "batch-resume", label: t("next.resume"), note: t("next.not_paid_again") };
    case "succeeded":
      return { kind: "done", label: "", note: t("next.ideas_written") };
    default:
      return { kind: "wait", label: t(document.rows.waiting ? "jobs.waiting" : "activity.writing") };
  }
  if (error) return { kind: "choose", label: t("next.correct_rows") };
  if (!check) return { kind: "choose", label: t(text.trim() ? "next.checking" : "next.enter_ideas") };
  const remaining = check.rows - check.finished;
  return { kind: "batch-start", label: t("next.write_ideas", { count: remaining }) };
}

function startAction() {
  const groups = selectedGroups();
  const hasGroups = categories().length > 0;
  if (hasGroups && groups.length === 0) return { kind: "choose", label: t("next.select_group") };
  const brief = { ...enteredBrief(briefFields()), ...presetAnswers() };
  const body = { workflow: state.workflow.name, llm: state.llm, brief };
  if (!hasGroups) return { kind: "start", label: t("next.start"), body };
  body.groups = selectionNames(groups);
  if (state.image && isImageUsed()) body.picture = state.image.data;
  return { kind: "start", label: writeLabel(groups), body };
}

function runAction({ status, question }) {
  if (status === "interrupted")
    return resumeAction(t("next.resume"), t("next.interrupted"));
  const changed = changedCategories();
  if (status === "failed" && changed.length === 0) return resumeAction(t("next.try_again"));
  if (status === "waiting" && !question)
    return resumeAction(t("next.try_now"), t("next.pause_asked"));
  const asked = question && questionAction(question, changed);
  if (asked) return asked;
  if (selectedGroups().length === 0 && modelsOfRun().size > 0)
    return { kind: "choose", label: t("next.select_group") };
  if (changed.length > 0) return retryAction(changed);
  return { kind: "done", label: "", note: t("next.all_written") };
}

/** How a waiting run goes on; undefined where its selection or image is to be changed first. */
function questionAction(question, changed) {
  const { field, category, stillOf, isReview } = subjectOf(question);
  if (field) return briefAction();
  if (stillOf) {
    const value = presetAnswer(stillOf) ?? modelsBefore(stillOf)[0];
    return { kind: "answer", label: t("next.continue_with", { model: modelLabel(value) }), value };
  }
  if (changed.length > 0) return undefined;
  if (category && !question.may_skip) return { kind: "choose", label: t("next.select_group") };
  if (category) {
    const label = t("next.continue_without", { step: stepTitle(category) });
    return { kind: "retry", label, body: { without: [category.name] } };
  }
  if (!isReview) return { kind: "form", label: "" };
  return { kind: "answer", label: t("next.accept"), value: "accept", note: t("next.accept_note") };
}

/** Sends the whole brief, and the groups if some are selected, to a run that asks for a field. */
function briefAction() {
  const groups = selectedGroups();
  const brief = { ...enteredBrief(briefFields()), ...presetAnswers() };
  if (groups.length === 0) return { kind: "retry", label: t("next.continue"), body: { brief } };
  const body = { brief, groups: selectionNames(groups), without: unselectedCategories() };
  return { kind: "retry", label: writeLabel(groups), body };
}

function writeLabel(groups) {
  return t("next.write", { count: textsOf(groups.flatMap(selectedModels)) });
}

/** The title of a category's step, within a sentence: "motion prompts". */
function stepTitle({ step, name }) {
  const { title } = state.workflow.steps.find((each) => each.step === step) ?? {};
  return inSentence(title ?? humanize(name));
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
    return [{ label: isWhole ? groupTitle(group) : listAll(changed.map(modelLabel)), models: changed }];
  });
}

function retryLabel(added, removed, sendsImage, [earlier]) {
  const count = textsOf(added.flatMap(({ models }) => models));
  if (added.length === 1) return t("next.add", { what: added[0].label, count });
  if (added.length > 1) return t("next.add_groups", { groups: added.length, count });
  if (removed.length === 1) return t("next.remove", { what: removed[0].label });
  if (removed.length > 1) return t("next.remove_groups", { count: removed.length });
  if (earlier) return t("next.rewrite_step", { step: stepTitle(earlier) });
  return t(sendsImage ? "next.rewrite_image" : "next.rewrite_still");
}

function retryNote(added, removed, [earlier]) {
  if (earlier) return t("next.rewrite_note", { step: stepTitle(earlier) });
  if (!added.length) return "";
  if (!removed.length) return t("next.added_note");
  return t("next.removed_note", { names: listAll(removed.map(({ label }) => label)) });
}

function textsOf(models) {
  return models.flatMap(textNames).length;
}
