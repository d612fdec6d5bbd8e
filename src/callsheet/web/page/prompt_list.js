// The prompts of the open run by category and group, and the notes on the run.

import { pendingText } from "./activity.js";
import { copyText } from "./clipboard.js";
import { button, byId, el, inlineCode, renderIfChanged, sectionBody } from "./dom.js";
import { capitalize } from "./format.js";
import { newerText, savedText } from "./edits.js";
import { distinct } from "./findings.js";
import { categoryTitle, groupTitle, textLabel, withModelLabels } from "./labels.js";
import { currentLanguage, t } from "./language.js";
import { createPromptCard } from "./prompt_card.js";
import { areMany, promptsBar, updatePromptsBar } from "./prompts_bar.js";
import { isRenderable } from "./rendered_image.js";
import { scrollTo, scrollToPrompts } from "./scrolling.js";
import { categories, flattenPrompt, isRunning, modelsOfRun, textNames } from "./selectors.js";
import { state } from "./store.js";

const TERMINAL_ADVICE = /; [^;]*--\w[^;]*$/; // the page has a choice for it

const cards = new Map(); // the open run's prompt cards by name
const folded = new Set(); // the groups of the open run that are folded, by name
let cardsFor = ""; // the run and the language of the cards

export function renderPromptList() {
  const { run } = state.run ?? {};
  const groups = run ? promptGroups() : [];
  byId("prompts").hidden = groups.length === 0;
  const wanted = `${run} ${currentLanguage()}`;
  if (wanted !== cardsFor) for (const kept of [cards, folded]) kept.clear();
  cardsFor = wanted;
  const { from_earlier_still: earlier, still } = state.run ?? {};
  const inputs = [run, groups, earlier && [earlier, still], state.run?.exports, isRunning()];
  renderIfChanged(sectionBody("prompts"), inputs, () => (groups.length > 0 ? promptSection(groups) : []));
  const prompts = groups.flatMap(({ category, names }) => names.map((name) => promptState(category, name)));
  const next = prompts.find(({ isWriting, partialText }) => isWriting && partialText === undefined);
  for (const prompt of prompts) {
    const pending = prompt.isWriting ? pendingText(prompt === next && !isAnyBegun(prompts)) : null;
    cards.get(prompt.name).update({ ...prompt, pending });
  }
  if (groups.length === 0) return;
  renderNotes();
  const finished = prompts.filter(({ isWriting, text }) => !isWriting && text !== undefined);
  updatePromptsBar(finished.length, plannedTexts(prompts).size);
  scrollToPrompts(prompts, !isRunning());
}

/** Whether the LLM's text of a prompt is seen while it grows. */
function isAnyBegun(prompts) {
  return prompts.some(({ isWriting, partialText }) => isWriting && partialText !== undefined);
}

/** The groups of the open run in order: `{ category, group, label, names }`, `names` of prompts. */
function promptGroups() {
  const { selection = {}, models: chosen = {}, prompts = {}, at_work: work } = state.run;
  const isShown = (model, written) =>
    model in (written ?? {}) ||
    isRunning() ||
    Boolean(work?.models?.includes(model)) ||
    rejectedNames(model).length > 0;
  const selected = categories().flatMap(({ name: category, groups }) =>
    groups
      .filter(({ name }) => selection[category]?.includes(name))
      .map(({ name: group, label, models }) => {
        const selected = models.filter((model) => chosen[category]?.includes(model));
        const shown = selected.filter((model) => isShown(model, prompts[category]));
        const names = shown.flatMap((model) => promptNames(model, prompts[category]));
        return { category, group, label, names };
      }),
  );
  const found = selected.filter(({ names }) => names.length > 0);
  // A workflow may write prompts without asking for groups.
  for (const [category, models] of Object.entries(prompts)) {
    if (found.some((each) => each.category === category)) continue;
    const names = Object.keys(models).flatMap((model) => promptNames(model, models));
    if (names.length > 0) found.push({ category, group: category, label: "", names });
  }
  return found;
}

