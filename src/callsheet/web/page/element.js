// Makes elements out of plain values; text is only ever text, so nothing anyone wrote becomes markup.

/**
 * An element with its attributes and children. `on` holds listeners by event, `class` may be falsy,
 * `true` sets an empty attribute, and null, undefined and false set none. Strings become text nodes.
 */
export function make(tag, about = {}, ...children) {
  return fill(document.createElement(tag), about, children);
}

/** The same for a drawing. */
export function draw(tag, about = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), about, children);
}

function fill(element, { on = {}, ...attributes }, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false || value === "") continue;
    if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const [name, listener] of Object.entries(on)) element.addEventListener(name, listener);
  element.append(...children.flat().filter((child) => child !== null && child !== false));
  return element;
}

export function button(text, press, about = {}) {
  return make("button", { type: "button", ...about, on: { click: press } }, text);
}

/** The element with this id; it stands in index.html. */
export function at(id) {
  return document.getElementById(id);
}

/** Where a section's own content is drawn. */
export function inside(id) {
  return at(id).querySelector(".inside");
}

/** Sets a text only where it differs, so that nothing is announced or selected away for nothing. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A sentence in which `backticks` set names apart, as its pieces. */
export function spoken(text) {
  const pieces = text.split("`");
  if (pieces.length % 2 === 0) return [text]; // a backtick of the sentence's own
  return pieces.map((piece, index) => (index % 2 ? make("code", {}, piece) : piece));
}
