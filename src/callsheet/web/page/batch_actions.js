// Actions on batches: start, resume, open, stop, cancel and delete; polls the open one while it is running.

import { apiPath, attempt, get, post, remove } from "./api_client.js";
import { defaultBatchTitle } from "./format.js";
import { t } from "./language.js";
import { announce } from "./live_region.js";
import { selectedLlm } from "./llm_picker.js";
import { openRun, perform } from "./run_actions.js";
import { loadRuns } from "./run_list.js";
import { briefFields, enteredBrief, selectionNames } from "./selectors.js";
import { setState, state } from "./store.js";

const POLL_INTERVAL = 700; // milliseconds
const JOB_POLL_INTERVAL = 3_000; // while rows wait for jobs of the provider

/** The body of a request with the sheet, and what applies to rows that say nothing else. */
export function batchRequest() {
  const [, ...fields] = briefFields();
  const jobs = Boolean(state.batch.jobs && selectedLlm().jobs);
  return {
    sheet: state.batch.text,
    title: state.batch.title,
    workflow: state.workflow.name,
    llm: state.llm,
    jobs,
    repair: jobs && state.batch.repair === "job" ? "job" : "live",
    groups: selectionNames(),
    brief: enteredBrief(fields),
  };
}

export async function startBatch() {
  await perform(() => post(apiPath("batches"), batchRequest()), applyBatch);
}

export async function resumeBatch({ retryFailed }) {
  const { batch } = state.batch.document;
  const body = { retry_failed: retryFailed };
  await perform(() => post(apiPath("batches", batch, "resume"), body), applyBatch);
}

export async function openBatch(name) {
  await perform(() => get(apiPath("batches", name)), applyBatch);
}

export async function stopBatch(name) {
  await perform(() => post(apiPath("batches", name, "stop")), applyBatch);
}

export async function cancelJobs(name) {
  await perform(() => post(apiPath("batches", name, "cancel")), applyBatch);
}

export async function resendJob(name, job) {
  await perform(() => post(apiPath("batches", name, "resend"), { job }), applyBatch);
}

export async function deleteBatch(name) {
  const isDeleted = await perform(
    () => remove(apiPath("batches", name)),
    () => undefined,
  );
  if (!isDeleted) return;
  await openRun(null);
  loadRuns();
}

export function newBatch() {
  setState({ batch: { text: "", title: defaultBatchTitle() } });
}

export function isBatchRunning({ status }) {
  return status === "running" || status === "stopping";
}

let pollTimer = 0;

function applyBatch(document) {
  const before = state.batch?.document;
  setState({ run: null, batch: { text: "", title: defaultBatchTitle(), ...state.batch, document } });
  clearTimeout(pollTimer);
  const interval = document.rows.waiting ? JOB_POLL_INTERVAL : POLL_INTERVAL;
  if (isBatchRunning(document)) pollTimer = setTimeout(poll, interval);
  else if (before?.batch === document.batch && isBatchRunning(before))
    announce(t("batch.ended", { title: document.title, ...document.rows }));
}

async function poll() {
  const name = state.batch?.document?.batch;
  if (!name) return;
  await attempt(
    async () => {
      const document = await get(apiPath("batches", name));
      if (state.batch?.document?.batch === name) applyBatch(document);
    },
    () => (pollTimer = setTimeout(poll, POLL_INTERVAL)), // a lost connection is reported elsewhere
  );
}
