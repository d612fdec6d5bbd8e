// The receipt of a run: what was sent and written, what it cost, and what selecting groups saved.

import { byId, el, renderIfChanged } from "./dom.js";
import { formatCost, formatNumber, formatPercent } from "./format.js";
import { isPaid, isRunning, promptTexts } from "./selectors.js";
import { state } from "./store.js";

export function renderReceipt() {
  const { usage, savings, receipt, llm, prompts } = state.run ?? {};
  byId("receipt").hidden = !usage?.calls || isRunning() || !savings?.instruction_tokens_all;
  if (byId("receipt").hidden) return;
  const isWritten = promptTexts(prompts).length > 0;
  renderIfChanged(byId("receipt"), [usage, savings, receipt, llm, isWritten], () => [
    el("h2", {}, "Receipt"),
    totals(mainRows({ usage, savings, receipt, llm, isWritten })),
    el(
      "details",
      { class: "tokens", id: "receipt-tokens" },
      el("summary", {}, "Tokens"),
      totals(tokenRows(usage, savings, llm)),
    ),
  ]);
}

function totals(rows) {
  return el(
    "dl",
    { class: "totals" },
    rows.filter(Boolean).map(([name, value, kind]) => [el("dt", {}, name), el("dd", { class: kind }, value)]),
  );
}

/** What it cost, and what choosing groups saved, over all calls; nothing is saved without a prompt. */
function mainRows({ usage, savings, receipt, llm, isWritten }) {
  const { percent } = receipt?.saved ?? savings;
  const bound = usage.cost_at_most ? "at most " : "";
  return [
    ["cost", isPaid(llm) ? bound + formatCost(usage.cost_usd) : "$0", "total"],
    isWritten && ["saved", formatPercent(percent), "success"],
    ["calls", formatNumber(usage.calls)],
    usage.repairs > 0 && ["of them corrections", formatNumber(usage.repairs)],
    ["LLM", llm],
  ];
}

function tokenRows(usage, savings, llm) {
  const paid = isPaid(llm);
  return [
    paid && ["read", formatNumber(usage.input_tokens)],
    usage.cached_input_tokens > 0 && ["of them cached", formatNumber(usage.cached_input_tokens)],
    paid && ["written", formatNumber(usage.output_tokens)],
    ["instructions", formatNumber(savings.instruction_tokens)],
    ["instructions of all groups", formatNumber(savings.instruction_tokens_all)],
  ];
}
