// Decides what the one button does next, and names it by what it will do.

import { briefFields } from "./scene.js";
import {
  categories,
  chosenGroups,
  groupsOfRun,
  isSceneChanged,
  isUnderWay,
  sheet,
} from "./sheet.js";
import { count } from "./figures.js";
import { isPictureWanted, pictureField } from "./picture.js";

const DONE = "All that is called is written. Call another group, and only that is paid.";

/**
 * The next step: `{ kind, label, wish, note }`.
 *
 * `kind` is `start`, `retry`, `resume`, `wait`, `answer`, `choose` or `done`; only the first three
 * can be pressed. `wish` is what is sent.
 */
export function nextStep() {
  if (sheet.batch) return ofBatch(sheet.batch);
  if (isUnderWay()) return { kind: "wait", label: "Writing…" };
  if (sheet.run && isSceneChanged()) return fresh("The scene has changed: this begins a new run.");
  if (!sheet.run) return fresh();
  return onRun();
}

/** What the one button does with a sheet of many ideas. */
function ofBatch({ text, judged, trouble, document: told }) {
  switch (told?.status) {
    case undefined:
      break;
    case "failed":
      return { kind: "batch-retry", label: `Retry ${count(told.rows.failed, "row")}`, note: "" };
    case "interrupted":
    case "paused":
      return { kind: "batch-resume", label: "Go on", note: "Nothing is paid twice." };
    case "succeeded":
      return { kind: "done", label: "", note: "Every idea is written." };
    default:
      return { kind: "wait", label: "Writing…" };
  }
  if (trouble) return { kind: "choose", label: "Mend the sheet" };
  if (!judged) return { kind: "choose", label: text.trim() ? "Reading…" : "Write or drop a sheet" };
  const rest = judged.rows - judged.finished;
  return { kind: "batch", label: `Write ${count(rest, "idea")}`, note: "" };
}

function fresh(note = "") {
  const groups = chosenGroups();
  const hasGroups = categories().length > 0;
  if (hasGroups && groups.length === 0) return { kind: "choose", label: "Choose a group", note };
  const brief = briefFields()
    .map(({ key }) => [key, (sheet.brief[key] ?? "").trim()])
    .filter(([, value]) => value);
  const { name: workflow } = sheet.workflow;
  const wish = { workflow, llm: sheet.llm, brief: Object.fromEntries(brief) };
  if (!hasGroups) return { kind: "start", label: "Begin", wish, note };
  wish.groups = groups.map((group) => group.name);
  if (sheet.picture && isPictureWanted()) wish.picture = sheet.picture.data;
  return { kind: "start", label: `Write ${count(models(groups), "prompt")}`, wish, note };
}

function onRun() {
  const { status, question } = sheet.run;
  if (status === "interrupted")
    return resume("Go on", "It was interrupted; nothing is paid twice.");
  const changed = changedCategories();
  if (status === "failed" && changed.length === 0) return resume("Try again", "");
  if (status === "waiting" && !question)
    return resume("Try now", "The provider asked for a pause.");
  if (question && changed.length === 0)
    return { kind: "answer", label: "", note: "The run waits for your answer." };
  const isNoneLeft = chosenGroups().length === 0 && groupsOfRun().size > 0;
  if (isNoneLeft) return { kind: "choose", label: "Choose a group" };
  if (changed.length === 0) return { kind: "done", label: "", note: DONE };
  return retry(changed);
}

function resume(label, note) {
  return { kind: "resume", label, note, wish: {} };
}

/** The categories in which the rows that are chosen are not those that the run has called. */
function changedCategories() {
  const called = groupsOfRun();
  return categories().filter(({ name, groups }) => {
    if (!isCalled({ groups })) return mayLetGo(name);
    const differs = groups.some((group) => sheet.chosen.has(group.name) !== called.has(group.name));
    return differs || isRetold(name) || hasNewPicture(name);
  });
}

function isCalled({ groups }) {
  return groups.some((group) => sheet.chosen.has(group.name));
}

/**
 * Whether all groups of a category can be let go: the run has called some, another category is
 * still called, and none behind this one, for that is made from what this one brings.
 */
export function mayLetGo(category) {
  const all = categories();
  const place = all.findIndex(({ name }) => name === category);
  const called = groupsOfRun();
  const others = all.filter(isCalled);
  return (
    all[place].groups.some(({ name }) => called.has(name)) &&
    others.length > 0 &&
    others.every((each) => all.indexOf(each) < place)
  );
}

/** Whether a later category is to be made for another of the prompts than before. */
function isRetold(category) {
  const key = laterQuestion(category)?.key;
  return Boolean(key && sheet.told[key]);
}

/** Whether there is a picture for this category that the run has not seen yet. */
function hasNewPicture(category) {
  const { picture, run } = sheet;
  return picture !== null && picture.sentTo !== run.run && pictureField()?.category?.name === category;
}

/** What a category's own step can be told beside its groups, if anything. */
export function laterQuestion(category) {
  const { step } = categories().find(({ name }) => name === category);
  return sheet.workflow.fields.find((field) => field.step === step && field.kind !== "picture");
}

function retry(changed) {
  const called = groupsOfRun();
  const own = changed.flatMap(({ groups }) => groups);
  const added = own.filter((g) => sheet.chosen.has(g.name) && !called.has(g.name));
  const dropped = own.filter((g) => !sheet.chosen.has(g.name) && called.has(g.name));
  const wish = {
    groups: own.filter((g) => sheet.chosen.has(g.name)).map((g) => g.name),
    brief: told(),
  };
  const without = changed.filter((each) => !isCalled(each)).map(({ name }) => name);
  if (without.length) wish.without = without;
  if (wish.groups.length === 0) delete wish.groups;
  if (sheet.llm !== sheet.run.llm) wish.llm = sheet.llm;
  if (changed.some(({ name }) => hasNewPicture(name))) wish.picture = sheet.picture.data;
  return { kind: "retry", label: labelOf(added, dropped, changed), wish, note: noteOf(added, dropped) };
}

function labelOf(added, dropped, changed) {
  const prompts = count(models(added), "prompt");
  if (added.length === 1) return `Add ${added[0].label}: ${prompts}`;
  if (added.length > 1) return `Add ${added.length} groups: ${prompts}`;
  if (dropped.length === 1) return `Drop ${dropped[0].label}`;
  if (dropped.length > 1) return `Drop ${dropped.length} groups`;
  return changed.some(({ name }) => hasNewPicture(name))
    ? "Write for this picture"
    : "Write for the other picture";
}

function noteOf(added, dropped) {
  if (added.length && dropped.length) {
    return `${dropped.map((g) => g.label).join(", ")} will be dropped; the rest is kept.`;
  }
  return added.length ? "What is written is kept and not paid again." : "";
}

function told() {
  return Object.fromEntries(Object.entries(sheet.told).filter(([, value]) => value));
}

function models(groups) {
  return groups.reduce((sum, group) => sum + group.models.length, 0);
}
