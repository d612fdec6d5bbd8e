// Messages above the content: a lost connection, an error, a missing API key, each with its next steps.

import { pauseText } from "./activity.js";
import { button, byId, el, inlineCode, renderIfChanged } from "./dom.js";
import { describeError, serverSaid } from "./error_texts.js";
import { unfold } from "./folding.js";
import { capitalize, sentence } from "./format.js";
import { t } from "./language.js";
import { focusLlm, selectedLlm } from "./llm_picker.js";
import { nextAction } from "./next_action.js";
import { performNextAction } from "./primary_button.js";
import { openRun, resumeRun } from "./run_actions.js";
import { messageWithStep } from "./selectors.js";
import { setState, state } from "./store.js";

const STANDING = ["failed", "interrupted", "waiting"]; // a run of this status can be resumed

/** The next steps that an error may offer, by name: what the button does; it says `help.NAME`. */
const STEPS = {
  paste: () => useLlm("paste"),
  offline: () => useLlm("offline"),
  llm: focusLlm,
  groups: () => goTo("groups"),
  brief: () => goTo("brief"),
  new: () => openRun(null),
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
    detail && el("p", { class: "hint small" }, inlineCode(serverSaid(detail))),
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
    text: t("notice.connection"),
    hint: t("notice.connection_hint"),
  };
}

function errorNotice() {
  const { error, connected } = state;
  if (!error || (!connected && error.status === 0)) return null;
  const { status, code, isNavigation, more, repeat } = error;
  const problems = (more?.problems ?? []).map((each) => `${each.path} ${each.message}`);
  const { text, hint, detail, steps } = describeError(error, state.llm);
  const isGone = isNavigation || status === 404;
  const buttons = stepButtons(isGone ? ["new"] : steps, repeat && [t("next.try_again"), repeat]);
  return {
    isError: true,
    text,
    hint: [hint, problems.join("; ")].filter(Boolean).join(" "),
    detail: code === "no_such_run" ? "" : detail,
    buttons: isGone ? buttons : [...buttons, [t("action.dismiss"), () => setState({ error: null })]],
  };
}

function stepButtons(steps, again) {
  const buttonOf = (step) => (step === "again" ? again : [t(`help.${step}`), STEPS[step]]);
  return steps.map(buttonOf).filter(Boolean);
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
    hint: isUnsaved ? `${sentence(hint)} ${t("notice.resume_stores")}` : hint,
    detail,
    buttons: stepButtons(["again", ...others], again),
  };
}

function pauseNotice() {
  const { status, until, error, llm } = state.run ?? {};
  if (status !== "waiting" || !until) return null;
  const { detail } = error ? describeError(error, llm) : {};
  return {
    text: t("text.titled", { title: capitalize(pauseText(until)), text: t("notice.pause") }),
    hint: t("notice.pause_hint"),
    detail,
    buttons: stepButtons(["again", "paste", "llm"], [t("next.try_now"), performNextAction]),
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
