// Shows how a batch is going: progress, usage, downloads, and what can be done with it.

import { apiPath } from "./api_client.js";
import { deleteBatch, isBatchRunning, newBatch, stopBatch } from "./batch_actions.js";
import { confirmed } from "./batch_confirmation.js";
import { jobList } from "./batch_jobs.js";
import { button, el, inlineCode } from "./dom.js";
import { describeError, serverSaid } from "./error_texts.js";
import { formatCost, formatDuration, sentence } from "./format.js";
import { t } from "./language.js";

const FORMATS = { csv: "CSV", xlsx: "Excel", jsonl: "JSON Lines", md: "Markdown" };

export function batchProgress(batch) {
  const { title, status, rows, error, llm } = batch;
  return [
    el("p", { class: "question-text" }, t("text.titled", { title, text: t(`batch_status.${status}`) })),
    progressBar(rows),
    el("p", { class: "small" }, figures(batch).join(" · ")),
    error && problem(describeError(error, llm)),
    jobList(batch),
    batchActions(batch),
  ];
}

function problem({ text, hint, detail }) {
  return el(
    "div",
    { class: "notice error", role: "alert" },
    el("p", {}, el("strong", {}, inlineCode(sentence(text)))),
    hint && el("p", { class: "hint" }, inlineCode(sentence(hint))),
    detail && el("p", { class: "hint small" }, inlineCode(serverSaid(detail))),
  );
}

function progressBar({ total, done, failed }) {
  const bar = el("i");
  bar.style.setProperty("--fraction", (done + failed) / Math.max(total, 1));
  const attributes = {
    class: "gauge",
    role: "progressbar",
    "aria-label": t("batch.ideas"),
    "aria-valuemin": "0",
    "aria-valuemax": String(total),
    "aria-valuenow": String(done + failed),
  };
  return el("div", attributes, bar);
}

function figures({ rows, usage, seconds_left: left }) {
  const tokens = usage.input_tokens + usage.output_tokens;
  return [
    t("batch.written", { done: rows.done, count: rows.total }),
    rows.waiting && t("batch.waiting", { count: rows.waiting }),
    rows.failed && t("batch.failed", { count: rows.failed }),
    rows.repaired && t("batch.corrected", { count: rows.repaired }),
    tokens && t("count.tokens", { count: tokens }),
    tokens && (usage.cost_usd === null ? t("batch.cost_unknown") : formatCost(usage.cost_usd)),
    left && t("batch.left", { time: formatDuration(left) }),
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
    batch.status === "running" && button(t("action.stop"), () => stopBatch(name), { id: "batch-stop" }),
    el("span", { class: "muted small" }, t(isRunning ? "batch.download_so_far" : "action.download")),
    downloads,
    !isRunning && el("span", { class: "actions" }, deletion(batch)),
    button(t("batch.new"), newBatch, { id: "batch-new" }),
  );
}

function deletion(batch) {
  return confirmed(batch, {
    id: "batch-delete",
    label: t("batch.delete"),
    question: t("batch.confirm_delete"),
    confirm: t("action.delete"),
    leave: t("action.keep"),
    act: () => deleteBatch(batch.batch),
  });
}
