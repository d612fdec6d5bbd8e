// The batch jobs at the provider: how each stands; cancels them, and sends one again that may be missing.

import { cancelJobs, isBatchRunning, resendJob } from "./batch_actions.js";
import { confirmed } from "./batch_confirmation.js";
import { el } from "./dom.js";
import { serverSaid } from "./error_texts.js";
import { formatMoment } from "./format.js";
import { t } from "./language.js";

const CONFIRMED_WITHIN = 60; // seconds; a provider that has not confirmed a job by then may not have it

/** What the list shows beside the batch itself: jobs become doubtful as time passes. */
export function doubtfulJobs(batch) {
  return batch.jobs.filter((job) => isDoubtful(job, batch)).map((job) => job.id);
}

export function jobList(batch) {
  const { jobs } = batch;
  if (jobs.length === 0) return null;
  return [
    el("h3", { id: "jobs-heading" }, t("jobs.title")),
    el(
      "ul",
      { class: "small", "aria-labelledby": "jobs-heading" },
      jobs.map((job) => jobItem(job, batch)),
    ),
    jobs.some((job) => isLive(job) && !job.cancelled) && el("div", { class: "actions" }, cancelAction(batch)),
  ];
}

function isLive({ state }) {
  return state !== "done";
}

/** Whether nobody knows if the provider has the job. */
function isDoubtful({ state, sent }, batch) {
  return state === "sending" && (!isBatchRunning(batch) || Date.now() / 1_000 - sent > CONFIRMED_WITHIN);
}

function jobItem(job, batch) {
  const { id, rows, failed, created, sent, ends_by: endsBy, ended, message } = job;
  const doubtful = isDoubtful(job, batch);
  const parts = [
    t("jobs.rows", { count: rows }),
    t(`job_state.${doubtful ? "doubtful" : stateOf(job)}`),
    failed > 0 && t("batch.failed", { count: failed }),
    isLive(job) && t("jobs.since", { time: formatMoment(sent ?? created) }),
    isLive(job) && endsBy && t("jobs.ends_by", { time: formatMoment(endsBy) }),
    ended && formatMoment(ended),
  ];
  return el(
    "li",
    {},
    parts.filter(Boolean).join(" · "),
    message && el("p", {}, serverSaid(message)),
    doubtful && el("div", { class: "actions" }, resendAction(batch, id)),
  );
}

function stateOf({ state, cancelled }) {
  if (!cancelled) return state;
  return state === "done" ? "cancelled" : "cancelling";
}

function cancelAction(batch) {
  return confirmed(batch, {
    id: "cancel-jobs",
    label: t("jobs.cancel"),
    question: t("jobs.confirm_cancel"),
    leave: t("jobs.leave"),
    act: () => cancelJobs(batch.batch),
  });
}

function resendAction(batch, job) {
  return confirmed(batch, {
    id: `resend-${job}`,
    label: t("jobs.resend"),
    question: t("jobs.confirm_resend"),
    leave: t("jobs.leave"),
    act: () => resendJob(batch.batch, job),
  });
}
