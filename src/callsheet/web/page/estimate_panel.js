// The estimate: tokens and cost of the selected groups beside those of all groups.

import { apiPath, attempt, post } from "./api_client.js";
import { byId, el, renderIfChanged } from "./dom.js";
import { formatCost, formatNumber, formatPercent } from "./format.js";
import { isImageUsed, isPaid, selectionNames } from "./selectors.js";
import { setState, state } from "./store.js";

const FREE = "Free: offline drafts, no LLM is called.";
const NO_CALL = "No LLM call, no cost.";
const UNKNOWN = "The cost is unknown.";

const estimates = new Map(); // responses by request; null while one is awaited or failed

export function renderEstimate(action) {
  loadEstimates(action);
  const { estimate, llm } = state;
  const tokens = estimate?.selection?.instruction_tokens ?? 0;
  const all = estimate?.all?.instruction_tokens ?? 0;
  for (const gauge of document.querySelectorAll(".cost-panel .gauge"))
    gauge.firstElementChild.style.setProperty("--fraction", all ? tokens / all : 0);
  byId("estimate-gauge").setAttribute(
    "aria-label",
    all
      ? `${formatNumber(tokens)} of ${formatNumber(all)} instruction tokens`
      : "no group selected",
  );
  const saved = formatPercent(100 * (1 - tokens / all));
  renderIfChanged(byId("estimate-figures"), [estimate, llm], () =>
    all
      ? [
          comparison(estimate),
          el("p", { class: "success" }, `${saved} of the instructions not sent`),
        ]
      : el("p", { class: "muted small" }, "No group selected."),
  );
}

function comparison({ selection, all }) {
  const unit = el("span", { class: "visually-hidden" }, " tokens");
  const column = (name) => el("th", { scope: "col" }, name);
  const row = (name, format, key) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, name),
      el("td", { class: "total" }, format(selection[key])),
      el("td", {}, format(all[key])),
    );
  return el(
    "table",
    { class: "comparison" },
    el("thead", {}, el("tr", {}, el("td"), column("selected"), column("all"))),
    el(
      "tbody",
      {},
      row(["instructions", unit], formatNumber, "instruction_tokens"),
      isPaid(state.llm) && row("cost ≈", formatCost, "cost_usd"),
    ),
  );
}

/** What the next action will cost, as a sentence. */
export function priceOf(action) {
  const { llm, batch, estimate } = state;
  const isNew = action.kind === "start" || action.kind === "batch-start";
  if (isNew && llm === "offline") return FREE;
  if (action.kind === "batch-start") return batchPrice(batch.check);
  if (action.kind === "start" && llm === "paste") return "You copy the request into a chat yourself.";
  if (action.kind === "start") return price(estimate?.selection);
  if (action.kind === "retry") return price(estimates.get(previewKey(action))?.cost);
  return "";
}

/** The price range of a batch: without any repair, and with a repair of every row. */
function batchPrice({ least_usd: least, most_usd: most, calls }) {
  if (calls === 0) return NO_CALL;
  if (least === null || most === null) return UNKNOWN;
  return `${formatCost(least)} to ${formatCost(most)}, the latter if every row needs a repair.`;
}

function price(estimate) {
  if (!estimate) return "";
  if (estimate.calls === 0) return NO_CALL;
  if (!isPaid(state.llm)) return "Free.";
  return estimate.cost_usd === null ? UNKNOWN : `About ${formatCost(estimate.cost_usd)}.`;
}

/** Loads what is shown for this selection and action; no LLM is called for it. */
function loadEstimates(action) {
  const groups = selectionNames();
  if (groups.length === 0) {
    if (state.estimate) setState({ estimate: null });
    return;
  }
  const body = { workflow: state.workflow.name, llm: state.llm, groups };
  if (state.image && isImageUsed()) body.picture = state.image.data;
  const key = cacheKey(body);
  load(key, apiPath("estimate"), body);
  const estimate = estimates.get(key);
  if (estimate && state.estimate !== estimate) setState({ estimate });
  if (action.kind === "retry")
    load(previewKey(action), apiPath("runs", state.run.run, "preview"), action.body);
}

function previewKey({ body }) {
  return cacheKey(["preview", state.run.run, state.run.seq, body]);
}

/** A request as a key, with the image's URL in place of its content. */
function cacheKey(request) {
  const { data, url } = state.image ?? {};
  return JSON.stringify(request, (_, value) => (value === data && data ? url : value));
}

async function load(key, path, body) {
  if (estimates.has(key)) return;
  estimates.set(key, null);
  await attempt(
    async () => {
      estimates.set(key, await post(path, body));
      setState({});
    },
    ({ status }) => status === 0 && estimates.delete(key), // retried when the server answers again
  );
}
