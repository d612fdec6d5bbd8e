// The toolbar of the open run: its name and status, stop and delete.

import { currentActivity, pauseText } from "./activity.js";
import { button, byId, el, renderIfChanged } from "./dom.js";
import { formatDate } from "./format.js";
import { t } from "./language.js";
import { deleteRun, interruptRun, openRun } from "./run_actions.js";
import { isRunning, subjectOf } from "./selectors.js";
import { state } from "./store.js";

const ENDED = ["succeeded", "failed", "interrupted", "stopped"];

let confirming = null; // the run whose deletion is to be confirmed

export function renderRunToolbar() {
  const { run, status, started, question, until } = state.run ?? {};
  if (confirming !== run) confirming = null;
  byId("run-toolbar").hidden = !run;
  const inputs = [run, status, started, question?.key, until, confirming, currentActivity()];
  renderIfChanged(byId("run-toolbar"), inputs, () => {
    if (!run) return [];
    const about = t("run.status", { status: statusText(state.run), date: formatDate(started) });
    return [
      el("p", {}, el("span", { class: "name" }, run), " ", el("span", { class: "muted" }, about)),
      el("div", { class: "actions" }, confirming ? confirmation(run) : runActions(run)),
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
    isRunning()
      ? button(t("action.stop"), interruptRun, { class: "link-button" })
      : button(t("action.delete"), () => confirm(run), { class: "link-button", id: "delete-run" }),
    button(t("run.new"), () => openRun(null)),
  ];
}

function confirmation(run) {
  return [
    el("span", {}, t("run.confirm_delete")),
    button(t("action.delete"), () => deleteRun(run), { class: "link-button", id: "confirm-delete" }),
    button(t("action.keep"), () => confirm(null), { class: "link-button" }),
  ];
}

function confirm(run) {
  confirming = run;
  renderRunToolbar();
  byId(run ? "confirm-delete" : "delete-run")?.focus();
}
