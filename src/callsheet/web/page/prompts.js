// The prompts by category and group, each in the place where it is being written.

import { at, button, inside, make, setText, spoken } from "./element.js";
import { copyFrom } from "./copying.js";
import { rewrite } from "./deeds.js";
import { count, words } from "./figures.js";
import { newPrompt } from "./prompt.js";
import { categories, flatten, isUnderWay, sheet } from "./sheet.js";

const rows = new Map(); // each prompt's row by its name, kept while the run is open
let drawn = "";

export function drawPrompts() {
  const wanted = sheet.run ? called() : [];
  at("prompts").hidden = wanted.length === 0;
  const shape = JSON.stringify([sheet.run?.run, wanted]);
  if (shape !== drawn) {
    if (JSON.parse(drawn || "[]")[0] !== sheet.run?.run) rows.clear();
    drawn = shape;
    const notes = make("ul", { class: "notes", id: "notes", "aria-label": "Notes on the run" });
    inside("prompts").replaceChildren(toolbar(), ...wanted.map(drawCategory), notes);
  }
  for (const { category, groups } of wanted) {
    for (const { leaves } of groups)
      for (const name of leaves) rows.get(name).update(stateOf(category, name));
  }
  bringIntoSight("prompts");
  const written = texts(wanted);
  setText(at("prompts-count"), progress(wanted, written));
  drawNotes();
  at("copy-all").hidden = written.length < 2;
  at("rewrite-all").hidden = isUnderWay() || written.length === 0;
}

/** Shows a section to whoever has just asked for what stands in it. */
export function bringIntoSight(id) {
  if (!sheet.isAwaited || at(id).hidden) return;
  sheet.isAwaited = false;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  at(id).scrollIntoView({ behavior: calm ? "auto" : "smooth" });
}

/** What the run has called: categories, their groups, and each group's prompts by name. */
function called() {
  const { selection = {}, prompts = {}, at_work: work } = sheet.run;
  const found = [];
  for (const { name, groups } of categories()) {
    const those = groups
      .filter((group) => selection[name]?.includes(group.name))
      .map(({ name: group, label, models }) => ({
        group,
        label,
        leaves: models
          .filter((model) => isShown(model, prompts[name], work))
          .flatMap((model) => namesOf(model, prompts[name])),
      }))
      .filter(({ leaves }) => leaves.length > 0);
    if (those.length) found.push({ category: name, groups: those });
  }
  // A workflow may give prompts for which nobody chose groups.
  for (const [name, models] of Object.entries(prompts)) {
    if (found.some(({ category }) => category === name) || !Object.keys(models).length) continue;
    const leaves = Object.keys(models).flatMap((model) => namesOf(model, models));
    found.push({ category: name, groups: [{ group: name, label: "", leaves }] });
  }
  return found;
}

/** A model's prompts are shown when they are written, and while a run that is under way owes them. */
function isShown(model, prompts, work) {
  return model in (prompts ?? {}) || isUnderWay() || (work?.models ?? []).includes(model);
}

function namesOf(model, prompts) {
  if (prompts && model in prompts) return flatten(model, prompts[model]).map(({ name }) => name);
  const fields = sheet.workflow.limits?.[model]?.fields ?? [];
  return fields.length ? fields.map(({ name }) => `${model}.${name}`) : [model];
}

function stateOf(category, name) {
  const text = textOf(category, name);
  const work = sheet.run.at_work;
  const model = name.split(".")[0];
  const finished = flatten("", work?.finished ?? {}).find((each) => each.name === `.${name}`)?.text;
  const owed = isUnderWay() && (work?.models ?? []).includes(model) && finished === undefined;
  const waits = isUnderWay() && text === undefined && finished === undefined;
  return {
    category,
    name,
    model,
    text: finished ?? text,
    coming: sheet.writing[name],
    isBeingWritten: owed || waits,
    settings: sheet.run.settings?.[name] ?? [],
    problems: (sheet.run.problems ?? []).filter((problem) => problem.model === name),
    mayChange: !isUnderWay() && !sheet.busy,
    earlier: earlier(name, finished ?? text),
  };
}

function textOf(category, name) {
  const prompts = sheet.run.prompts?.[category] ?? {};
  const model = name.split(".")[0];
  if (!(model in prompts)) return undefined;
  return flatten(model, prompts[model]).find((leaf) => leaf.name === name)?.text;
}

/** What was told on the way: a service that has closed, a step that was skipped, a second try. */
function drawNotes() {
  const notes = [...new Set((sheet.run?.notes ?? []).map(({ text }) => text))];
  const place = at("notes");
  if (!place || place.dataset.shape === JSON.stringify(notes)) return;
  place.dataset.shape = JSON.stringify(notes);
  place.hidden = notes.length === 0;
  const drawn = notes.map((text) => spoken(text.charAt(0).toUpperCase() + text.slice(1)));
  place.replaceChildren(...drawn.map((pieces) => make("li", {}, ...pieces)));
}

/** The texts that earlier attempts left for this prompt and that differ, the latest first. */
function earlier(name, now) {
  const found = [];
  for (const attempt of sheet.run.attempts ?? []) {
    const leaf = flatten("", attempt.prompts ?? {}).find((each) => each.name === `.${name}`);
    if (leaf && leaf.text !== found.at(-1)?.text) found.push({ ...attempt, text: leaf.text });
  }
  if (found.at(-1)?.text === now) found.pop();
  return found.reverse();
}

function texts(wanted) {
  return wanted.flatMap(({ category, groups }) =>
    groups.flatMap(({ leaves }) =>
      leaves
        .map((name) => ({ name, text: textOf(category, name) }))
        .filter(({ text }) => text !== undefined),
    ),
  );
}

function progress(wanted, written) {
  const all = wanted.flatMap(({ groups }) => groups.flatMap(({ leaves }) => leaves)).length;
  if (!isUnderWay()) return count(written.length, "prompt");
  return `${written.length} of ${count(all, "prompt")}`;
}

function toolbar() {
  return make(
    "div",
    { class: "prompts-head" },
    make("p", { class: "small soft", id: "prompts-count" }),
    make(
      "div",
      { class: "deeds" },
      button("Rewrite all", () => rewrite(["all"]), { class: "quiet", id: "rewrite-all" }),
      button("Copy all", (event) => copyMany(event.target, called(), "all prompts"), {
        class: "quiet",
        id: "copy-all",
      }),
    ),
  );
}

function drawCategory({ category, groups }) {
  return make(
    "div",
    { class: "prompt-category" },
    make("h3", { class: "prompt-category-name" }, words(category)),
    ...groups.map((group) => drawGroup(category, group)),
  );
}

function drawGroup(category, { group, label, leaves }) {
  const several = leaves.length > 1;
  const only = [{ category, groups: [{ group, label, leaves }] }];
  return make(
    "div",
    { class: "prompt-group", role: "group", "aria-label": label || words(category) },
    make(
      "header",
      {},
      make("h4", {}, label),
      several
        ? button("Copy group", (event) => copyMany(event.target, only, label), {
            class: "quiet small",
          })
        : null,
    ),
    ...leaves.map((name) => {
      if (!rows.has(name)) rows.set(name, newPrompt(name));
      return rows.get(name).element;
    }),
  );
}

/** Several prompts as one text, each below its name. */
function copyMany(pressed, wanted, what) {
  const text = texts(wanted).map(({ name, text: prompt }) => `${name}\n${prompt}`);
  copyFrom(pressed, text.join("\n\n"), what);
}
