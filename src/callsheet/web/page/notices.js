// Messages above the content: a lost connection, an error, a missing API key, each with its next steps.

import { pauseText } from "./activity.js";
import { button, byId, el, inlineCode, renderIfChanged } from "./dom.js";
import { describeError } from "./error_texts.js";
import { unfold } from "./folding.js";
import { capitalize, sentence } from "./format.js";
import { focusLlm, selectedLlm } from "./llm_picker.js";
import { nextAction } from "./next_action.js";
import { performNextAction } from "./primary_button.js";
import { openRun, resumeRun } from "./run_actions.js";
import { messageWithStep } from "./selectors.js";
import { setState, state } from "./store.js";

const STANDING = ["failed", "interrupted", "waiting"]; // a run of this status can be resumed

/** The next steps that an error may offer, by name: what the button says and does. */
const STEPS = {
  paste: ["Paste into a chat instead", () => useLlm("paste")],
  offline: ["Use offline drafts", () => useLlm("offline")],
  llm: ["Choose another LLM", focusLlm],
  groups: ["Change the groups", () => goTo("groups")],
  brief: ["Change the idea", () => goTo("brief")],
  new: ["Start a new run", () => openRun(null)],
};

let shown = 0;

export function renderNotices() {
  const found = [connectionNotice(), errorNotice(), failureNotice(), pauseNotice(), keyNotice()];
  const notices = found.filter(Boolean);
  // Functions are no plain data: they are left out of what is compared.
  renderIfChanged(byId("notices"), notices, () => notices.map(notice));
  if (notices.length === shown) return;
  shown = notices.length;
  // What else stays in view while scrolling stands below the notices.
  document.body.style.setProperty("--notices-height", `${byId("notices").offsetHeight}px`);
}

function notice({ text, hint, detail, isError, buttons = [] }) {
  const message = inlineCode(sentence(text));
  return el(
    "div",
    { class: isError ? "notice error" : "notice", role: isError ? "alert" : "status" },
    el("p", {}, isError ? el("strong", {}, message) : message),
    hint && el("p", { class: "hint" }, inlineCode(sentence(hint))),
    detail && el("p", { class: "hint small" }, "The server said: ", inlineCode(sentence(detail))),
    buttons.length > 0 &&
      el(
        "div",
        { class: "actions" },
        buttons.map(([label, onClick], index) =>
          button(label, onClick, { class: index > 0 && "link-button" }),
        ),
      ),
  );
}

function connectionNotice() {
  if (state.connected) return null;
  return {
    text: "The connection to the server is lost",
    hint: "Nothing is lost: this page goes on as soon as the server answers",
  };
}

function errorNotice() {
  const { error, connected } = state;
  if (!error || (!connected && error.status === 0)) return null;
  const { status, code, isNavigation, more, repeat } = error;
  const problems = (more?.problems ?? []).map((each) => `${each.path} ${each.message}`);
  const { text, hint, detail, steps } = describeError(error, state.llm);
  const isGone = isNavigation || status === 404;
  const buttons = stepButtons(isGone ? ["new"] : steps, repeat && ["Try again", repeat]);
  return {
    isError: true,
    text,
    hint: [hint, problems.join("; ")].filter(Boolean).join(" "),
    detail: code === "no_such_run" ? "" : detail,
    buttons: isGone ? buttons : [...buttons, ["Dismiss", () => setState({ error: null })]],
  };
}

function stepButtons(steps, again) {
  return steps.map((step) => (step === "again" ? again : STEPS[step])).filter(Boolean);
}

function failureNotice() {
  const { status, error, llm } = state.run ?? {};
  if (!["failed", "interrupted"].includes(status) || !error) return null;
  if (state.error?.code === error.code) return null; // said already
  const { text, hint, detail, steps } = describeError(error, llm);
  const { kind, label } = nextAction();
  const isUnsaved = status === "interrupted";
  const again = kind === "resume" && [label, performNextAction];
  const others = steps.filter((step) => step !== "again");
  return {
    isError: true,
    text: messageWithStep({ ...error, message: text }),
    hint: isUnsaved ? `${hint}; then resume, which first stores what is shown here` : hint,
    detail,
    buttons: stepButtons(["again", ...others], again),
  };
}

function pauseNotice() {
  const { status, until, error, llm } = state.run ?? {};
  if (status !== "waiting" || !until) return null;
  const { text, detail } = error ? describeError(error, llm) : { text: "The provider asks for a pause" };
  return {
    text: `${capitalize(pauseText(until))}: ${text}`,
    hint: "It goes on when you press the button; what is written is kept.",
    detail,
    buttons: stepButtons(["again", "paste", "llm"], ["Try now", performNextAction]),
  };
}

function keyNotice() {
  const { spec, key } = selectedLlm();
  if (key !== "missing") return null;
  const code = "provider_key_missing";
  if ([state.error?.code, state.run?.error?.code].includes(code)) return null; // said already
  const { text, hint, steps } = describeError({ code }, spec);
  return { text, hint, buttons: stepButtons(steps) };
}

/** Selects an LLM, and has a run that stands still go on with it. */
async function useLlm(llm) {
  setState({ llm, error: null });
  const { status, question } = state.run ?? {};
  if (STANDING.includes(status) && !question) await resumeRun({ llm });
}

function goTo(section) {
  unfold(section);
  // Once it is shown.
  setTimeout(() => byId(section).querySelector("textarea, input")?.focus());
}
