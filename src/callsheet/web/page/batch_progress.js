// Shows how a batch is going: progress, usage, downloads, and what can be done with it.

import { apiPath } from "./api_client.js";
import { deleteBatch, isBatchRunning, newBatch, stopBatch } from "./batch_actions.js";
import { button, el, inlineCode } from "./dom.js";
import { describeError } from "./error_texts.js";
import { formatCost, formatCount, formatDuration, formatNumber, sentence } from "./format.js";

const BATCH_STATUS = {
  running: "running",
  stopping: "stopping after the current LLM calls",
  succeeded: "done",
  failed: "done, with failed rows",
  interrupted: "interrupted",
  paused: "paused",
};
const FORMATS = { csv: "CSV", xlsx: "Excel", jsonl: "JSON Lines", md: "Markdown" };

export function batchProgress(batch) {
  const { title, status, rows, error, llm } = batch;
  return [
    el("p", { class: "question-text" }, `${title}: ${BATCH_STATUS[status]}`),
    progressBar(rows),
    el("p", { class: "small" }, figures(batch).join(" · ")),
    error && problem(describeError(error, llm)),
    batchActions(batch),
  ];
}

function problem({ text, hint, detail }) {
  return el(
    "div",
    { class: "notice error", role: "alert" },
    el("p", {}, el("strong", {}, inlineCode(sentence(text)))),
    hint && el("p", { class: "hint" }, inlineCode(sentence(hint))),
    detail && el("p", { class: "hint small" }, "The server said: ", inlineCode(sentence(detail))),
  );
}

function progressBar({ total, done, failed }) {
  const bar = el("i");
  bar.style.setProperty("--fraction", (done + failed) / Math.max(total, 1));
  const attributes = {
    class: "gauge",
    role: "progressbar",
    "aria-label": "Ideas",
    "aria-valuemin": "0",
    "aria-valuemax": String(total),
    "aria-valuenow": String(done + failed),
  };
  return el("div", attributes, bar);
}

function figures({ rows, usage, seconds_left: left }) {
  const tokens = usage.input_tokens + usage.output_tokens;
  return [
    `${formatNumber(rows.done)} of ${formatCount(rows.total, "idea")} written`,
    rows.failed && `${formatNumber(rows.failed)} failed`,
    rows.repaired && `${formatNumber(rows.repaired)} corrected`,
    tokens && `${formatNumber(tokens)} tokens`,
    tokens && (usage.cost_usd === null ? "cost unknown" : formatCost(usage.cost_usd)),
    left && `about ${formatDuration(left)} left`,
  ].filter(Boolean);
}

function batchActions(batch) {
  const name = batch.batch;
  const isRunning = isBatchRunning(batch);
  const downloads = Object.entries(FORMATS).map(([format, label]) => {
    const href = `${apiPath("batches", name, "download")}?format=${format}`;
    return el("a", { class: "link-button", download: true, href }, label);
  });
  return el(
    "div",
    { class: "actions" },
    batch.status === "running" && button("Stop", () => stopBatch(name), { id: "batch-stop" }),
    el("span", { class: "muted small" }, isRunning ? "Download so far" : "Download"),
    downloads,
    !isRunning &&
      button("Delete with its runs", () => deleteBatch(name), {
        class: "link-button",
        id: "batch-delete",
      }),
    button("New batch", newBatch, { id: "batch-new" }),
  );
}
