// The receipt of a run: what was sent and written, what it cost, and what selecting groups saved.

import { byId, el, renderIfChanged } from "./dom.js";
import { formatCost, formatPercent } from "./format.js";
import { formatNumber, hasText, t } from "./language.js";
import { isPaid, isRunning, promptTexts } from "./selectors.js";
import { state } from "./store.js";

export function renderReceipt() {
  const { usage, savings, receipt, llm, prompts } = state.run ?? {};
  byId("receipt").hidden = !usage?.calls || isRunning() || !savings?.instruction_tokens_all;
  if (byId("receipt").hidden) return;
  const isWritten = promptTexts(prompts).length > 0;
  renderIfChanged(byId("receipt"), [usage, savings, receipt, llm, isWritten], () => [
    el("h2", {}, t("receipt.title")),
    totals(mainRows({ usage, savings, receipt, llm, isWritten })),
    el(
      "details",
      { class: "tokens", id: "receipt-tokens" },
      el("summary", {}, t("tokens.title")),
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
  const paid = isPaid(llm);
  const cost = paid ? formatCost(usage.cost_usd) : t("cost.free");
  return [
    [t("receipt.cost"), usage.cost_at_most ? t("cost.at_most", { cost }) : cost, "total"],
    isWritten && [t("receipt.saved"), formatPercent(percent), "success"],
    paid && [t("receipt.calls"), formatNumber(usage.calls)],
    usage.repairs > 0 && [t("receipt.corrections"), formatNumber(usage.repairs)],
    [t("llm.label"), hasText(`llm.${llm}`) ? t(`llm.${llm}`) : llm],
  ];
}

function tokenRows(usage, savings, llm) {
  const paid = isPaid(llm);
  return [
    paid && [t("tokens.read"), formatNumber(usage.input_tokens)],
    usage.cached_input_tokens > 0 && [t("tokens.cached"), formatNumber(usage.cached_input_tokens)],
    paid && [t("tokens.written"), formatNumber(usage.output_tokens)],
    [t("tokens.instructions"), formatNumber(savings.instruction_tokens)],
    [t("tokens.all_instructions"), formatNumber(savings.instruction_tokens_all)],
  ];
}