function promptNames(model, prompts = {}) {
  if (model in prompts) {
    const written = flattenPrompt(model, prompts[model]).map(({ name }) => name);
    return [...new Set([...written, ...rejectedNames(model)])];
  }
  return textNames(model);
}

/** The names of all texts that the run has or is going to write. */
function plannedTexts(prompts) {
  const shown = prompts.map(({ name }) => name);
  const isShown = (model) => prompts.some((prompt) => prompt.model === model);
  const later = [...modelsOfRun()].filter((model) => !isShown(model));
  return new Set([...shown, ...later.flatMap(textNames)]);
}

/** The names of a model's texts that were rejected. */
function rejectedNames(model) {
  const names = (state.run.rejected ?? []).map(({ model: name }) => name);
  return names.filter((name) => name.split(".")[0] === model);
}

/** What a prompt's card shows. */
function promptState(category, name) {
  const { at_work: work, settings, problems = [], warnings = [], rejected = [], rendered = {} } = state.run;
  const noticed = warnings.map((warning) => ({ ...warning, severity: "warning" }));
  const model = name.split(".")[0];
  const [firstText] = flattenPrompt(model, state.run.prompts?.[category]?.[model]);
  const finished = textIn(work?.finished, name);
  const stored = finished ?? textIn(state.run.prompts?.[category], name);
  const text = savedText(name) ?? stored;
  const isRewriting = Boolean(work?.models?.includes(model)) && finished === undefined;
  return {
    category,
    name,
    model,
    text,
    partialText: state.connected ? state.activity?.texts?.[name] : undefined,
    isWriting: isRunning() && (isRewriting || text === undefined),
    newer: newerText(name, stored),
    isEditable: !isRunning() && isReviewed(category) && isStored(name),
    settings: settings?.[name] ?? [],
    coverage: name === firstText?.name ? state.run.coverage?.[model] : undefined,
    findings: distinct([...rejected, ...problems, ...noticed].filter(({ model: found }) => found === name)),
    rejectedText: rejected.find(({ model: found }) => found === name)?.text,
    earlier: earlierAttempts(name, text),
    rendered: name === firstText?.name && isRenderable(category) ? (rendered[model] ?? null) : undefined,
    isUnchanged: !isRunning() && Boolean(state.run.unchanged?.includes(model)),
  };
}

/** Whether the workflow keeps edits of a category's prompts. */
function isReviewed(category) {
  const { step } = categories().find(({ name }) => name === category) ?? {};
  const steps = state.workflow.steps.filter((each) => step === undefined || each.step === step);
  return steps.some(({ editable }) => editable);
}

/** Whether the step that wrote a prompt has ended, or shows it at its review: before, it changes. */
function isStored(name) {
  const { attempts = [], question } = state.run;
  const isReviewed = question?.key.startsWith("review.") && textIn(question.show, name) !== undefined;
  return isReviewed || attempts.some(({ prompts }) => textIn(prompts, name) !== undefined);
}

/** A prompt's text in prompts by model, or undefined. */
function textIn(prompts, name) {
  return flattenPrompt("", prompts).find((each) => each.name === `.${name}`)?.text;
}

/** Earlier attempts with a different text for this prompt, the latest first. */
function earlierAttempts(name, current) {
  const found = [];
  for (const attempt of state.run.attempts ?? []) {
    const text = textIn(attempt.prompts, name);
    if (text !== undefined && text !== found.at(-1)?.text) found.push({ ...attempt, text });
  }
  if (found.at(-1)?.text === current) found.pop();
  return found.reverse();
}

function renderNotes() {
  const list = byId("run-notes");
  const notes = [...new Set((state.run?.notes ?? []).map(({ text }) => text.replace(TERMINAL_ADVICE, "")))];
  list.hidden = notes.length === 0;
  renderIfChanged(list, notes, () =>
    notes.map((text) => el("li", {}, inlineCode(capitalize(withModelLabels(text))))),
  );
}

