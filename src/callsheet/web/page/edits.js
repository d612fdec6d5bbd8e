// Edits that the server does not have yet: kept by run, across other runs and reloads, until it does.

import { apiPath, attempt, post } from "./api_client.js";
import { applyRun, refreshRun } from "./run_actions.js";
import { isRunning } from "./selectors.js";
import { setState, state } from "./store.js";

const EDITS_KEY = "callsheet.edits";

/**
 * By run and prompt: `{ text, from, seq, isOpen, newer, error }`. `from` is the text that is edited,
 * as it was at `seq`. An edit that is not open is saved here and to be sent; `newer` and `error` are
 * why the server refused it.
 */
const edits = loadEdits();
let isSending = false;

export function editOf(name) {
  return edits[state.run?.run]?.[name];
}

/** The text of an edit that is saved here and on its way to the server. */
export function savedText(name) {
  const edit = editOf(name);
  return edit && !edit.isOpen ? edit.text : undefined;
}

/** What the edited prompt was changed to elsewhere meanwhile: `{ text, seq }`, or undefined. */
export function newerText(name, stored) {
  const { from, text, newer } = editOf(name) ?? {};
  if (from === undefined) return undefined;
  const isChanged = stored !== undefined && stored !== from && stored !== text;
  return isChanged ? { text: stored, seq: state.run.seq } : newer;
}

export function beginEdit(name, text) {
  changeEdit(name, { text, from: text, seq: state.run.seq, isOpen: true });
}

/** Keeps what is typed; nothing else shows it. */
export function typeEdit(name, text) {
  editOf(name).text = text;
  store();
}

export function discardEdit(name) {
  changeEdit(name, null);
}

/** Saves an edit; where the prompt was changed elsewhere, instead of that newer text. */
export async function saveEdit(name, newer) {
  const { text, from, seq } = editOf(name);
  const base = newer ? { from: newer.text, seq: newer.seq } : { from, seq };
  changeEdit(name, { text, ...base, isOpen: false });
  await sendEdits();
}

/** Sends the saved edits of the open run, unless it is being written: then once that has ended. */
export async function sendEdits() {
  const { run } = state.run ?? {};
  const waiting = Object.entries(edits[run] ?? {}).find(([, { isOpen }]) => !isOpen);
  if (!waiting || isSending || isRunning()) return;
  isSending = true;
  const isSent = await attempt(
    () => sendEdit(run, ...waiting),
    (error) => keep(edits[run]?.[waiting[0]] ?? waiting[1], error),
  );
  isSending = false;
  setState({});
  if (isSent) await sendEdits();
}

async function sendEdit(run, name, edit) {
  const body = { prompt: name, text: edit.text, seq: edit.seq };
  const document = await post(apiPath("runs", run, "edits"), body);
  const current = edits[run]?.[name];
  if (current === edit) delete edits[run][name];
  // What was edited further meanwhile was made from the text that was just stored.
  else if (current) current.seq = document.seq;
  store();
  if (state.run?.run === run) applyRun(document);
  return true;
}

/** An edit that the server refused is opened again; one that did not reach it is sent later. */
function keep(edit, { status, code, message, hint, more }) {
  if (status === 0) return;
  edit.isOpen = true;
  if (code === "edited_elsewhere") edit.newer = more.newer;
  else edit.error = [message, hint].filter(Boolean).join("; ");
  store();
  refreshRun();
}

function changeEdit(name, edit) {
  const { run } = state.run;
  edits[run] = { ...edits[run], [name]: edit };
  if (!edit) delete edits[run][name];
  store();
  setState({});
}

function store() {
  const kept = Object.entries(edits).filter(([, each]) => Object.keys(each).length > 0);
  try {
    sessionStorage.setItem(EDITS_KEY, JSON.stringify(Object.fromEntries(kept)));
  } catch {
    // Without storage a reload loses what is not sent.
  }
}

function loadEdits() {
  try {
    return JSON.parse(sessionStorage.getItem(EDITS_KEY)) ?? {};
  } catch {
    return {};
  }
}
