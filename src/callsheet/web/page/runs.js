// The runs of before: searchable, newest first, each with how it stands.

import { at, button, make, setText } from "./element.js";
import { count, when } from "./figures.js";
import { change, sheet } from "./sheet.js";
import { get, Trouble } from "./server.js";

const SHORT = {
  succeeded: "✓",
  waiting: "asks",
  running: "writing",
  failed: "failed",
  interrupted: "stopped midway",
  stopped: "ended",
};
const PAUSE = 150; // milliseconds after the last key
const MOST = 40;

let parts = null;
let next = null;
let search = "";
let turn = 0;

function build() {
  const input = make("input", {
    type: "search",
    id: "search-runs",
    autocomplete: "off",
    on: { input: look },
  });
  const sheets = make("ol", { id: "batch-list", "aria-label": "Sheets of many ideas" });
  const list = make("ol", { id: "run-list" });
  const none = make("p", { class: "soft" });
  const more = button("Older runs", () => load(next), { class: "quiet more", hidden: true });
  at("runs").replaceChildren(
    make("h2", { class: "heading" }, "Runs"),
    make("label", { for: "search-runs", class: "unseen" }, "Search the runs"),
    input,
    sheets,
    list,
    none,
    more,
  );
  input.placeholder = "search";
  at("runs-toggle").addEventListener("click", () => {
    const open = at("runs").classList.toggle("open");
    at("runs-toggle").setAttribute("aria-expanded", String(open));
  });
  return { sheets, list, none, more };
}

let timer = 0;

function look(event) {
  search = event.target.value.trim();
  clearTimeout(timer);
  timer = setTimeout(() => load(), PAUSE);
}

/** Asks for the list, or for what follows on it. */
export async function load(after = null) {
  const mine = ++turn;
  const asked = new URLSearchParams({
    limit: MOST,
    ...(search && { search }),
    ...(after && { after }),
  });
  try {
    const [told, batches] = await Promise.all([get(`/api/runs?${asked}`), get("/api/batches")]);
    if (mine !== turn) return;
    next = told.next;
    change({ batches, runs: after ? [...sheet.runs, ...told.runs] : told.runs });
  } catch (trouble) {
    if (!(trouble instanceof Trouble)) throw trouble;
    if (trouble.status) change({ trouble });
  }
}

/** Some run went on: its line is set anew, or the list is asked for where it has no line yet. */
export function hearOfRun(told) {
  const known = sheet.runs.some(({ run }) => run === told.run);
  if (known)
    change({
      runs: sheet.runs.map((each) => (each.run === told.run ? { ...each, ...told } : each)),
    });
  else load();
}

export function drawRuns() {
  parts ??= build();
  drawSheets();
  const shape = JSON.stringify([sheet.runs, sheet.run?.run, search, parts.sheets.hidden]);
  if (parts.list.dataset.shape === shape) return;
  parts.list.dataset.shape = shape;
  const focused = document.activeElement?.closest?.("#run-list a")?.hash;
  parts.list.replaceChildren(...sheet.runs.map(drawRun));
  if (focused) parts.list.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  parts.list.hidden = sheet.runs.length === 0;
  const isAny = sheet.runs.length > 0 || !parts.sheets.hidden;
  const none = search ? "No run is like that." : "None yet. The first is kept here.";
  setText(parts.none, isAny ? "" : none);
  parts.more.hidden = !next;
}

/** Kept sheets stand before the runs; while one searches, those whose name fits. */
function drawSheets() {
  const open = sheet.batch?.document;
  const fits = ({ batch }) => batch.includes(search.toLowerCase());
  const known = sheet.batches.some(({ batch }) => batch === open?.batch);
  const glance = open && { ...open, rows: open.rows.total };
  const all = (known || !open ? sheet.batches : [glance, ...sheet.batches]).filter(fits);
  const shape = JSON.stringify([all, open?.batch]);
  if (parts.sheets.dataset.shape === shape) return;
  parts.sheets.dataset.shape = shape;
  parts.sheets.hidden = all.length === 0;
  parts.sheets.replaceChildren(...all.map((each) => drawSheet(each, open?.batch)));
}

function drawSheet({ batch, title, rows, started }, open) {
  return make(
    "li",
    {},
    make(
      "a",
      { href: `#batch=${batch}`, "aria-current": batch === open ? "true" : null, title: batch },
      make("span", { class: "idea" }, title),
      make(
        "span",
        { class: "about" },
        make("span", {}, when(started)),
        make("span", {}, count(rows, "idea")),
      ),
    ),
  );
}

function drawRun({ run, title, status, started }) {
  const current = run === sheet.run?.run;
  return make(
    "li",
    {},
    make(
      "a",
      { href: `#${run}`, "aria-current": current ? "true" : null, title: run },
      make("span", { class: "idea" }, title || run),
      make(
        "span",
        { class: "about" },
        make("span", {}, when(started)),
        make(
          "span",
          { class: status === "succeeded" ? "good" : status === "failed" ? "stop" : "" },
          SHORT[status] ?? status,
          status === "succeeded" ? make("span", { class: "unseen" }, " done") : null,
        ),
      ),
    ),
  );
}
