// On call: every group as a row of the sheet, chosen by click, by its number, or by its name.

import { at, button, inside, make, setText } from "./element.js";
import { count, whole, words } from "./figures.js";
import { laterQuestion, mayLetGo } from "./plan.js";
import { allGroups, categories, change, groupsOfRun, isSceneChanged, sheet } from "./sheet.js";

let drawn = "";

export function drawCall() {
  const groups = allGroups();
  at("call").hidden = groups.length === 0 || Boolean(sheet.batch?.document);
  const shape = JSON.stringify(groups);
  if (shape !== drawn) {
    drawn = shape;
    inside("call").replaceChildren(...categories().map(drawCategory), byName(groups));
  }
  const ofRun = groupsOfRun();
  for (const group of groups) drawState(group, ofRun);
  for (const { name, groups: those } of categories()) {
    drawLater(name, those);
    drawNone(name, those, ofRun);
  }
}

function drawCategory({ name, groups }) {
  const heading = `category-${name}`;
  return make(
    "div",
    { class: "category", role: "group", "aria-labelledby": heading },
    make(
      "div",
      { class: "category-head" },
      make("h3", { id: heading }, words(name)),
      make("span", { class: "small soft", "aria-hidden": "true" }, "tokens"),
    ),
    ...groups.map(drawGroup),
    make("p", { class: "none small soft", id: `none-${name}`, role: "status" }),
    make("div", { class: "picture", id: `later-${name}`, hidden: true }),
  );
}

function drawGroup(group) {
  const number = allGroups().indexOf(group) + 1;
  const box = make("input", {
    type: "checkbox",
    id: `group-${group.name}`,
    "aria-keyshortcuts": number < 10 ? number : null,
    on: { change: () => toggle([group.name]) },
  });
  return make(
    "label",
    { class: "group", title: about(group) },
    make("kbd", { "aria-hidden": "true" }, number < 10 ? String(number) : ""),
    box,
    make(
      "span",
      {},
      make("span", { class: "label" }, group.label),
      " ",
      make("span", { class: "description" }, group.description),
      " ",
      make("span", { class: "state", id: `state-${group.name}` }),
      note(group),
    ),
    make("span", { class: "models small soft" }, count(group.models.length, "model")),
    make(
      "span",
      { class: "number" },
      group.tokens === null ? "" : `+${whole(group.tokens)}`,
      make("span", { class: "unseen" }, " tokens"),
    ),
  );
}

/** What a person should know before calling a group: that it has closed, or that its rules are old. */
function note({ closed, outdated, age }) {
  const place = closed?.successor ? `; in its place: ${closed.successor.replaceAll("`", "")}` : "";
  if (closed) return make("span", { class: "closed" }, `Closed on ${closed.date}${place}`);
  return outdated ? make("span", { class: "closed" }, `Its rules were last checked ${age}`) : null;
}

function about({ models, version, checked }) {
  return [models.join(", "), version, checked && `rules checked on ${checked}`]
    .filter(Boolean)
    .join("\n");
}

function drawState(group, ofRun) {
  const box = at(`group-${group.name}`);
  const chosen = sheet.chosen.has(group.name);
  box.checked = chosen;
  box.closest(".group").classList.toggle("chosen", chosen);
  const prompts = Object.assign({}, ...Object.values(sheet.run?.prompts ?? {}));
  const written = group.models.filter((model) => model in prompts).length;
  const called = ofRun.has(group.name) && !isSceneChanged();
  let state = "";
  if (called && written > 0) state = chosen ? "✓ written" : "written; not called any more";
  setText(at(`state-${group.name}`), state);
}

/** What it means that no row of a category is called any more. */
function drawNone(category, groups, ofRun) {
  const called = groups.some(({ name }) => ofRun.has(name)) && !isSceneChanged();
  const none = called && !groups.some(({ name }) => sheet.chosen.has(name));
  const label = words(category);
  const isFirst = categories()[0].name === category;
  let text = "";
  if (none && mayLetGo(category))
    text = `${label} is let go: its prompts leave the run, and nothing is written.`;
  else if (none && (isFirst || sheet.chosen.size > 0))
    text = `A run keeps one group of ${label.toLowerCase()} at least: call one, or begin a new sheet.`;
  setText(at(`none-${category}`), text);
}

