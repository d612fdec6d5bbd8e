// The form of the brief: the idea, the other fields with their defaults, and the image.

import { button, byId, el, renderIfChanged, sectionBody, setText } from "./dom.js";
import { defaultBatchTitle, sentence } from "./format.js";
import { exampleIdeas, fieldChips, updateChips } from "./field_chips.js";
import { unfold } from "./folding.js";
import { createImagePicker, describeRunImage } from "./image_picker.js";
import { categoryTitle } from "./labels.js";
import { fromServer, inSentence, t } from "./language.js";
import { briefFields, imageField, isImageUsed } from "./selectors.js";
import { setState, state } from "./store.js";

export function renderBriefForm() {
  const fields = briefFields();
  const image = imageField();
  byId("brief").hidden = fields.length === 0 || Boolean(state.batch?.document);
  setText(byId("brief-heading"), t(state.batch ? "brief.batch_title" : "brief.title"));
  renderIfChanged(sectionBody("brief"), [fields, image?.title], () => {
    const [first, ...others] = fields;
    return [
      first && formField(first, true),
      first && exampleIdeas(first),
      button(t("batch.open"), openBatchEditor, { class: "link-button batch-button" }),
      el("div", { class: "other-fields" }, others.map((field) => formField(field, false))),
      image && createImagePicker(t("image.for_step", { step: inSentence(image.title) }), imageHint).element,
    ];
  });
  for (const field of fields) {
    const { key, hint } = field;
    const input = byId(`field-${key}`);
    showFieldProblem(key, hint);
    const value = state.brief[key] ?? "";
    if (input.value !== value) input.value = value;
    updateChips(field, value);
  }
  const [first] = fields;
  if (first) byId("examples").hidden = Boolean(state.run || state.batch || state.brief[first.key]);
}

function formField(field, isFirst) {
  const id = `field-${field.key}`;
  const isLong = (field.default ?? "").length > 24; // too long for a short line
  const attributes = {
    id,
    name: field.key,
    placeholder: field.may_be_open ? t("brief.open_field") : null,
    dir: "auto",
    maxlength: field.kind === "choice" ? null : field.max_length,
    "aria-describedby": `${id}-hint`,
    on: { input: (event) => setField(field.key, event.target.value) },
  };
  return el(
    "div",
    { class: isFirst ? "field idea-field" : isLong ? "field long" : "field" },
    el("label", { for: id, id: `${id}-label` }, fromServer(field.text)),
    fieldInput(field, attributes, isFirst || isLong),
    fieldChips(field, setField),
    el("p", { class: "hint", id: `${id}-hint` }),
  );
}

function fieldInput({ kind, options }, attributes, isLarge) {
  if (kind === "choice") {
    const choices = options.map(({ name, label }) => el("option", { value: name }, fromServer(label)));
    return el("select", attributes, choices);
  }
  if (isLarge || kind === "lines") return el("textarea", { ...attributes, rows: 2 });
  return el("input", { ...attributes, type: "text", autocomplete: "off" });
}

/** Switches to a batch; an idea that is entered already becomes its first row. */
function openBatchEditor() {
  const [first] = briefFields();
  const idea = (state.brief[first.key] ?? "").trim();
  const row = /[",\n;]/.test(idea) ? `"${idea.replaceAll('"', '""')}"` : idea;
  const text = idea ? `${first.key}\n${row}\n` : "";
  setState({ run: null, error: null, batch: { text, title: defaultBatchTitle() } });
}

function imageHint() {
  const { key, category } = imageField() ?? {};
  const runImage = state.run?.pictures?.[key];
  if (state.image && category && !isImageUsed())
    return t("image.sent_once", { category: categoryTitle(category.name) });
  if (state.image) return "";
  if (runImage) return t("image.run_has", { image: describeRunImage(runImage) });
  return t("image.hint");
}

function setField(key, value) {
  const { [key]: _, ...fieldErrors } = state.fieldErrors;
  setState({ brief: { ...state.brief, [key]: value }, fieldErrors });
}

/** What is wrong with a field stands at it, in place of its hint; a new problem takes the focus. */
function showFieldProblem(key, hint) {
  const [input, text] = [byId(`field-${key}`), byId(`field-${key}-hint`)];
  const problem = state.fieldErrors[key];
  const isNew = problem && !input.hasAttribute("aria-invalid");
  if (problem) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
  text.classList.toggle("field-error", Boolean(problem));
  setText(text, problem || hint ? sentence(problem || fromServer(hint)) : "");
  if (!isNew) return;
  unfold("brief");
  setTimeout(() => input.focus()); // once it is shown
}

/**
 * Whether the first field has a value or a default and every value has the form of its field; what
 * is wrong is shown at the fields. Other empty fields are asked for by the run.
 */
export function validateBrief() {
  const [first, ...others] = briefFields();
  const fieldErrors = {};
  if (first && !first.default && !valueOf(first)) fieldErrors[first.key] = t("brief.required");
  for (const field of others) {
    const value = valueOf(field);
    if (value && field.pattern && !matches(value, field)) fieldErrors[field.key] = fromServer(field.hint);
  }
  setState({ fieldErrors });
  return Object.keys(fieldErrors).length === 0;
}

function valueOf({ key }) {
  return (state.brief[key] ?? "").trim();
}

/** Whether a value has a field's form; a form that browsers cannot read is left to the server. */
function matches(value, { pattern }) {
  try {
    return new RegExp(`^(?:${pattern})$`, "u").test(value);
  } catch {
    return true;
  }
}
