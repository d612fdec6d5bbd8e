// The estimate: tokens and cost of the selected groups beside those of all groups.

import { apiPath, attempt, post } from "./api_client.js";
import { byId, el, renderIfChanged } from "./dom.js";
import { formatCost, formatPercent } from "./format.js";
import { formatNumber, t } from "./language.js";
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

const estimates = new Map(); // responses by request; null while one is awaited or failed

let estimatedFor = ""; // the LLM of the estimate that is shown

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
    all ? t("estimate.tokens", { tokens, all }) : t("estimate.none"),
  );
  const isHidden = Boolean(run || batch?.document) && !PLANNED.includes(action.kind);
  byId("estimate").hidden = isHidden;
  // What a change of the open run writes and costs stands at the button.
  const isChange = action.kind === "retry" && modelsOfRun().size > 0;
  byId("estimate-gauge").hidden = isChange;
  document.querySelector(".primary-action .gauge").hidden = isHidden || isChange;
  const shown = isChange ? estimates.get(previewKey(action)) : estimate;
  const inputs = [shown, isChange, llm, [...state.selected], Boolean(batch)];
  renderIfChanged(byId("estimate-figures"), inputs, () => {
    if (isChange) return shown?.write ? [headline(shown.write, shown.cost)] : [];
    if (all) return whole(estimate);
    // Until the estimate is there.
    const models = selectedGroups().flatMap(selectedModels);
    if (models.length > 0) return batch ? [] : [headline(models)];
    return el("p", { class: "muted small" }, t("estimate.no_group"));
  });
}

/** How many prompts, and their price: what a person decides by. */
function headline(models, cost) {
  return el(
    "p",
    { class: "headline" },
    el("strong", {}, t("count.prompts", { count: models.flatMap(textNames).length })),
    cost && el("strong", {}, shortPrice(cost)),
  );
}

function shortPrice({ calls, cost_usd: dollars }) {
  if (!isPaid(state.llm) || calls === 0) return t("cost.free");
  return dollars === null ? t("cost.price_unknown") : t("cost.about", { cost: formatCost(dollars) });
}

function whole({ selection, all }) {
  const models = selectedGroups().flatMap(selectedModels);
  const percent = formatPercent(100 * (1 - selection.instruction_tokens / all.instruction_tokens));
  const isPriced = isPaid(state.llm) && all.cost_usd !== null;
  return [
    !state.batch && headline(models, selection),
    el("p", { class: "success" }, t("estimate.saved", { percent })),
    isPriced && el("p", { class: "muted small" }, t("estimate.all_groups", { cost: shortPrice(all) })),
    el(
      "details",
      { class: "tokens", id: "estimate-tokens" },
      el("summary", {}, t("tokens.title")),
      comparison(selection, all),
    ),
  ];
}

function comparison(selection, all) {
  const row = (name, value) => [el("dt", {}, t(`tokens.${name}`)), el("dd", {}, formatNumber(value))];
  return el(
    "dl",
    { class: "totals" },
    row("instructions", selection.instruction_tokens),
    row("all_instructions", all.instruction_tokens),
    isPaid(state.llm) && [
      row("input", selection.input_tokens),
      row("output", selection.output_tokens),
    ],
  );
}

/** What the next action will cost: a sentence, and whether a wide window shows it above. */
export function priceOf(action) {
  const { llm, batch, estimate } = state;
  const isNew = action.kind === "start" || action.kind === "batch-start";
  const said = (text, isShown = false) => ({ text, isShown });
  if (isNew && llm === "offline") return said(t("estimate.offline"));
  if (action.kind === "batch-start") return said(batchPrice(batch.check));
  if (action.kind === "start" && llm === "paste") return said(t("estimate.paste"));
  if (action.kind === "start") return said(priceText(estimate?.selection), true);
  if (action.kind === "retry") return said(priceText(estimates.get(previewKey(action))?.cost), isPaid(llm));
  return said("");
}

/** The price range of a batch: without any repair, and with a repair of every row. */
function batchPrice({ least_usd: least, most_usd: most, calls }) {
  if (calls === 0) return t("estimate.no_call");
  if (least === null || most === null) return t("estimate.unknown");
  return t("estimate.batch", { least: formatCost(least), most: formatCost(most) });
}

/** The price of an action as a sentence. */
export function priceText(estimate) {
  if (!estimate) return "";
  if (estimate.calls === 0) return t("estimate.no_call");
  if (!isPaid(state.llm)) return t("estimate.free");
  if (estimate.cost_usd === null) return t("estimate.unknown");
  return t("estimate.about", { cost: formatCost(estimate.cost_usd) });
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
  const isOfOtherLlm = estimatedFor !== state.llm; // its price would be wrong
  if (estimate) estimatedFor = state.llm;
  if (estimate ? state.estimate !== estimate : state.estimate && isOfOtherLlm)
    setState({ estimate: estimate ?? null });
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
