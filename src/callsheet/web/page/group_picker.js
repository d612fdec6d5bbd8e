// Selects model groups, or single models of them, by click, by number or by name.

import { button, byId, el, renderIfChanged, sectionBody, setText } from "./dom.js";
import { formatDay } from "./format.js";
import { categoryTitle, groupTitle, modelLabel } from "./labels.js";
import { fromServer, inSentence, listAll, t } from "./language.js";
import {
  allGroups,
  categories,
  currentGroups,
  followUpQuestion,
  isBriefChanged,
  isRemovable,
  isSelected,
  modelsBefore,
  modelsOfRun,
  presetAnswer,
  selectedModels,
  textNames,
} from "./selectors.js";
import { setState, state } from "./store.js";

export function renderGroupPicker() {
  const groups = allGroups();
  byId("groups").hidden = groups.length === 0 || Boolean(state.batch?.document);
  renderIfChanged(sectionBody("groups"), groups, () => [
    categories().map(categoryBlock),
    groupNameForm(currentGroups()),
  ]);
  const inRun = isBriefChanged() ? new Set() : modelsOfRun();
  for (const group of groups) updateGroup(group, inRun);
  for (const category of categories()) {
    updateFollowUp(category);
    setText(byId(`removal-${category.name}`), removalNote(category, inRun));
  }
}

function categoryBlock({ name, groups }) {
  const heading = `category-${name}`;
  return el(
    "div",
    { class: "category", role: "group", "aria-labelledby": heading },
    el(
      "div",
      { class: "category-head" },
      el("h3", { id: heading }, categoryTitle(name)),
    ),
    groups.filter(({ successor }) => !successor).map(groupBlock),
    olderGroups(groups.filter(({ successor }) => successor)),
    el("p", { class: "removal-note small muted", id: `removal-${name}`, role: "status" }),
    el("div", { class: "follow-up", id: `follow-up-${name}`, hidden: true }),
  );
}

/** The groups that newer ones replace, folded in until one of them is selected. */
function olderGroups(groups) {
  if (groups.length === 0) return null;
  return el(
    "details",
    { class: "older-groups" },
    el("summary", { class: "small muted" }, t("groups.older", { count: groups.length })),
    groups.map(groupBlock),
  );
}

function groupBlock(group) {
  return [groupRow(group), modelBoxes(group)];
}

function groupRow(group) {
  const number = currentGroups().indexOf(group) + 1;
  const shortcut = number > 0 && number < 10 ? String(number) : "";
  return el(
    "label",
    { class: "group", title: groupTooltip(group) },
    el("kbd", { "aria-hidden": "true" }, shortcut),
    el("input", {
      type: "checkbox",
      id: `group-${group.name}`,
      "aria-keyshortcuts": shortcut,
      on: { change: () => toggleGroups([group.name]) },
    }),
    el(
      "span",
      {},
      el("span", { class: "label" }, groupTitle(group)),
      " ",
      el("span", { class: "description" }, group.description),
      " ",
      el("span", { class: "group-status", id: `status-${group.name}` }),
      groupWarning(group),
    ),
    el("span", { class: "number small muted", id: `count-${group.name}` }),
  );
}

/** "3 prompts"; of a group of which some models are selected "1 of 3 prompts". */
function countOf({ models }, selected) {
  const [written, count] = [selected, models].map((each) => each.flatMap(textNames).length);
  const isPart = written > 0 && written < count;
  return t(isPart ? "prompts.progress" : "count.prompts", { written, count });
}

/** A checkbox for each model, shown below a selected group that has several. */
function modelBoxes({ name, label, models }) {
  if (models.length < 2) return null;
  const box = (model) =>
    el(
      "label",
      {},
      el("input", {
        type: "checkbox",
        id: `model-${model}`,
        on: { change: () => toggleModels([model]) },
      }),
      modelLabel(model),
    );
  const attributes = { class: "group-models", id: `models-${name}`, hidden: true };
  return el("div", { ...attributes, role: "group", "aria-label": label }, models.map(box));
}

function groupWarning({ closed, successor, outdated, checked }) {
  const named = (closed?.successor ?? successor)?.replaceAll("`", "");
  const newer = allGroups().find(({ name }) => name === named);
  const replacement = newer ? groupTitle(newer) : named;
  const verb = closed?.date > new Date().toISOString().slice(0, 10) ? "closes" : "closed";
  const key = closed ? verb : "replaced";
  const date = closed && formatDay(closed.date);
  const text = replacement
    ? t(`groups.${key}`, { date, successor: replacement })
    : outdated && t("groups.outdated", { date: formatDay(checked) });
  return text && el("span", { class: "group-warning" }, text);
}

function groupTooltip({ models, tokens, version, checked }) {
  const size = tokens !== null && t("groups.instructions", { count: tokens });
  const date = checked && t("groups.checked", { date: formatDay(checked) });
  return [listAll(models.map(modelLabel)), size, version, date]
    .filter(Boolean)
    .join("\n");
}

