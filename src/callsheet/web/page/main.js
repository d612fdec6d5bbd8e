// Starts the page: loads what the server offers, renders after each change, follows address and events.

import { apiPath, attempt, get } from "./api_client.js";
import { openBatch } from "./batch_actions.js";
import { renderBatchSection } from "./batch_section.js";
import { renderBriefForm } from "./brief_form.js";
import { byId } from "./dom.js";
import { saveDraft } from "./draft.js";
import { sendEdits } from "./edits.js";
import { renderEstimate } from "./estimate_panel.js";
import { connectEvents } from "./event_stream.js";
import { initFolding, renderFolding } from "./folding.js";
import { renderGroupPicker } from "./group_picker.js";
import { initImageDrop, renderImagePickers } from "./image_picker.js";
import { renderLanguagePicker } from "./language_picker.js";
import { renderLlmPicker } from "./llm_picker.js";
import { nextAction } from "./next_action.js";
import { renderNotices } from "./notices.js";
import { initPrimaryButton, renderPrimaryButton } from "./primary_button.js";
import { renderPromptList } from "./prompt_list.js";
import { initMenus, loadExportFormats } from "./prompts_bar.js";
import { renderQuestion } from "./question_form.js";
import { renderReceipt } from "./receipt.js";
import { openRun, refreshRun } from "./run_actions.js";
import { initRunList, loadRuns, renderRunList, updateRun } from "./run_list.js";
import { renderRunToolbar } from "./run_toolbar.js";
import { loadSavings, renderSavings } from "./savings_chart.js";
import { initShortcuts } from "./shortcuts.js";
import { setState, state, subscribe } from "./store.js";
import { initThemeToggle, renderThemeToggle } from "./theme_toggle.js";
import { renderWorkflowPicker, selectWorkflow } from "./workflow_picker.js";

const RECONNECT_DELAY = 1000; // milliseconds

let watchRun = () => {};
let shownLocation = null;

function render() {
  renderLanguagePicker();
  renderThemeToggle();
  if (!state.workflow) return renderNotices();
  renderWorkflowPicker();
  renderLlmPicker();
  renderRunToolbar();
  renderRunList();
  renderNotices();
  renderBatchSection();
  renderBriefForm();
  renderImagePickers();
  renderGroupPicker();
  renderFolding();
  const action = nextAction();
  renderEstimate(action);
  renderPrimaryButton(action);
  renderQuestion();
  renderPromptList();
  renderReceipt();
  renderSavings();
  updateAddress();
  saveDraft();
}

/** What is open, as in the address: a run, a batch, or null. */
function currentLocation() {
  const { run, batch } = state;
  return run?.run ?? (batch?.document ? `batch=${batch.document.batch}` : null);
}

/** Writes what is open into the address, so that a reload shows it, and watches the open run. */
function updateAddress() {
  const current = currentLocation();
  if (current === shownLocation) return;
  shownLocation = current;
  const { run, brief, noted, seq } = state.run ?? {};
  const title = noted?.title || brief?.idea?.slice(0, 60) || run;
  document.title = run ? `${title} · callsheet` : "callsheet";
  if (addressedLocation() !== current)
    history.pushState(null, "", current ? `#${current}` : location.pathname);
  watchRun(run ?? null, seq ?? 0);
}

/** What the address names. */
function addressedLocation() {
  const name = location.hash.slice(1);
  try {
    return decodeURIComponent(name) || null;
  } catch {
    return name; // not properly encoded: the server answers that there is no such run
  }
}

async function openAddress() {
  const name = addressedLocation();
  if (name === currentLocation()) return;
  if (name?.startsWith("batch=")) await openBatch(name.slice("batch=".length));
  else await openRun(name);
  await sendEdits();
}

async function refresh() {
  await refreshRun();
  await sendEdits();
}

function onEvent(name, data) {
  const isOpen = data.run === state.run?.run;
  if (name === "ready") {
    loadRuns();
    refresh();
  } else if (name === "run") {
    updateRun(data);
    const isNoted = isOpen && data.note_seq > state.run.note_seq;
    if (isOpen && (isNoted || data.seq > state.run.seq || data.status !== state.run.status)) refresh();
  } else if (name === "gone") {
    loadRuns();
    if (isOpen) openRun(null);
  } else if (name === "fact" && isOpen && data.seq > state.run.seq) {
    refresh();
  } else if (name === "activity" && isOpen) {
    setState({ activity: data });
  }
}

async function loadPage() {
  const [workflows, { llms, chosen }] = await Promise.all([
    get(apiPath("workflows")),
    get(apiPath("llms")),
  ]);
  setState({ workflows, llms, llm: chosen });
  await selectWorkflow(workflows[0].name);
  addEventListener("hashchange", openAddress);
  await Promise.all([loadExportFormats(), openAddress()]);
  shownLocation = undefined; // the open run is to be watched
  watchRun = connectEvents({ onEvent, onConnection: (connected) => setState({ connected }) });
  loadSavings();
  setState({ connected: true });
}

/** Loads the page, again and again until the server answers. */
async function start() {
  await attempt(loadPage, (error) => {
    setState(error.status ? { error } : { connected: false });
    if (!error.status) setTimeout(start, RECONNECT_DELAY);
  });
}

// As a plain link it would replace the open run in the address.
byId("skip-link").addEventListener("click", (event) => {
  event.preventDefault();
  byId("content").focus();
});
byId("new-run").addEventListener("click", (event) => {
  event.preventDefault();
  openRun(null);
});
initThemeToggle();
initFolding();
initMenus();
initShortcuts();
initImageDrop();
initRunList();
initPrimaryButton();
subscribe(render);
start();
