// The sheet's state: one plain value that every section draws from, and the one way to change it.

export const sheet = {
  workflows: [], // what the server offers
  workflow: null, // the one in use: its steps, questions, groups and limits
  llms: [], // what can write, and whether its key is there
  llm: "", // the one chosen
  brief: {}, // what stands in the scene's fields
  chosen: new Set(), // the names of the groups that are called
  picture: null, // a picture of the person's own: what it is, its content, and the run it went to
  told: {}, // answers to later questions given beforehand, by key
  estimate: null, // tokens and cost of this choice, beside those of all groups
  run: null, // the open run's document
  writing: {}, // texts that are being written in the open run, by prompt
  batch: null, // many ideas: the sheet as it is written, what was found in it, and how it goes on
  batches: [], // kept sheets at a glance
  runs: [], // all runs at a glance
  savings: null, // what the choice of groups has saved so far
  connected: true, // whether the stream of events stands
  trouble: null, // what went wrong with the last thing that was pressed
  isAwaited: false, // whether someone has asked for prompts that are not in sight yet
  busy: false, // whether something that was pressed is under way
};

const listeners = new Set();
let drawing = false;

/** Calls back after each change; several changes in one turn are drawn once. */
export function onChange(listener) {
  listeners.add(listener);
}

export function change(values) {
  Object.assign(sheet, values);
  if (drawing) return;
  drawing = true;
  queueMicrotask(() => {
    drawing = false;
    for (const listener of listeners) listener();
  });
}

/** The categories in the workflow's order, each with its groups in theirs. */
export function categories() {
  return sheet.workflow?.categories ?? [];
}

/** Every group of the sheet in the order of its numbers. */
export function allGroups() {
  return categories().flatMap((category) => category.groups);
}

export function chosenGroups() {
  return allGroups().filter((group) => sheet.chosen.has(group.name));
}

/** How many characters a prompt may have, or null where nothing is known. */
export function limitOf(name) {
  const [model, ...field] = name.split(".");
  const limits = sheet.workflow?.limits?.[model];
  if (field.length === 0) return limits?.max_length ?? null;
  return limits?.fields.find((each) => each.name === field.join("."))?.max_length ?? null;
}

/** The groups that the open run has called, over all categories. */
export function groupsOfRun() {
  return new Set(Object.values(sheet.run?.selection ?? {}).flat());
}

export function isUnderWay() {
  return sheet.run?.status === "running";
}

/** Whether the scene's fields say something else than the open run's brief. */
export function isSceneChanged() {
  const brief = sheet.run?.brief ?? {};
  if (!sheet.run || Object.keys(brief).length === 0) return false;
  return Object.keys(brief).some(
    (key) => key in sheet.brief && sheet.brief[key].trim() !== String(brief[key]),
  );
}

/** What stopped the run, behind the name of the step that it stopped. */
export function titled({ step, message }) {
  const title = sheet.workflow.steps.find((each) => each.step === step)?.title;
  return title ? `${title}: ${message}` : message;
}

/** Every text of a document's prompts: `{ category, model, name, text }`, `name` being its place. */
export function leavesOf(prompts) {
  return Object.entries(prompts ?? {}).flatMap(([category, models]) =>
    Object.entries(models).flatMap(([model, prompt]) =>
      flatten(model, prompt).map(({ name, text }) => ({ category, model, name, text })),
    ),
  );
}

/** A prompt's texts by their places; none where nothing is written yet. */
export function flatten(name, prompt) {
  if (prompt === null || prompt === undefined) return [];
  if (typeof prompt !== "object") return [{ name, text: String(prompt) }];
  return Object.entries(prompt).flatMap(([field, inner]) => flatten(`${name}.${field}`, inner));
}
