// Says a text of the page in its language; numbers, plurals and lists follow the language, too.

import { SERVED } from "./messages.js";

export const LANGUAGES = SERVED.languages;

let { language, messages } = SERVED;
let intl = formattersFor(language);

/** The tag of the page's language. */
export function currentLanguage() {
  return language;
}

/** Changes the language of all texts that are rendered from now on. */
export function useLanguage(tag, texts) {
  [language, messages, intl] = [tag, texts, formattersFor(tag)];
}

/** The browser's own variant of the language, such as British English, else the language. */
export function locale() {
  const primary = language.split("-")[0];
  return navigator.languages.find((each) => each.split("-")[0] === primary) ?? language;
}

function formattersFor(tag) {
  return {
    plural: new Intl.PluralRules(tag),
    number: new Intl.NumberFormat(locale()),
    any: new Intl.ListFormat(locale(), { type: "disjunction" }),
    all: new Intl.ListFormat(locale(), { type: "conjunction", style: "narrow" }),
  };
}

/** The text of a key, with values in its `{places}`; `count` chooses between singular and plural. */
export function t(key, values = {}) {
  const found = messages[key];
  const text = typeof found === "object" ? found[intl.plural.select(values.count)] : found;
  return text.replace(/\{(\w+)\}/g, (_, name) => valueText(values[name]));
}

function valueText(value) {
  return typeof value === "number" ? formatNumber(value) : String(value);
}

export function hasText(key) {
  return key in messages;
}

/** A text that the server sends in English: of a built-in workflow, or of a question. */
export function fromServer(text) {
  return messages.from_server?.[text] ?? text;
}

export function formatNumber(number) {
  return intl.number.format(number);
}

/** "A, B, C" */
export function listAll(texts) {
  return intl.all.format(texts);
}

/** "A, B, or C" */
export function listAny(texts) {
  return intl.any.format(texts);
}

/** A workflow's title within a sentence: "motion prompts". */
export function inSentence(title) {
  const text = fromServer(title);
  return t("language.titles_in_sentences") === "lower" ? text.toLowerCase() : text;
}

/** Says the document's static texts in the current language: those that `data-t` attributes name. */
export function translateDocument() {
  document.documentElement.lang = language;
  document.documentElement.dir = t("language.direction");
  for (const element of document.querySelectorAll("*")) {
    for (const { name, value } of element.attributes) {
      if (name === "data-t") element.textContent = t(value);
      else if (name.startsWith("data-t-")) element.setAttribute(name.slice("data-t-".length), t(value));
    }
  }
}
