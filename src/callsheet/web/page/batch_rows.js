// The rows of the open batch as a table: status, prompts with Copy, problems, cost; found by status and text.

import { apiPath, attempt, get } from "./api_client.js";
import { copyText } from "./clipboard.js";
import { button, byId, el, inlineCode, renderIfChanged } from "./dom.js";
import { describeError } from "./error_texts.js";
import { capitalize, formatCost } from "./format.js";
import { textLabel } from "./labels.js";
import { t } from "./language.js";
import { isPaid, promptTexts } from "./selectors.js";
import { setState, state } from "./store.js";

const ROW_STATUS = ["succeeded", "failed", "running", "left"];
const ROW_SEARCH_DELAY = 200; // milliseconds after the last key
const ROWS_AT_ONCE = 50;
const ANY = "any"; // status

const wanted = { batch: "", status: ANY, search: "", limit: ROWS_AT_ONCE }; // what the table shows
let loaded = { key: "", version: "", rows: [], next: null };
let rowsRequest = 0;
let searchTimer = 0;

/** Renders the table, and loads it again as the batch goes on. */
export function renderBatchRows(element, batch) {
  if (wanted.batch !== batch.batch) {
    Object.assign(wanted, { batch: batch.batch, status: ANY, search: "", limit: ROWS_AT_ONCE });
    loaded = { key: "", version: "", rows: [], next: null };
  }
  renderIfChanged(element, batch.batch, () => [filters(), el("div", { id: "row-table" })]);
  loadRows(JSON.stringify([batch.status, batch.rows, wanted]));
  byId("row-status").value = wanted.status;
  renderIfChanged(byId("row-table"), [loaded.rows, loaded.next, batch.llm, Boolean(loaded.key)], () =>
    table(batch),
  );
}

function filters() {
  const options = [ANY, ...ROW_STATUS].map((value) =>
    el("option", { value }, capitalize(t(`row_status.${value}`))),
  );
  const select = (event) => changeFilter({ status: event.target.value });
  const search = (event) => {
    clearTimeout(searchTimer);
    searchTimer = setTimeout(() => changeFilter({ search: event.target.value.trim() }), ROW_SEARCH_DELAY);
  };
  return el(
    "div",
    { class: "row-filters" },
    el("h3", { id: "rows-heading" }, t("rows.title")),
    el("label", { for: "row-status", class: "visually-hidden" }, t("rows.show")),
    el("select", { id: "row-status", on: { change: select } }, options),
    el("label", { for: "row-search", class: "visually-hidden" }, t("rows.search")),
    el("input", {
      type: "search",
      id: "row-search",
      autocomplete: "off",
      placeholder: t("search.placeholder"),
      on: { input: search },
    }),
  );
}

function changeFilter(values) {
  Object.assign(wanted, { limit: ROWS_AT_ONCE }, values);
  setState({});
}

function showMore() {
  changeFilter({ limit: wanted.limit + ROWS_AT_ONCE });
}

/** Loads the rows unless those of this version are there; one request at a time, the last one counts. */
async function loadRows(version) {
  if (loaded.version === version) return;
  loaded.version = version;
  const current = ++rowsRequest;
  const { batch, ...query } = wanted;
  const given = Object.entries(query).filter(([, value]) => value && value !== ANY);
  const params = new URLSearchParams(given);
  await attempt(
    async () => {
      const page = await get(`${apiPath("batches", batch, "rows")}?${params}`);
      if (current === rowsRequest) loaded = { ...loaded, key: batch, rows: page.rows, next: page.next };
    },
    () => (loaded.version = ""),
  );
  setState({});
}

function table(batch) {
  const { rows, next, key } = loaded;
  if (!key) return [];
  if (rows.length === 0) return el("p", { class: "muted" }, t("rows.none"));
  const paid = isPaid(batch.llm);
  const head = ["row", "status", "prompts", "problems", paid && "cost"].filter(Boolean);
  return [
    el(
      "table",
      { class: "rows", "aria-labelledby": "rows-heading" },
      el("thead", {}, el("tr", {}, head.map((name) => el("th", { scope: "col" }, t(`rows.${name}`))))),
      el("tbody", {}, rows.map((row) => tableRow(row, paid, batch.llm))),
    ),
    next && button(t("rows.more"), showMore, { id: "more-rows" }),
  ];
}

function tableRow({ row, id, run, title, status, prompts, problems, warnings, code, usage }, paid, llm) {
  const hasRun = status === "succeeded" || status === "failed" || status === "running";
  const name = [el("span", { class: "muted" }, `${id || row} `), title];
  return el(
    "tr",
    { class: status },
    el("th", { scope: "row", dir: "auto" }, hasRun ? el("a", { href: `#${run}` }, name) : name),
    el("td", { class: "status" }, t(`row_status.${status}`)),
    el("td", {}, el("div", { class: "row-prompts" }, promptsOf(run, prompts))),
    el("td", { class: "row-problems" }, problemsOf({ status, problems, warnings, code, llm })),
    paid && costOf(usage),
  );
}

function costOf({ calls, cost_usd: dollars }) {
  const attributes = { class: "number", "data-label": t("rows.cost") };
  return el("td", attributes, calls ? formatCost(dollars) : "");
}

/** The prompts of a row: the first to be seen, all of them below it, each to be copied. */
function promptsOf(run, prompts) {
  const texts = promptTexts({ all: prompts });
  const [first] = texts;
  if (!first) return [];
  const all = texts.map(({ name, text }) => `${textLabel(name)}\n${text}`).join("\n\n");
  const title = t("count.prompts", { count: texts.length });
  const copyAll = (event) => copyText(event.currentTarget, texts.length > 1 ? all : first.text, title);
  return [
    el(
      "details",
      {},
      el(
        "summary",
        { id: `row-${run}` },
        el("span", { class: "preview", dir: "auto" }, first.text),
        el("span", { class: "opened muted" }, title),
      ),
      texts.map(({ name, text }) => promptLine(name, text)),
    ),
    button(texts.length > 1 ? t("rows.copy_all", { count: texts.length }) : t("action.copy"), copyAll, {
      class: "copy",
      "aria-label": t("action.copy_what", { what: title }),
    }),
  ];
}

function promptLine(name, text) {
  const label = textLabel(name);
  const copy = (event) => copyText(event.currentTarget, text, label);
  return el(
    "div",
    { class: "row-prompt" },
    el("h4", {}, label),
    button(t("action.copy"), copy, {
      class: "link-button",
      "aria-label": t("action.copy_what", { what: label }),
    }),
    el("p", { class: "text", dir: "auto" }, text),
  );
}

function problemsOf({ status, problems, warnings, code, llm }) {
  if (status === "failed") {
    const [message = ""] = problems;
    return el("span", { class: "error", title: message }, describeError({ code, message }, llm).text);
  }
  if (status !== "succeeded") return "";
  const lines = [...problems, ...warnings];
  if (lines.length === 0) return el("span", { class: "muted" }, t("rows.no_problems"));
  return el(
    "details",
    {},
    el("summary", {}, t(`count.${problems.length ? "problems" : "warnings"}`, { count: lines.length })),
    el("ul", { class: "small" }, lines.map((line) => el("li", {}, inlineCode(line)))),
  );
}
