// The toolbar of the open run: its name and status, stop and delete.

import { currentActivity, pauseText } from "./activity.js";
import { button, byId, el, renderIfChanged } from "./dom.js";
import { formatDate } from "./format.js";
import { deleteRun, interruptRun, openRun } from "./run_actions.js";
import { isRunning, subjectOf } from "./selectors.js";
import { state } from "./store.js";

const RUN_STATUS = {
  succeeded: "done",
  failed: "failed",
  interrupted: "interrupted",
  stopped: "stopped at the review",
};

let confirming = null; // the run whose deletion is to be confirmed

export function renderRunToolbar() {
  const { run, status, started, question, until } = state.run ?? {};
  if (confirming !== run) confirming = null;
  byId("run-toolbar").hidden = !run;
  const inputs = [run, status, started, question?.key, until, confirming, currentActivity()];
  renderIfChanged(byId("run-toolbar"), inputs, () =>
    run
      ? [
          el(
            "p",
            {},
            el("span", { class: "name" }, run),
            " ",
            el("span", { class: "muted" }, `${statusText(state.run)}, ${formatDate(started)}`),
          ),
          el("div", { class: "actions" }, confirming ? confirmation(run) : runActions(run)),
        ]
      : [],
  );
}

/** A run's status; of a waiting run, what it waits for, in the words of the page. */
function statusText({ status, question, until }) {
  const { kind, label } = currentActivity() ?? {};
  if (kind) return kind === "writing" ? "running" : label.toLowerCase();
  if (status in RUN_STATUS) return RUN_STATUS[status];
  if (!question) return pauseText(until);
  const { field, category, stillOf, isReview } = subjectOf(question);
  if (field) return "waiting for the brief";
  if (category) return "waiting for model groups";
  if (stillOf) return "waiting for the image to animate";
  if (isReview) return "waiting for you to accept the prompts";
  return question.kind === "paste" ? "waiting for the chat's reply" : "waiting for you";
}

function runActions(run) {
  return [
    isRunning()
      ? button("Stop", interruptRun, { class: "link-button" })
      : button("Delete", () => confirm(run), { class: "link-button", id: "delete-run" }),
    button("New run", () => openRun(null)),
  ];
}

function confirmation(run) {
  return [
    el("span", {}, "Delete this run permanently?"),
    button("Delete", () => deleteRun(run), { class: "link-button", id: "confirm-delete" }),
    button("Keep", () => confirm(null), { class: "link-button" }),
  ];
}

function confirm(run) {
  confirming = run;
  renderRunToolbar();
  byId(run ? "confirm-delete" : "delete-run")?.focus();
}
