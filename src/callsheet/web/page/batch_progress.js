// Shows how a batch is going: progress, usage, failed rows, downloads, and what can be done with it.

import { apiPath } from "./api_client.js";
import { deleteBatch, isBatchRunning, newBatch, stopBatch } from "./batch_actions.js";
import { button, el, inlineCode } from "./dom.js";
import { formatCost, formatCount, formatDuration, formatNumber } from "./format.js";

const STATUS = {
  running: "running",
  stopping: "stopping after the current LLM calls",
  succeeded: "done",
  failed: "done, with failed rows",
  interrupted: "interrupted",
  paused: "paused",
};
const FORMATS = { csv: "CSV", xlsx: "Excel", jsonl: "JSON Lines", md: "Markdown" };

export function batchProgress(batch) {
  const { title, status, rows, error, failures } = batch;
  return [
    el("p", { class: "question-text" }, `${title}: ${STATUS[status]}`),
    progressBar(rows),
    el("p", { class: "small" }, figures(batch).join(" · ")),
    error &&
      el(
        "p",
        { class: "error", role: "alert" },
        inlineCode([error.message, error.hint].filter(Boolean).join(": ")),
      ),
    actions(batch),
    failures.length > 0 && failedRows(batch),
  ];
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
    rows.repaired && `${formatNumber(rows.repaired)} repaired`,
    tokens && `${formatNumber(tokens)} tokens`,
    tokens && formatCost(usage.cost_usd),
    left && `about ${formatDuration(left)} left`,
  ].filter(Boolean);
}

function actions(batch) {
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

function failedRows({ failures, rows }) {
  const more = rows.failed - failures.length;
  const items = failures.map(({ row, id, run, message }) =>
    el(
      "li",
      {},
      el("a", { href: `#${run}` }, `Row ${row}${id ? ` (${id})` : ""}`),
      inlineCode(`: ${message}`),
    ),
  );
  return el(
    "div",
    {},
    el("h3", {}, "Failed rows"),
    el("ul", { class: "findings" }, items),
    more > 0 && el("p", { class: "small muted" }, `and ${formatNumber(more)} more, in the download`),
  );
}
