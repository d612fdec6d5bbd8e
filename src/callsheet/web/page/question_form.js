// The form for a question that no other part of the page asks: a chat's reply, an image, a choice.

import { copyText } from "./clipboard.js";
import { button, byId, el, inlineCode, renderIfChanged, sectionBody, setText } from "./dom.js";
import { createImagePicker } from "./image_picker.js";
import { fromServer, t } from "./language.js";
import { answerQuestion } from "./run_actions.js";
import { scrollToQuestion } from "./scrolling.js";
import { flattenPrompt, promptTexts, subjectOf } from "./selectors.js";
import { setState, state } from "./store.js";

const HEADINGS = { paste: "question.chat", picture: "image.title" };

export function renderQuestion() {
  const { run } = state.run ?? {};
  const question = shownQuestion();
  byId("question").hidden = !question;
  setText(byId("question-heading"), t(HEADINGS[question?.kind] ?? "question.title"));
  renderIfChanged(sectionBody("question"), question ? [run, question] : null, () =>
    question ? questionForm(question) : [],
  );
  scrollToQuestion();
}

/** The open question, unless the brief, the groups or the prompts show what it asks for. */
function shownQuestion() {
  const { question } = state.run ?? {};
  return question && !Object.values(subjectOf(question)).some(Boolean) ? question : undefined;
}

function questionForm(question) {
  const error = el("p", { class: "error", role: "alert" });
  const answer = async (value) => {
    const failure = await answerQuestion(value);
    if (failure?.code === "bad_answer")
      error.textContent = [failure.message, failure.hint].filter(Boolean).join("; ");
    return failure;
  };
  const form = FORMS[question.kind] ?? FORMS.text;
  return [
    el("p", { class: "question-text", id: "question-text" }, inlineCode(fromServer(question.text))),
    context(question),
    form(question, answer),
    error,
  ];
}

/** What the question is about, unless it is shown among the prompts. */
function context({ kind, show }) {
  const label = t(kind === "paste" ? "question.text_to_paste" : "question.text");
  if (typeof show === "string") return copyable(show, label);
  const shown = new Set(promptTexts(state.run.prompts).map(({ text }) => text));
  const texts = Object.entries(show ?? {})
    .flatMap(([name, value]) => flattenPrompt(name, value))
    .filter(({ text }) => !shown.has(text))
    .map(({ name, text }) => `${name}\n${text}`);
  return texts.length > 0 && copyable(texts.join("\n\n"), label);
}

function copyable(text, label) {
  return el(
    "div",
    {},
    el("pre", { class: "question-context", tabindex: "0", "aria-label": label }, text),
    button(t("action.copy_what", { what: label }), ({ currentTarget }) =>
      copyText(currentTarget, text, label),
    ),
  );
}

const FORMS = {
  text: (question, answer) =>
    textForm(question, answer, el("input", { type: "text", value: question.default })),
  lines: (question, answer) => {
    const value = typeof question.show === "string" ? question.show : "";
    return textForm(question, answer, el("textarea", { value }));
  },
  paste: (question, answer) =>
    textForm(question, answer, el("textarea", { placeholder: t("question.chat_reply") })),
  choice: ({ options }, answer) =>
    el(
      "div",
      { class: "choices" },
      options.map(({ name, label, detail }) => {
        const choice = button(label, () => answer(name));
        if (detail) choice.append(el("span", { class: "detail" }, detail));
        return choice;
      }),
    ),
  choices: choicesForm,
  picture: imageForm,
};

function textForm({ kind, hint, max_length: maxLength }, answer, input) {
  input.id = "question-answer";
  input.setAttribute("aria-labelledby", "question-text");
  if (kind !== "paste" && maxLength) input.maxLength = maxLength;
  return answerForm({}, () => answer(input.value), [
    input,
    hint && el("p", { class: "small muted" }, hint),
    submitButton(),
  ]);
}

function answerForm(attributes, onSubmit, children) {
  const submit = (event) => {
    event.preventDefault();
    onSubmit();
  };
  return el("form", { class: "answer-form", ...attributes, on: { submit } }, children);
}

function submitButton() {
  return el("button", { type: "submit" }, t("action.answer"));
}

/** Asks for an image; an empty answer keeps the current one, "none" continues without one. */
function imageForm({ default: current }, answer) {
  const hint = () => (state.image ? "" : t("image.kinds"));
  const { element } = createImagePicker(t("image.title"), hint);
  const submit = async () => {
    const { image } = state;
    if (!image) return element.querySelector("button:not([hidden])").focus();
    if (!(await answer(image.data))) setState({ image: { ...image, sentTo: state.run.run } });
  };
  const buttons = [
    submitButton(),
    current && button(t("image.keep"), () => answer("")),
    button(t("image.without"), () => answer("none")),
  ];
  return answerForm({}, submit, [element, el("div", { class: "choices" }, buttons)]);
}

/** The models of an option that can be chosen alone, as options. */
function singleModels(name, models = []) {
  if (models.length < 2) return [];
  return models.map((model) => ({ name: `${name}/${model}`, label: model, isModel: true }));
}

function choicesForm(question, answer) {
  const defaults = new Set(Array.isArray(question.default) ? question.default : []);
  const listed = question.options.filter(({ name, successor }) => !successor || defaults.has(name));
  const options = listed.flatMap((option) => [
    option,
    ...singleModels(option.name, question.models?.[option.name]),
  ]);
  const boxes = options.map(({ name }) =>
    el("input", { type: "checkbox", value: name, checked: defaults.has(name) }),
  );
  const submit = () => answer(boxes.filter((box) => box.checked).map((box) => box.value));
  const rows = options.map(({ label, detail, isModel }, index) =>
    el(
      "label",
      { class: isModel ? "option model-option" : "option" },
      boxes[index],
      el("span", {}, label, detail && el("span", { class: "muted" }, ` ${detail}`)),
    ),
  );
  const buttons = [submitButton(), question.may_skip && button(t("question.none"), () => answer([]))];
  const attributes = { role: "group", "aria-labelledby": "question-text" };
  return answerForm(attributes, submit, [rows, el("div", { class: "choices" }, buttons)]);
}
