// The toolbar of the open run: its name and status, stop and delete.

import { currentActivity, pauseText } from "./activity.js";
import { button, byId, el, renderIfChanged } from "./dom.js";
import { hasDraft } from "./draft.js";
import { formatDate } from "./format.js";
import { t } from "./language.js";
import { deleteRun, duplicateRun, interruptRun, openRun } from "./run_actions.js";
import { favouriteButton, noteBody, noteButton, noteInputs } from "./run_note.js";
import { isRunning, subjectOf } from "./selectors.js";
import { state } from "./store.js";

const ENDED = ["succeeded", "failed", "interrupted", "stopped"];

let confirming = null; // what is to be confirmed: the `run`, and the `action`, "delete" or "duplicate"

export function renderRunToolbar() {
  const { run, status, started, question, until } = state.run ?? {};
  if (confirming?.run !== run) confirming = null;
  byId("run-toolbar").hidden = !run;
  const about = noteInputs();
  const inputs = [run, status, started, question?.key, until, confirming, currentActivity(), about];
  renderIfChanged(byId("run-toolbar"), inputs, () => {
    if (!run) return [];
    const current = t("run.status", { status: statusText(state.run), date: formatDate(started) });
    const { title } = state.run.noted;
    return [
      el(
        "p",
        {},
        favouriteButton(),
        title && [el("strong", { dir: "auto" }, title), " "],
        el("span", { class: "name" }, run),
        " ",
        el("span", { class: "muted" }, current),
      ),
      el("div", { class: "actions" }, confirming ? confirmation(run) : runActions(run)),
      noteBody(),
    ];
  });
}

/** A run's status; of a waiting run, what it waits for, in the words of the page. */
function statusText({ status, question, until }) {
  const activity = currentActivity();
  if (activity) return activity.status;
  if (ENDED.includes(status)) return t(`run_status.${status}`);
  if (!question) return pauseText(until);
  const { field, category, stillOf, isReview } = subjectOf(question);
  if (field) return t("run_status.asks_brief");
  if (category) return t("run_status.asks_groups");
  if (stillOf) return t("run_status.asks_still");
  if (isReview) return t("run_status.asks_review");
  return t(question.kind === "paste" ? "run_status.asks_reply" : "run_status.asks");
}

function runActions(run) {
  return [
    noteButton(renderRunToolbar),
    button(t("run.duplicate"), () => (hasDraft() ? confirm(run, "duplicate") : duplicateRun()), {
      class: "link-button",
      id: "duplicate-run",
    }),
    isRunning()
      ? button(t("action.stop"), interruptRun, { class: "link-button" })
      : button(t("action.delete"), () => confirm(run, "delete"), { class: "link-button", id: "delete-run" }),
    button(t("run.new"), () => openRun(null)),
  ];
}

function confirmation(run) {
  const { action } = confirming;
  const isDeletion = action === "delete";
  const act = () => (isDeletion ? deleteRun(run) : duplicateRun());
  return [
    el("span", {}, t(isDeletion ? "run.confirm_delete" : "run.confirm_duplicate")),
    button(t(isDeletion ? "action.delete" : "run.duplicate"), act, {
      class: "link-button",
      id: `confirm-${action}`,
    }),
    button(t("action.keep"), () => confirm(null, action), { class: "link-button" }),
  ];
}

function confirm(run, action) {
  confirming = run && { run, action };
  renderRunToolbar();
  byId(run ? `confirm-${action}` : `${action}-run`)?.focus();
}
