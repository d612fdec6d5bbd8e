// Creates and updates elements; text always becomes a text node, never markup.

import { currentLanguage } from "./language.js";

/**
 * An element with attributes and children. `on` holds listeners by event; `true` sets an empty
 * attribute; null, undefined, false and "" set none. Strings become text nodes; falsy children are
 * left out.
 */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(element, { on = {}, ...attributes }, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false || value === "") continue;
    if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const [name, listener] of Object.entries(on)) element.addEventListener(name, listener);
  element.append(...present(children));
  return element;
}

function present(children) {
  return [children].flat(Infinity).filter(Boolean);
}

export function button(text, onClick, attributes = {}) {
  return el("button", { type: "button", ...attributes, on: { click: onClick } }, text);
}

export function byId(id) {
  return document.getElementById(id);
}

/** The part of a section below its heading. */
export function sectionBody(id) {
  return byId(id).querySelector(".section-body");
}

/** Sets a text only if it differs, so that nothing is announced again and no selection is lost. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const rendered = new WeakMap(); // the inputs and the language that each element was rendered from

/**
 * Replaces an element's children with those that `render` returns, but only if `inputs` (plain data)
 * or the language differ from the last time. Keeps the focus on an element with the same id or
 * address; where only the language differs, also what was typed.
 */
export function renderIfChanged(element, inputs, render) {
  const [key, language] = [JSON.stringify(inputs), currentLanguage()];
  const last = rendered.get(element);
  if (last?.key === key && last.language === language) return;
  rendered.set(element, { key, language });
  const typed = last?.key === key ? typedTexts(element) : [];
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  const [name, value] = focused?.id ? ["id", focused.id] : ["href", focused?.getAttribute("href")];
  element.replaceChildren(...present(render()));
  for (const [id, text] of typed) if (byId(id)) byId(id).value = text;
  if (value) element.querySelector(`[${name}="${CSS.escape(value)}"]`)?.focus();
}

/** What was typed into the fields of an element, by their ids. */
function typedTexts(element) {
  const fields = [...element.querySelectorAll("input[type=text], input[type=search], textarea")];
  return fields.filter(({ id }) => id).map(({ id, value }) => [id, value]);
}

/** A text in which `backticks` set code apart, as nodes. */
export function inlineCode(text) {
  const parts = text.split("`");
  if (parts.length % 2 === 0) return [text]; // an unpaired backtick is literal
  return parts.map((part, index) => (index % 2 ? el("code", {}, unbroken(part)) : part));
}

/** A text as nodes, in which parameters such as `--ar` are kept whole at the end of a line. */
export function unbroken(text) {
  const pieces = text.split(/(--[a-z][\w-]*)/);
  return pieces.map((piece, index) => (index % 2 ? el("span", { class: "parameter" }, piece) : piece));
}
