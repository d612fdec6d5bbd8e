// What the run asks, in the form of its kind; the terminal may answer first, and then it is gone here.

import { at, button, inside, make, spoken } from "./element.js";
import { copyFrom } from "./copying.js";
import { answer } from "./deeds.js";
import { newPicturePlace } from "./picture.js";
import { change, flatten, leavesOf, sheet } from "./sheet.js";

let drawn = "";

export function drawQuestion() {
  const question = sheet.run?.question;
  at("question").hidden = !question;
  const shape = question ? JSON.stringify([sheet.run.run, question]) : "";
  if (shape === drawn) return;
  drawn = shape;
  inside("question").replaceChildren(...(question ? draw(question) : []));
}

function draw(question) {
  const wrong = make("p", { class: "stop", role: "alert" });
  const say = async (value) => {
    const trouble = await answer(value);
    // The sentence belongs here, beside the answer that it is about.
    if (trouble?.code === "bad_answer")
      wrong.textContent = [trouble.message, trouble.hint].filter(Boolean).join("; ");
    return trouble;
  };
  const asked = make("p", { class: "asked", id: "asked" }, ...spoken(question.text));
  const form = FORMS[question.kind] ?? FORMS.text;
  return [asked, show(question), form(question, say), wrong].filter(Boolean);
}

/** What is to be looked at before the answer, unless it stands among the prompts already. */
function show({ kind, show: shown }) {
  if (typeof shown === "string")
    return passage(shown, kind === "paste" ? "what to paste" : "the text");
  if (shown === null || typeof shown !== "object") return null;
  const seen = new Set(leavesOf(sheet.run.prompts).map((leaf) => leaf.text));
  const unseen = Object.entries(shown)
    .flatMap(([name, value]) => flatten(name, value))
    .filter(({ text: each }) => !seen.has(each));
  return unseen.length
    ? passage(unseen.map(({ name, text: each }) => `${name}\n${each}`).join("\n\n"), "the text")
    : null;
}

function passage(text, what) {
  const pressed = (event) => copyFrom(event.currentTarget, text, what);
  return make(
    "div",
    {},
    make("pre", { class: "show", tabindex: "0", "aria-label": what }, text),
    button(`Copy ${what}`, pressed),
  );
}

const FORMS = {
  text: (question, say) =>
    written(question, say, make("input", { type: "text", value: question.default ?? "" })),
  lines: (question, say) =>
    written(
      question,
      say,
      make("textarea", { value: typeof question.show === "string" ? question.show : "" }),
    ),
  paste: (question, say) =>
    written(question, say, make("textarea", { placeholder: "the chat's reply" })),
  choice: (question, say) =>
    make(
      "div",
      { class: "choices" },
      ...question.options.map((option) => {
        const about = { class: option.name === question.default ? "standing" : "" };
        const pressed = button(option.label, () => say(option.name), about);
        if (option.detail) pressed.append(make("span", { class: "detail" }, option.detail));
        return pressed;
      }),
    ),
  choices: (question, say) => several(question, say),
  picture: (question, say) => pictured(question, say),
};

function written(question, say, input) {
  input.setAttribute("aria-labelledby", "asked");
  if (question.kind !== "paste" && question.max_length) input.maxLength = question.max_length;
  const submit = (event) => {
    event.preventDefault();
    say(input.value);
  };
  const hint = question.hint ? make("p", { class: "small soft" }, question.hint) : null;
  return make(
    "form",
    { class: "answer", on: { submit } },
    input,
    hint,
    make("button", { type: "submit" }, "Answer"),
  );
}

/** A picture, the one of the scene if there is one already; an empty answer goes without. */
function pictured({ default: kept }, say) {
  const place = newPicturePlace("The picture", () => (sheet.picture ? "" : "PNG, JPEG or WebP, up to 5 MB"));
  const submit = async (event) => {
    event.preventDefault();
    if (!sheet.picture) return place.element.querySelector("button:not([hidden])").focus();
    const { picture } = sheet;
    if (!(await say(picture.data))) change({ picture: { ...picture, sentTo: sheet.run.run } });
  };
  return make(
    "form",
    { class: "answer", on: { submit } },
    place.element,
    make(
      "div",
      { class: "choices" },
      make("button", { type: "submit" }, "Answer"),
      kept ? button("Keep the one it has", () => say("")) : null,
      button("Go without", () => say("none")),
    ),
  );
}

function several(question, say) {
  const standing = new Set(Array.isArray(question.default) ? question.default : []);
  const boxes = question.options.map((option) =>
    make("input", { type: "checkbox", value: option.name, checked: standing.has(option.name) }),
  );
  const submit = (event) => {
    event.preventDefault();
    say(boxes.filter((box) => box.checked).map((box) => box.value));
  };
  const rows = question.options.map((option, index) =>
    make(
      "label",
      { class: "option" },
      boxes[index],
      make(
        "span",
        {},
        option.label,
        option.detail ? make("span", { class: "soft" }, ` ${option.detail}`) : null,
      ),
    ),
  );
  return make(
    "form",
    { class: "answer", role: "group", "aria-labelledby": "asked", on: { submit } },
    ...rows,
    make(
      "div",
      { class: "choices" },
      make("button", { type: "submit" }, "Answer"),
      question.may_skip ? button("None", () => say([])) : null,
    ),
  );
}