function updateGroup(group, inRun) {
  const box = byId(`group-${group.name}`);
  const selected = selectedModels(group);
  box.checked = selected.length > 0;
  setText(byId(`count-${group.name}`), countOf(group, selected));
  box.indeterminate = box.checked && selected.length < group.models.length;
  box.closest(".group").classList.toggle("selected", box.checked);
  if (box.checked && group.successor) box.closest("details").open = true;
  if (group.models.length > 1) {
    byId(`models-${group.name}`).hidden = !box.checked;
    for (const model of group.models) byId(`model-${model}`).checked = selected.includes(model);
  }
  const prompts = Object.assign({}, ...Object.values(state.run?.prompts ?? {}));
  const written = group.models.filter((model) => inRun.has(model) && model in prompts);
  const isWritten = written.length > 0 && selected.every((model) => written.includes(model));
  const status = t(box.checked ? "groups.written" : "groups.written_deselected");
  setText(byId(`status-${group.name}`), isWritten ? status : "");
}

/** What happens if no group of a category stays selected. */
function removalNote({ name, groups }, inRun) {
  const isInRun = ({ models }) => models.some((model) => inRun.has(model));
  if (groups.some(isSelected) || !groups.some(isInRun)) return "";
  if (isRemovable(name)) return t("groups.removal", { category: categoryTitle(name) });
  if (name !== categories()[0].name && state.selected.size === 0) return "";
  return t("groups.needed", { category: inSentence(categoryTitle(name)) });
}

/** Asks which of the selected models' prompts a later category is written for. */
function updateFollowUp({ name, groups }) {
  const element = byId(`follow-up-${name}`);
  const question = followUpQuestion(name);
  const earlier = modelsBefore(name);
  element.hidden = !question || !groups.some(isSelected) || earlier.length < 2;
  if (element.hidden) return;
  const { key, text } = question;
  const id = `follow-up-select-${key}`;
  const change = (event) =>
    setState({ presetAnswers: { ...state.presetAnswers, [key]: event.target.value } });
  renderIfChanged(element, [key, earlier], () => [
    el("label", { for: id }, fromServer(text)),
    el(
      "select",
      { id, on: { change } },
      earlier.map((each) => el("option", { value: each }, modelLabel(each))),
    ),
  ]);
  const inRun = isBriefChanged() ? undefined : earlier.find((model) => model === state.run?.still);
  byId(id).value = presetAnswer(name) ?? inRun ?? earlier[0];
}

/** Selects these groups, or deselects them if all of them are selected. */
export function toggleGroups(names) {
  toggleModels(allGroups().flatMap(({ name, models }) => (names.includes(name) ? models : [])));
}

/** Selects these models, or deselects them if all of them are selected. */
function toggleModels(models) {
  const selected = new Set(state.selected);
  const areAll = models.every((model) => selected.has(model));
  for (const model of models) {
    if (areAll) selected.delete(model);
    else selected.add(model);
  }
  setState({ selected });
}

function groupNameForm(groups) {
  const input = el("input", {
    type: "text",
    id: "group-name",
    list: "group-names",
    autocomplete: "off",
    spellcheck: "false",
    "aria-describedby": "group-name-hint",
  });
  const submit = (event) => {
    event.preventDefault();
    selectByName(input);
  };
  return el(
    "form",
    { class: "group-name-form", on: { submit } },
    el("label", { for: "group-name" }, t("groups.by_name")),
    input,
    el("datalist", { id: "group-names" }, groups.map(({ name }) => el("option", { value: name }))),
    button(t("action.select"), () => selectByName(input)),
    el("span", { id: "group-name-hint", class: "muted", role: "status" }, t("groups.by_key")),
  );
}

function selectByName(input) {
  const words = input.value.toLowerCase().split(/[\s,]+/).filter(Boolean);
  const found = words.flatMap(modelsFor);
  const unknown = words.filter((word) => modelsFor(word).length === 0);
  if (found.length) toggleModels([...new Set(found)]);
  input.value = unknown.join(" ");
  const known = currentGroups().map(({ name }) => name);
  setText(byId("group-name-hint"), unknown.length ? t("groups.unknown", { groups: listAll(known) }) : "");
}

/** The models that a word means: those of its groups, or the one after a slash, as in `5/SD_B`. */
function modelsFor(word) {
  const [name, model] = word.split("/");
  const groups = allGroups().filter((group) => groupsFor(name).includes(group.name));
  const models = groups.flatMap((group) => group.models);
  return model === undefined ? models : models.filter((each) => each.toLowerCase() === model);
}

/** The groups that a word means: a name; of current groups also `all`, a number, or the start of a name. */
function groupsFor(word) {
  const current = currentGroups();
  const names = current.map(({ name }) => name);
  if (word === "all") return names;
  if (/^\d+$/.test(word)) return names.slice(word - 1, word);
  const exact = allGroups().find(({ name }) => name.toLowerCase() === word);
  if (exact) return [exact.name];
  const startsWithWord = (text) => text.toLowerCase().startsWith(word);
  return current.filter((g) => startsWithWord(g.name) || startsWithWord(g.label)).map((g) => g.name);
}
