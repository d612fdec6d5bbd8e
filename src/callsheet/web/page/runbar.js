// The open run's name and what can be done with the whole of it: take it away, stop it, delete it.

import { at, button, make } from "./element.js";
import { forget, interrupt, open } from "./deeds.js";
import { when } from "./figures.js";
import { get, path } from "./server.js";
import { isUnderWay, sheet } from "./sheet.js";

const STANDS = {
  running: "is being written",
  waiting: "waits for an answer",
  succeeded: "is done",
  failed: "failed",
  interrupted: "was interrupted",
  stopped: "was ended at the review",
};

let formats = [];
let drawn = "";
let asking = false;

export async function loadFormats() {
  formats = await get(path("exports"));
}

export function drawRunbar() {
  const { run, status, started, exports } = sheet.run ?? {};
  const shape = JSON.stringify([run, status, started, asking, formats, exports]);
  if (shape === drawn) return;
  if (JSON.parse(drawn || "[]")[0] !== run) asking = false;
  drawn = shape;
  at("open-run").hidden = !run;
  at("open-run").replaceChildren(...(run ? draw(run, status, started) : []));
}

function draw(run, status, started) {
  return [
    make(
      "p",
      {},
      make("span", { class: "name" }, run),
      " ",
      make("span", { class: "soft" }, `${STANDS[status] ?? status}, ${when(started)}`),
    ),
    make("div", { class: "deeds" }, ...(asking ? sure(run) : deeds(run))),
  ];
}

function deeds(run) {
  // Only the forms that have a place for one of these prompts.
  const fitting = formats.filter(({ name }) => sheet.run.exports?.includes(name));
  const files = fitting.map(({ name, title }) =>
    make(
      "a",
      {
        class: "quiet",
        href: `${path("runs", run, "download")}?format=${encodeURIComponent(name)}`,
        download: true,
        "aria-label": `Download as ${title}`,
      },
      title,
    ),
  );
  return [
    ...(isUnderWay()
      ? [button("Stop", interrupt, { class: "quiet" })]
      : [
          files.length ? make("span", { class: "soft" }, "Download") : null,
          ...files,
          button("Delete", () => ask(true), { class: "quiet", id: "delete-run" }),
        ]),
    button("New sheet", () => open(null)),
  ];
}

function sure(run) {
  return [
    make("span", {}, "Delete it for good?"),
    button("Delete", () => forget(run), { class: "quiet", id: "delete-surely" }),
    button("Keep", () => ask(false), { class: "quiet" }),
  ];
}

function ask(now) {
  asking = now;
  drawRunbar();
  at(now ? "delete-surely" : "delete-run")?.focus();
}
