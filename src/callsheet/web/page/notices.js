// Messages above the content: a lost connection, an error, a missing API key, each with one action.

import { button, byId, el, inlineCode, renderIfChanged } from "./dom.js";
import { capitalize, formatTime } from "./format.js";
import { selectedLlm } from "./llm_picker.js";
import { nextAction } from "./next_action.js";
import { performNextAction } from "./primary_button.js";
import { openRun } from "./run_actions.js";
import { messageWithStep } from "./selectors.js";
import { setState, state } from "./store.js";

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

function notice({ text, hint, isError, action, onClick }) {
  const message = sentence(text);
  return el(
    "div",
    { class: isError ? "notice error" : "notice", role: isError ? "alert" : "status" },
    el("p", {}, isError ? el("strong", {}, message) : message),
    hint && el("p", { class: "hint" }, sentence(hint)),
    action && el("div", { class: "actions" }, button(action, onClick)),
  );
}

/** A message as a sentence: the server's begin in lower case and have no full stop. */
function sentence(text) {
  return inlineCode(capitalize(/[.!?…:]$/.test(text) ? text : `${text}.`));
}

function connectionNotice() {
  if (state.connected) return null;
  return {
    text: "the connection to the server is lost",
    hint: "nothing is lost; this page reconnects as soon as `callsheet serve` answers",
  };
}

function errorNotice() {
  const { error, connected } = state;
  if (!error || (!connected && error.status === 0)) return null;
  const { message, hint, status, code, isNavigation, more, repeat } = error;
  const problems = (more?.problems ?? []).map((each) => `${each.path} ${each.message}`);
  const isGone = isNavigation || status === 404;
  const content = {
    isError: true,
    text: message,
    hint: [hint, problems.join("; ")].filter(Boolean).join(" · "),
  };
  if (isGone) return { ...content, action: "Start a new run", onClick: () => openRun(null) };
  if (code?.startsWith("storage") && repeat)
    return { ...content, action: "Try again", onClick: repeat };
  return { ...content, action: "Dismiss", onClick: () => setState({ error: null }) };
}

function failureNotice() {
  const { status, error } = state.run ?? {};
  if (!["failed", "interrupted"].includes(status) || !error) return null;
  if (state.error?.code === error.code) return null; // said already
  const { kind, label } = nextAction();
  const isUnsaved = status === "interrupted";
  return {
    isError: true,
    text: messageWithStep(error),
    hint: isUnsaved ? `${error.hint}; then resume, which first stores what is shown here` : error.hint,
    action: kind === "resume" && label,
    onClick: performNextAction,
  };
}

function pauseNotice() {
  const { status, until, error } = state.run ?? {};
  if (status !== "waiting" || !until) return null;
  return {
    text: error ? messageWithStep(error) : "the provider asks for a pause",
    hint: `it can be resumed at ${formatTime(until)}`,
    action: "Try now",
    onClick: performNextAction,
  };
}

function keyNotice() {
  const { spec, key, variables = [] } = selectedLlm();
  if (key !== "missing") return null;
  return {
    text: `the API key for ${spec} is missing`,
    hint: `set ${variables.join(" or ")} where \`callsheet serve\` is started, and restart it`,
    action: "Use offline drafts",
    onClick: () => setState({ llm: "offline" }),
  };
}
