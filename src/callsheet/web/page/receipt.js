// The receipt of a run: what was sent and written, what it cost, and what selecting groups saved.

import { byId, el, renderIfChanged } from "./dom.js";
import { formatCost, formatNumber, formatPercent } from "./format.js";
import { isPaid, isRunning } from "./selectors.js";
import { state } from "./store.js";

export function renderReceipt() {
  const { usage, savings, llm } = state.run ?? {};
  byId("receipt").hidden = !usage?.calls || isRunning() || !savings?.instruction_tokens_all;
  if (byId("receipt").hidden) return;
  renderIfChanged(byId("receipt"), [usage, savings, llm], () => [
    el("h2", {}, "Receipt"),
    el(
      "dl",
      { class: "totals" },
      receiptRows(usage, savings, llm).map(([name, value, kind]) => [
        el("dt", {}, name),
        el("dd", { class: kind }, value),
      ]),
    ),
  ]);
}

function receiptRows(usage, savings, llm) {
  const paid = isPaid(llm);
  return [
    ["LLM", llm],
    ["calls", formatNumber(usage.calls)],
    usage.repairs > 0 && ["repair calls", formatNumber(usage.repairs)],
    paid && ["input tokens", formatNumber(usage.input_tokens)],
    usage.cached_input_tokens > 0 && ["cached", formatNumber(usage.cached_input_tokens)],
    paid && ["output tokens", formatNumber(usage.output_tokens)],
    ["instruction tokens", formatNumber(savings.instruction_tokens)],
    ["for all groups", formatNumber(savings.instruction_tokens_all)],
    ["saved", formatPercent(savings.percent), "success"],
    ["cost", paid ? formatCost(usage.cost_usd) : "$0", "total"],
  ].filter(Boolean);
}
