// Names that a person reads: of models, of a prompt's texts.

import { el } from "./dom.js";
import { capitalize, humanize } from "./format.js";
import { hasText, t } from "./language.js";
import { allGroups } from "./selectors.js";

/** "Midjourney A" for MIDJOURNEY_A; the group's label where it has one model alone. */
export function modelLabel(model) {
  const group = allGroups().find(({ models }) => models.includes(model));
  if (group?.models.length === 1) return groupTitle(group);
  return readable(model);
}

/** A group's label without what it says of its models: "Midjourney" for "Midjourney (A & B)". */
export function groupTitle({ label }) {
  return label.replace(/\s*\([^()]*\)$/, "") || label;
}

/** A category's title: the page's own words for the usual ones. */
export function categoryTitle(name) {
  return hasText(`category.${name}`) ? t(`category.${name}`) : humanize(name);
}

/** What a field of the brief holds, within a sentence: "aspect ratio". */
export function fieldTitle(key) {
  return hasText(`field.${key}`) ? t(`field.${key}`) : humanize(key).toLowerCase();
}

/** "Kling 3.0: negative prompt"; the field `prompt` is the prompt itself. */
export function textLabel(name) {
  const [model, ...field] = name.split(".");
  const label = modelLabel(model);
  if (field.length === 0 || field.join() === "prompt") return label;
  return t("text.titled", { title: label, text: fieldLabel(field) });
}

function fieldLabel(field) {
  return field.join(" ").replaceAll("_", " ");
}

/** A text's label as a heading within its group: only heard where it repeats the group's own. */
export function headingOf(name) {
  const label = textLabel(name);
  const [model, ...field] = name.split(".");
  const group = allGroups().find(({ models }) => models.includes(model));
  if (label === modelLabel(model) || group?.models.length !== 1) return label;
  const shown = fieldLabel(field);
  const heard = label.slice(0, -shown.length);
  return [el("span", { class: "visually-hidden" }, heard), capitalize(shown)];
}

/** A message of the server in which models have the names that a person reads. */
export function withModelLabels(text) {
  const models = new Set(allGroups().flatMap((group) => group.models));
  return text.replace(/\b[A-Z][A-Z0-9_]+\b/g, (word) => (models.has(word) ? modelLabel(word) : word));
}

/** SORA_2_A is "Sora 2 A", SD_3_5 is "SD 3.5": what has no vowel is an abbreviation. */
function readable(model) {
  const name = model.replace(/(?<=(^|_)\d+)_(?=\d+(_|$))/g, ".").split("_");
  const isWord = (part) => part.length > 2 && /[AEIOU]/i.test(part);
  return capitalize(name.map((part) => (isWord(part) ? capitalize(part.toLowerCase()) : part)).join(" "));
}