/** What a later category still asks: which of the prompts at hand it is to be made for. */
function drawLater(category, groups) {
  const place = at(`later-${category}`);
  const question = laterQuestion(category);
  const earlier = promptsBefore(category);
  const wanted = groups.some((group) => sheet.chosen.has(group.name));
  place.hidden = !question || !wanted || earlier.length < 2 || isSceneChanged();
  if (place.hidden) return;
  const shape = JSON.stringify([question.key, earlier]);
  if (place.dataset.shape !== shape) {
    place.dataset.shape = shape;
    const id = `told-${question.key}`;
    place.replaceChildren(
      make("label", { for: id }, question.text),
      make(
        "select",
        { id, on: { change: (e) => tell(question.key, e.target.value) } },
        ...earlier.map((name) => make("option", { value: name }, name)),
      ),
    );
  }
  place.querySelector("select").value = sheet.told[question.key] ?? earlier[0];
}

function promptsBefore(category) {
  const names = categories().map(({ name }) => name);
  return names
    .slice(0, names.indexOf(category))
    .flatMap((name) => Object.keys(sheet.run?.prompts?.[name] ?? {}));
}

function tell(key, value) {
  change({ told: { ...sheet.told, [key]: value } });
}

/** Calls these groups, or lets them go where all of them are called already. */
export function toggle(names) {
  const chosen = new Set(sheet.chosen);
  const all = names.every((name) => chosen.has(name));
  for (const name of names) {
    if (all) chosen.delete(name);
    else chosen.add(name);
  }
  change({ chosen });
}

/** The group with this number on the sheet, counted over all categories. */
export function toggleNumber(number) {
  const group = allGroups()[number - 1];
  if (group) toggle([group.name]);
}

function byName(groups) {
  const input = make("input", {
    type: "text",
    id: "by-name",
    list: "group-names",
    autocomplete: "off",
    spellcheck: "false",
    "aria-describedby": "by-name-hint",
  });
  const form = make(
    "form",
    {
      class: "by-name",
      on: {
        submit: (event) => {
          event.preventDefault();
          callByName(input);
        },
      },
    },
    make("label", { for: "by-name" }, "By name or number"),
    input,
    make(
      "datalist",
      { id: "group-names" },
      ...groups.map((g) => make("option", { value: g.name })),
    ),
    button("Call", () => callByName(input)),
    make("span", { id: "by-name-hint", class: "soft", role: "status" }, "or press 1 to 9"),
  );
  return form;
}

function callByName(input) {
  const asked = input.value
    .toLowerCase()
    .split(/[\s,]+/)
    .filter(Boolean);
  const found = asked.map(groupsFor);
  const unknown = asked.filter((_, index) => found[index].length === 0);
  if (found.flat().length) toggle([...new Set(found.flat())]);
  input.value = unknown.join(" ");
  const known = allGroups()
    .map((group) => group.name)
    .join(", ");
  setText(at("by-name-hint"), unknown.length ? `no group is called so; there are ${known}` : "");
}

/** The groups that a word stands for: `all`, a number, a name, or how a name or label begins. */
function groupsFor(word) {
  const groups = allGroups();
  if (word === "all") return groups.map((group) => group.name);
  if (/^\d+$/.test(word)) return groups[word - 1] ? [groups[word - 1].name] : [];
  const exact = groups.find((group) => group.name.toLowerCase() === word);
  const begun = groups.filter(
    (group) =>
      group.name.toLowerCase().startsWith(word) || group.label.toLowerCase().startsWith(word),
  );
  return exact ? [exact.name] : begun.map((group) => group.name);
}

/** How many prompts the models of these groups are; a model of several forms counts once. */
export function countModels(groups) {
  return groups.reduce((sum, group) => sum + group.models.length, 0);
}
