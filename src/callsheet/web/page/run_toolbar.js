// The toolbar of the open run: its name and status, downloads, stop and delete.

import { apiPath, get } from "./api_client.js";
import { button, byId, el, renderIfChanged } from "./dom.js";
import { formatDate, formatTime } from "./format.js";
import { deleteRun, interruptRun, openRun } from "./run_actions.js";
import { isRunning, subjectOf } from "./selectors.js";
import { state } from "./store.js";

const STATUS = {
  running: "running",
  succeeded: "done",
  failed: "failed",
  interrupted: "interrupted",
  stopped: "stopped at the review",
};

let formats = []; // export formats
let confirming = null; // the run whose deletion is to be confirmed

export async function loadExportFormats() {
  formats = await get(apiPath("exports"));
}

export function renderRunToolbar() {
  const { run, status, started, question, until, exports } = state.run ?? {};
  if (confirming !== run) confirming = null;
  byId("run-toolbar").hidden = !run;
  const inputs = [run, status, started, question?.key, until, confirming, formats, exports];
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
          el("div", { class: "actions" }, confirming ? confirmation(run) : actions(run)),
        ]
      : [],
  );
}

/** A run's status; of a waiting run, what it waits for, in the words of the page. */
function statusText({ status, question, until }) {
  if (status in STATUS) return STATUS[status];
  if (!question) return until ? `paused until ${formatTime(until)}` : "paused";
  const { field, category, stillOf, isReview } = subjectOf(question);
  if (field) return "waiting for the brief";
  if (category) return "waiting for model groups";
  if (stillOf) return "waiting for the image to animate";
  if (isReview) return "waiting for you to accept the prompts";
  return question.kind === "paste" ? "waiting for the chat's reply" : "waiting for you";
}

function actions(run) {
  return [
    isRunning()
      ? button("Stop", interruptRun, { class: "link-button" })
      : [
          downloads(run),
          button("Delete", () => confirm(run), { class: "link-button", id: "delete-run" }),
        ],
    button("New run", () => openRun(null)),
  ];
}

/** The export formats that have a place for one of the run's prompts. */
function downloads(run) {
  const links = formats
    .filter(({ name }) => state.run.exports?.includes(name))
    .map(({ name, title }) => {
      const href = `${apiPath("runs", run, "download")}?format=${encodeURIComponent(name)}`;
      const label = `Download as ${title}`;
      return el("a", { class: "link-button", href, download: true, "aria-label": label }, title);
    });
  return links.length > 0 && [el("span", { class: "muted" }, "Download"), links];
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