function writtenPrompts(groups) {
  return groups.flatMap(({ category, names }) =>
    names
      .map((name) => ({ name, text: savedText(name) ?? textIn(state.run.prompts?.[category], name) }))
      .filter(({ text }) => text !== undefined),
  );
}

function promptsOfCategory(category, groups, isFoldable) {
  const heading = el("h3", { class: "prompt-category" }, categoryTitle(category));
  return el("div", {}, heading, groups.map((group) => promptsOfGroup(group, isFoldable)));
}

function foldGroup({ group }, isFolded) {
  if (isFolded) folded.add(group);
  else folded.delete(group);
  byId(`prompts-of-${group}`).hidden = isFolded;
  byId(`fold-${group}`)?.setAttribute("aria-expanded", String(!isFolded));
}

function jumpTo(group) {
  foldGroup(group, false);
  scrollTo(byId(`prompts-of-${group.group}`).closest(".prompt-group"));
  cards.get(group.names[0]).element.focus({ preventScroll: true });
}

function promptSection(groups) {
  const ofCategory = (name) => groups.filter(({ category }) => category === name);
  return [
    promptsBar(groups, {
      copyAll: (clicked) => copyPrompts(clicked, promptGroups(), t("prompts.all")),
      jumpTo,
      foldAll: (isFolded) => groups.forEach((group) => foldGroup(group, isFolded)),
    }),
    [...new Set(groups.map(({ category }) => category))].map((category) =>
      promptsOfCategory(category, ofCategory(category), areMany(groups)),
    ),
    el("ul", { class: "run-notes", id: "run-notes", "aria-label": t("prompts.notes") }),
  ];
}

/** Whether a group's one prompt has the group's name: its heading says the same. */
function isAlone(group) {
  return group.names.length === 1 && textLabel(group.names[0]) === groupTitle(group);
}

function groupHeading(group, isFoldable) {
  const title = groupTitle(group);
  if (!isFoldable) return el("h4", { class: isAlone(group) && "visually-hidden" }, title);
  const toggle = () => foldGroup(group, !folded.has(group.group));
  const attributes = {
    class: "fold-group",
    id: `fold-${group.group}`,
    "aria-expanded": String(!folded.has(group.group)),
    "aria-controls": `prompts-of-${group.group}`,
  };
  return el("h4", {}, button(title, toggle, attributes));
}

function promptsOfGroup(group, isFoldable) {
  const { category, label, names } = group;
  const { from_earlier_still: earlier = [], still } = state.run;
  const isEarlier = names.some((name) => earlier.includes(name.split(".")[0]));
  const copyGroup = (event) => copyPrompts(event.target, [group], label);
  return el(
    "div",
    {
      class: isAlone(group) ? "prompt-group alone" : "prompt-group",
      role: "group",
      "aria-label": label || categoryTitle(category),
    },
    el(
      "header",
      {},
      groupHeading(group, isFoldable),
      !isRunning() &&
        writtenPrompts([group]).length > 1 &&
        button(t("prompts.copy_group"), copyGroup, { class: "link-button small" }),
    ),
    el(
      "div",
      { id: `prompts-of-${group.group}`, hidden: folded.has(group.group) },
      isEarlier &&
        el("p", { class: "earlier" }, t("prompts.from_earlier", { name: textLabel(still) })),
      names.map((name) => {
        if (!cards.has(name)) cards.set(name, createPromptCard(name));
        return cards.get(name).element;
      }),
    ),
  );
}

/** Copies several prompts as one text, each below its name. */
function copyPrompts(clicked, groups, description) {
  const parts = writtenPrompts(groups).map(({ name, text }) => `${textLabel(name)}\n${text}`);
  copyText(clicked, parts.join("\n\n"), description);
}
