// The scene: the fields of the brief, the first of them large, the others with good defaults.

import { at, button, inside, make, setText } from "./element.js";
import { newTitle, words } from "./figures.js";
import { isPictureWanted, newPicturePlace, pictureField, wordsOfKept } from "./picture.js";
import { change, sheet } from "./sheet.js";

let drawn = "";

/** The fields of the brief: those that are asked before the first step that calls groups. */
export function briefFields() {
  const { fields = [], steps = [], categories = [] } = sheet.workflow ?? {};
  const order = steps.map((each) => each.step);
  const first = Math.min(...categories.map((category) => order.indexOf(category.step)));
  return fields.filter((field) => order.indexOf(field.step) < first);
}

export function drawScene() {
  const fields = briefFields();
  at("scene").hidden = fields.length === 0 || Boolean(sheet.batch?.document);
  setText(at("scene-heading"), sheet.batch ? "For all rows that say nothing else" : "Scene");
  const picture = pictureField();
  const shape = JSON.stringify([fields, picture?.title]);
  if (shape !== drawn) {
    drawn = shape;
    const [first, ...others] = fields;
    inside("scene").replaceChildren(
      ...(first ? [drawField(first, true)] : []),
      button("Many ideas at once", beginSheet, { class: "quiet many" }),
      make("div", { class: "other-fields" }, ...others.map((field) => drawField(field, false))),
      ...(picture ? [drawPicture(picture)] : []),
    );
  }
  for (const field of fields) {
    const input = at(`field-${field.key}`);
    const value = sheet.brief[field.key] ?? "";
    if (input.value !== value) input.value = value;
  }
}

function drawField(field, large) {
  const id = `field-${field.key}`;
  const about = {
    id,
    name: field.key,
    maxlength: field.kind === "choice" ? null : field.max_length,
    "aria-describedby": `${id}-hint`,
    on: { input: (event) => write(field.key, event.target.value) },
  };
  const input =
    field.kind === "choice"
      ? make(
          "select",
          about,
          ...field.options.map((o) => make("option", { value: o.name }, o.label)),
        )
      : large || field.kind === "lines" || isLong(field)
        ? make("textarea", { ...about, rows: 2 })
        : make("input", { ...about, type: "text", autocomplete: "off" });
  return make(
    "div",
    { class: large ? "field idea-field" : isLong(field) ? "field long" : "field" },
    make("label", { for: id }, field.text),
    input,
    make("p", { class: "hint", id: `${id}-hint` }, field.hint ?? ""),
  );
}

/** From one idea to many: what stands in the one field is the first row. */
function beginSheet() {
  const [first] = briefFields();
  const idea = (sheet.brief[first.key] ?? "").trim();
  const row = /[",\n;]/.test(idea) ? `"${idea.replaceAll('"', '""')}"` : idea;
  const text = idea ? `${first.key}\n${row}\n` : "";
  change({ run: null, trouble: null, batch: { text, title: newTitle() } });
}

function drawPicture({ title }) {
  return newPicturePlace(`A picture for the ${title.toLowerCase()}`, pictureNote).element;
}

/** What a person should know of the picture that is there, or of the one that the run has. */
function pictureNote() {
  const { key, category } = pictureField() ?? {};
  const kept = sheet.run?.pictures?.[key];
  if (sheet.picture && category && !isPictureWanted())
    return `It goes along once a row of ${words(category.name)} is called.`;
  if (!sheet.picture && kept) return `This run has one already: ${wordsOfKept(kept)}.`;
  if (sheet.picture) return "";
  return "A rendered still, as PNG, JPEG or WebP up to 5 MB; LLMs that can see go by it.";
}

/** Whether what usually stands there would not fit on a short line. */
function isLong(field) {
  return (field.default ?? "").length > 24;
}

function write(key, value) {
  at(`field-${key}`).removeAttribute("aria-invalid");
  change({ brief: { ...sheet.brief, [key]: value } });
}

/** The first field, where it still needs words; what else is left empty, the run asks. */
export function emptyField() {
  const [first] = briefFields();
  const isEmpty = first && !first.default && !(sheet.brief[first.key] ?? "").trim();
  return isEmpty ? first : undefined;
}

/** Puts the cursor into a field and says there what is wrong with it. */
export function pointAt(key, message) {
  const input = at(`field-${key}`);
  if (!input) return false;
  input.setAttribute("aria-invalid", "true");
  const hint = at(`field-${key}-hint`);
  hint.textContent = message;
  hint.classList.add("wrong");
  input.focus();
  input.addEventListener("input", () => ((hint.textContent = ""), hint.classList.remove("wrong")), {
    once: true,
  });
  return true;
}
