// The estimate: tokens and cost of the selected groups beside those of all groups.

import { apiPath, attempt, post } from "./api_client.js";
import { byId, el, renderIfChanged } from "./dom.js";
import { formatCost, formatCount, formatNumber, formatPercent } from "./format.js";
import {
  isImageUsed,
  isPaid,
  modelsOfRun,
  selectedGroups,
  selectedModels,
  selectionNames,
  textNames,
} from "./selectors.js";
import { setState, state } from "./store.js";

const FREE = "Free: offline drafts, no LLM is called.";
const NO_CALL = "No LLM call, no cost.";
const UNKNOWN = "The cost is unknown.";

const estimates = new Map(); // responses by request; null while one is awaited or failed

const PLANNED = ["start", "choose", "retry", "batch-start"]; // the actions that an estimate belongs to

export function renderEstimate(action) {
  loadEstimates(action);
  const { estimate, llm, run, batch } = state;
  const { instruction_tokens: tokens = 0 } = estimate?.selection ?? {};
  const { instruction_tokens: all = 0 } = estimate?.all ?? {};
  for (const gauge of document.querySelectorAll(".cost-panel .gauge"))
    gauge.firstElementChild.style.setProperty("--fraction", all ? tokens / all : 0);
  byId("estimate-gauge").setAttribute(
    "aria-label",
    all ? `${formatNumber(tokens)} of ${formatNumber(all)} instruction tokens` : "no group selected",
  );
  const isHidden = Boolean(run || batch?.document) && !PLANNED.includes(action.kind);
  byId("estimate").hidden = isHidden;
  document.querySelector(".primary-action .gauge").hidden = isHidden;
  // What a change of the open run writes and costs stands at the button.
  const isChange = action.kind === "retry" && modelsOfRun().size > 0;
  byId("estimate-gauge").hidden = isChange;
  const shown = isChange ? estimates.get(previewKey(action)) : estimate;
  const inputs = [shown, isChange, llm, [...state.selected], Boolean(batch)];
  renderIfChanged(byId("estimate-figures"), inputs, () => {
    if (isChange) return shown?.write ? [headline(shown.write, shown.cost)] : [];
    return all ? whole(estimate) : el("p", { class: "muted small" }, "No group selected.");
  });
}

/** How many prompts, and their price: what a person decides by. */
function headline(models, cost) {
  return el(
    "p",
    { class: "headline" },
    el("strong", {}, formatCount(models.flatMap(textNames).length, "prompt")),
    el("strong", {}, shortPrice(cost)),
  );
}

function shortPrice({ calls, cost_usd: dollars }) {
  if (!isPaid(state.llm) || calls === 0) return "free";
  return dollars === null ? "price unknown" : `≈ ${formatCost(dollars)}`;
}

function whole({ selection, all }) {
  const models = selectedGroups().flatMap(selectedModels);
  const saved = formatPercent(100 * (1 - selection.instruction_tokens / all.instruction_tokens));
  const isPriced = isPaid(state.llm) && all.cost_usd !== null;
  return [
    !state.batch && headline(models, selection),
    el("p", { class: "success" }, `${saved} less than for all groups`),
    isPriced && el("p", { class: "muted small" }, `All groups: ≈ ${formatCost(all.cost_usd)}`),
    el(
      "details",
      { class: "tokens", id: "estimate-tokens" },
      el("summary", {}, "Tokens"),
      comparison(selection, all),
    ),
  ];
}

function comparison(selection, all) {
  const row = (name, value) => [el("dt", {}, name), el("dd", {}, formatNumber(value))];
  return el(
    "dl",
    { class: "totals" },
    row("instructions", selection.instruction_tokens),
    row("instructions of all groups", all.instruction_tokens),
    isPaid(state.llm) && [
      row("input in all", selection.input_tokens),
      row("output, about", selection.output_tokens),
    ],
  );
}

/** What the next action will cost: a sentence, and whether a wide window shows it above. */
export function priceOf(action) {
  const { llm, batch, estimate } = state;
  const isNew = action.kind === "start" || action.kind === "batch-start";
  const said = (text, isShown = false) => ({ text, isShown });
  if (isNew && llm === "offline") return said(FREE);
  if (action.kind === "batch-start") return said(batchPrice(batch.check));
  if (action.kind === "start" && llm === "paste") return said("You copy the request into a chat yourself.");
  if (action.kind === "start") return said(price(estimate?.selection), true);
  if (action.kind === "retry") return said(price(estimates.get(previewKey(action))?.cost), isPaid(llm));
  return said("");
}

/** The price range of a batch: without any repair, and with a repair of every row. */
function batchPrice({ least_usd: least, most_usd: most, calls }) {
  if (calls === 0) return NO_CALL;
  if (least === null || most === null) return UNKNOWN;
  return `${formatCost(least)} to ${formatCost(most)}, the latter if every row needs a correction.`;
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
  loadEstimate(key, apiPath("estimate"), body);
  const estimate = estimates.get(key);
  if (estimate && state.estimate !== estimate) setState({ estimate });
  if (action.kind === "retry")
    loadEstimate(previewKey(action), apiPath("runs", state.run.run, "preview"), action.body);
}

function previewKey({ body }) {
  return cacheKey(["preview", state.run.run, state.run.seq, body]);
}

/** A request as a key, with the image's URL in place of its content. */
function cacheKey(request) {
  const { data, url } = state.image ?? {};
  return JSON.stringify(request, (_, value) => (value === data && data ? url : value));
}

async function loadEstimate(key, path, body) {
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
