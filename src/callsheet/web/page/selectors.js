// Values derived from the page's state.

import { fromServer, t } from "./language.js";
import { state } from "./store.js";

/** The categories in the workflow's order, each with its groups. */
export function categories() {
  return state.workflow?.categories ?? [];
}

/** Every group, older ones included. */
export function allGroups() {
  return categories().flatMap((category) => category.groups);
}

/** The groups that no newer one replaces, in the order of their numbers. */
export function currentGroups() {
  return allGroups().filter(({ successor }) => !successor);
}

/** The selected models of a group. */
export function selectedModels({ models }) {
  return models.filter((model) => state.selected.has(model));
}

/** Whether at least one model of the group is selected. */
export function isSelected(group) {
  return selectedModels(group).length > 0;
}

export function selectedGroups() {
  return allGroups().filter(isSelected);
}

/** The selection as a request names it: a group, or `GROUP/MODEL` where not all are selected. */
export function selectionNames(groups = allGroups()) {
  return groups.flatMap((group) => {
    const models = selectedModels(group);
    if (models.length === group.models.length) return [group.name];
    return models.map((model) => `${group.name}/${model}`);
  });
}

/** The models that the open run writes for or is going to, over all categories. */
export function modelsOfRun() {
  const { models = {}, planned_models: planned = {} } = state.run ?? {};
  return new Set(Object.values({ ...models, ...planned }).flat());
}

/** The fields of the brief: those that are asked before the first step that selects groups. */
export function briefFields() {
  const { fields = [], steps = [], categories = [] } = state.workflow ?? {};
  const order = steps.map((each) => each.step);
  const first = Math.min(...categories.map((category) => order.indexOf(category.step)));
  return fields.filter((field) => order.indexOf(field.step) < first);
}

/** The values that the brief's fields begin with. */
export function defaultBrief() {
  return Object.fromEntries(briefFields().map(({ key, default: value }) => [key, value ?? ""]));
}

/** What was entered into these fields; an empty one is sent only where it leaves the field open. */
export function enteredBrief(fields) {
  const valueOf = ({ key }) => (state.brief[key] ?? "").trim();
  const sent = fields.filter((field) => valueOf(field) || field.may_be_open);
  return Object.fromEntries(sent.map((field) => [field.key, valueOf(field)]));
}

export function isRunning() {
  return state.run?.status === "running";
}

/** Whether the brief's fields differ from the open run's brief. */
export function isBriefChanged() {
  const brief = state.run?.brief ?? {};
  return briefFields().some(
    (field) => field.key in brief && !means(field, state.brief[field.key] ?? "", String(brief[field.key])),
  );
}

/** Whether what was entered into a field is this value, or the name of an option that stands for it. */
export function means({ options }, entered, value) {
  const text = entered.trim();
  return text === value.trim() || options.some(({ name, detail }) => name === text && detail === value);
}

/** The field of the workflow that takes an image, with its step's title and category, if any. */
export function imageField() {
  const { fields = [], steps = [] } = state.workflow ?? {};
  const field = fields.find(({ kind }) => kind === "picture");
  if (!field) return undefined;
  const { title } = steps.find(({ step }) => step === field.step) ?? {};
  return { ...field, title, category: categories().find(({ step }) => step === field.step) };
}

/** Whether a selected group uses the image. */
export function isImageUsed() {
  return Boolean(imageField()?.category?.groups.some(isSelected));
}

/** The question that a category's step asks beside its groups, if any. */
export function followUpQuestion(category) {
  const { step } = categories().find(({ name }) => name === category);
  return state.workflow.fields.find((field) => field.step === step && field.kind !== "picture");
}

/**
 * What on the page a question asks for: a `field` of the brief, the groups of
 * a `category`, the still of the category `stillOf`, or a review of the prompts; else nothing.
 */
export function subjectOf({ key, kind }) {
  const isText = kind === "text" || kind === "lines";
  return {
    field: isText && briefFields().find((each) => each.key === key),
    category: categories().find(({ name }) => key === `groups.${name}`),
    stillOf: categories().find(({ name }) => followUpQuestion(name)?.key === key)?.name,
    isReview: key.startsWith("review."),
  };
}

/** The selected models of the categories before this one: what its question chooses among. */
export function modelsBefore(category) {
  const index = categories().findIndex(({ name }) => name === category);
  return categories()
    .slice(0, index)
    .flatMap(({ groups }) => groups.flatMap(selectedModels));
}

/** The answer given beforehand to a category's question, while it is among the selected models. */
export function presetAnswer(category) {
  const answer = state.presetAnswers[followUpQuestion(category)?.key];
  return modelsBefore(category).includes(answer) ? answer : undefined;
}

/** The answers given beforehand, by key, for the categories that are written for. */
export function presetAnswers() {
  const asking = categories().filter(({ name, groups }) => groups.some(isSelected) && presetAnswer(name));
  return Object.fromEntries(
    asking.map(({ name }) => [followUpQuestion(name).key, presetAnswer(name)]),
  );
}

/**
 * Whether all groups of a category can be removed from the run: the run has some, another category
 * keeps some, and no later one does, because later prompts are written from earlier ones.
 */
export function isRemovable(category) {
  const all = categories();
  const index = all.findIndex(({ name }) => name === category);
  const inRun = modelsOfRun();
  const others = all.filter(({ groups }) => groups.some(isSelected));
  return (
    all[index].groups.some(({ models }) => models.some((model) => inRun.has(model))) &&
    others.length > 0 &&
    others.every((each) => all.indexOf(each) < index)
  );
}

/** The names of a model's texts: `MODEL.field` where a prompt has several. */
export function textNames(model) {
  const fields = state.workflow?.limits?.[model]?.fields ?? [];
  return fields.length ? fields.map(({ name }) => `${model}.${name}`) : [model];
}

/** How many characters a prompt may have, or null if there is no limit. */
export function limitOf(name) {
  const [model, ...field] = name.split(".");
  const limits = state.workflow?.limits?.[model];
  if (field.length === 0) return limits?.max_length ?? null;
  return limits?.fields.find((each) => each.name === field.join("."))?.max_length ?? null;
}

/** Whether this LLM may cost money. */
export function isPaid(llm) {
  return llm !== "offline" && llm !== "paste";
}

/** An error's message after the title of the step that failed. */
export function messageWithStep({ step, message }) {
  const title = state.workflow.steps.find((each) => each.step === step)?.title;
  return title ? t("text.titled", { title: fromServer(title), text: message }) : message;
}

/** Every text of a document's prompts: `{ category, model, name, text }`, `name` being its path. */
export function promptTexts(prompts) {
  return Object.entries(prompts ?? {}).flatMap(([category, models]) =>
    Object.entries(models).flatMap(([model, prompt]) =>
      flattenPrompt(model, prompt).map(({ name, text }) => ({ category, model, name, text })),
    ),
  );
}

/** The texts of one prompt by their paths; none while nothing is written. */
export function flattenPrompt(name, prompt) {
  if (prompt === null || prompt === undefined) return [];
  if (typeof prompt !== "object") return [{ name, text: String(prompt) }];
  return Object.entries(prompt).flatMap(([field, inner]) => flattenPrompt(`${name}.${field}`, inner));
}
