// The receipt of a run: what was sent, what came back, what it cost, and what was not sent.

import { at, make } from "./element.js";
import { cost, percent, whole } from "./figures.js";
import { isUnderWay, sheet } from "./sheet.js";

let drawn = "";

export function drawReceipt() {
  const place = at("receipt");
  const { usage, savings, llm } = sheet.run ?? {};
  place.hidden = !usage?.calls || isUnderWay() || !savings?.instruction_tokens_all;
  const shape = JSON.stringify([usage, savings, llm]);
  if (place.hidden || shape === drawn) return;
  drawn = shape;
  place.replaceChildren(
    make("h2", { class: "heading" }, "Receipt"),
    make(
      "dl",
      { class: "figures" },
      ...lines(usage, savings, llm).flatMap(([name, value, kind]) => [
        make("dt", {}, name),
        make("dd", { class: kind }, value),
      ]),
    ),
  );
}

function lines(usage, savings, llm) {
  const paid = llm !== "offline" && llm !== "paste";
  return [
    ["written by", llm],
    [usage.calls === 1 ? "call" : "calls", whole(usage.calls)],
    ...(usage.repairs ? [["of them repairs", whole(usage.repairs)]] : []),
    ...(paid ? [["tokens sent", whole(usage.input_tokens)]] : []),
    ...(usage.cached_input_tokens ? [["of them cached", whole(usage.cached_input_tokens)]] : []),
    ...(paid ? [["tokens written", whole(usage.output_tokens)]] : []),
    ["instructions sent", whole(savings.instruction_tokens)],
    ["for all groups", whole(savings.instruction_tokens_all)],
    ["saved", percent(savings.percent), "good"],
    ["paid", paid ? cost(usage.cost_usd) : "$0", "total"],
  ];
}
