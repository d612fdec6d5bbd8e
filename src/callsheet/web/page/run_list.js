// The list of batches and runs: searchable, newest first, each with its status.

import { apiPath, attempt, get } from "./api_client.js";
import { byId, el, renderIfChanged, setText } from "./dom.js";
import { formatDate } from "./format.js";
import { t } from "./language.js";
import { setState, state } from "./store.js";

const SEARCH_DELAY = 150; // milliseconds after the last key
const RUNS_AT_ONCE = 40;

let next = null; // where the next page starts
let search = "";
let isFavourites = false; // whether only favourites are listed
let runsRequest = 0;

export function initRunList() {
  let timer = 0;
  byId("run-search").addEventListener("input", (event) => {
    search = event.target.value.trim();
    clearTimeout(timer);
    timer = setTimeout(() => loadRuns(), SEARCH_DELAY);
  });
  byId("favourites-only").addEventListener("click", () => {
    isFavourites = !isFavourites;
    loadRuns();
  });
  byId("more-runs").addEventListener("click", () => loadRuns(next));
  byId("sidebar-toggle").addEventListener("click", () => {
    const isOpen = byId("sidebar").classList.toggle("open");
    byId("sidebar-toggle").setAttribute("aria-expanded", String(isOpen));
  });
}

/** Puts the focus into the search of the runs, which a narrow window keeps folded. */
export function focusSearch() {
  byId("sidebar").classList.add("open");
  byId("sidebar-toggle").setAttribute("aria-expanded", "true");
  byId("run-search").focus();
  byId("run-search").select();
}

/** Loads the first page, or the one that starts at `after`. */
export async function loadRuns(after = null) {
  const current = ++runsRequest;
  const query = new URLSearchParams({
    limit: RUNS_AT_ONCE,
    ...(search && { search }),
    ...(isFavourites && { favourite: true }),
    ...(after && { after }),
  });
  await attempt(
    async () => {
      const [page, batches] = await Promise.all([
        get(`${apiPath("runs")}?${query}`),
        get(apiPath("batches")),
      ]);
      if (current !== runsRequest) return;
      next = page.next;
      setState({ batches, runs: after ? [...state.runs, ...page.runs] : page.runs });
    },
    (error) => error.status && setState({ error }),
  );
}

/** Updates a run's entry, or loads the list if it has none. */
export function updateRun(changed) {
  if (isFavourites) return loadRuns();
  const isListed = state.runs.some(({ run }) => run === changed.run);
  const merge = (entry) => (entry.run === changed.run ? { ...entry, ...changed } : entry);
  if (isListed) setState({ runs: state.runs.map(merge) });
  else loadRuns();
}

export function renderRunList() {
  const { runs } = state;
  const batches = isFavourites ? [] : listedBatches();
  byId("favourites-only").setAttribute("aria-pressed", String(isFavourites));
  const openBatch = state.batch?.document?.batch;
  byId("batch-list").hidden = batches.length === 0;
  renderIfChanged(byId("batch-list"), [batches, openBatch], () =>
    batches.map((each) => batchItem(each, openBatch)),
  );
  byId("run-list").hidden = runs.length === 0;
  renderIfChanged(byId("run-list"), [runs, state.run?.run], () => runs.map(runItem));
  const isEmpty = runs.length === 0 && batches.length === 0;
  setText(byId("no-runs"), isEmpty ? t(search || isFavourites ? "runs.none_found" : "runs.none") : "");
  byId("more-runs").hidden = !next;
}

/** The batches whose name matches the search; the open one may be too new for the loaded list. */
function listedBatches() {
  const open = state.batch?.document;
  const isNew = open && !state.batches.some(({ batch }) => batch === open.batch);
  const all = isNew ? [{ ...open, rows: open.rows.total }, ...state.batches] : state.batches;
  return all.filter(({ batch }) => batch.includes(search.toLowerCase()));
}

function batchItem({ batch, title, rows, started }, openBatch) {
  const ideas = el("span", {}, t("count.ideas", { count: rows }));
  return item(`#batch=${batch}`, batch, batch === openBatch, title, started, ideas);
}

function runItem({ run, title, status, started, favourite }) {
  const kind = { succeeded: "success", failed: "error" }[status];
  const description = el(
    "span",
    { class: kind },
    status === "succeeded"
      ? ["✓", el("span", { class: "visually-hidden" }, ` ${t("run_mark.done")}`)]
      : t(`run_mark.${status}`),
  );
  const star = favourite && [
    el("span", { class: "favourite on", "aria-hidden": "true" }, "★ "),
    el("span", { class: "visually-hidden" }, `${t("note.favourite")}: `),
  ];
  return item(`#${run}`, run, run === state.run?.run, [star, title || run], started, description);
}

function item(href, name, isOpen, title, started, description) {
  return el(
    "li",
    {},
    el(
      "a",
      { href, "aria-current": isOpen ? "true" : null, title: name },
      el("span", { class: "title", dir: "auto" }, title),
      el("span", { class: "details" }, el("span", {}, formatDate(started)), description),
    ),
  );
}
