// The toolbar of the open run: its name and status, downloads, stop and delete.

import { apiPath, get } from "./api_client.js";
import { button, byId, el, renderIfChanged } from "./dom.js";
import { formatDate } from "./format.js";
import { deleteRun, interruptRun, openRun } from "./run_actions.js";
import { isRunning } from "./selectors.js";
import { state } from "./store.js";

const STATUS = {
  running: "running",
  waiting: "waiting for an answer",
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
  const { run, status, started, exports } = state.run ?? {};
  if (confirming !== run) confirming = null;
  byId("run-toolbar").hidden = !run;
  renderIfChanged(byId("run-toolbar"), [run, status, started, confirming, formats, exports], () =>
    run
      ? [
          el(
            "p",
            {},
            el("span", { class: "name" }, run),
            " ",
            el("span", { class: "muted" }, `${STATUS[status] ?? status}, ${formatDate(started)}`),
          ),
          el("div", { class: "actions" }, confirming ? confirmation(run) : actions(run)),
        ]
      : [],
  );
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
