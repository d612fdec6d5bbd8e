// Saves what was entered but not sent yet, so that it survives a reload and the opening of other runs.

import { allGroups, defaultBrief, modelsOfRun } from "./selectors.js";
import { state } from "./store.js";

const DRAFT_KEY = "callsheet.draft";
const RUNS_KEY = "callsheet.drafts";
const MAX_RUNS = 40;

let saved = "";
const drafts = new Map(Object.entries(read(RUNS_KEY) ?? {})); // of runs, by name

/** Saves the draft: of an open run, only in what it differs from the run. */
export function saveDraft() {
  const { workflow, brief, selected, llm, run } = state;
  if (run) return run.workflow === workflow.name && saveDifference();
  const draft = { workflow: workflow.name, brief, selected: [...selected], llm };
  const defaults = defaultBrief();
  const isEntered = selected.size > 0 || Object.keys(brief).some((key) => brief[key] !== defaults[key]);
  const text = isEntered ? JSON.stringify(draft) : "";
  if (text !== saved) write(DRAFT_KEY, (saved = text));
}

/** Forgets what was entered for a new run: it was started. */
export function clearDraft() {
  write(DRAFT_KEY, (saved = ""));
}

/** Whether something was entered for a new run and not sent. */
export function hasDraft() {
  return read(DRAFT_KEY) !== null;
}

/** The state saved for the current workflow, as far as it still applies. */
export function loadDraft() {
  const draft = read(DRAFT_KEY);
  if (draft?.workflow !== state.workflow.name) return {};
  const models = new Set(allGroups().flatMap((group) => group.models));
  const selected = new Set((draft.selected ?? []).filter((model) => models.has(model)));
  return { brief: { ...state.brief, ...draft.brief }, selected, llm: draft.llm || state.llm };
}

/** The inputs of the open run, with what was changed on this page and not sent yet. */
export function loadInputs() {
  const { brief, selected, llm } = inputsOfRun();
  const draft = drafts.get(state.run.run) ?? {};
  for (const model of draft.added ?? []) selected.add(model);
  for (const model of draft.removed ?? []) selected.delete(model);
  return {
    brief: { ...brief, ...draft.brief },
    selected,
    llm: draft.llm ?? llm,
    presetAnswers: draft.presetAnswers ?? {},
  };
}

function inputsOfRun() {
  const { brief = {}, llm } = state.run;
  const entered = Object.entries(brief).map(([key, value]) => [key, String(value)]);
  return {
    brief: { ...defaultBrief(), ...Object.fromEntries(entered) },
    selected: modelsOfRun(),
    llm: llm || state.llm,
  };
}

function saveDifference() {
  const { run, llm, presetAnswers } = state;
  const inputs = inputsOfRun();
  const brief = Object.entries(state.brief).filter(([key, value]) => value !== inputs.brief[key]);
  const added = [...state.selected].filter((model) => !inputs.selected.has(model));
  const removed = [...inputs.selected].filter((model) => !state.selected.has(model));
  const draft = {
    ...(brief.length && { brief: Object.fromEntries(brief) }),
    ...(added.length && { added }),
    ...(removed.length && { removed }),
    ...(llm !== inputs.llm && { llm }),
    ...(Object.keys(presetAnswers).length && { presetAnswers }),
  };
  if (JSON.stringify(draft) === JSON.stringify(drafts.get(run.run) ?? {})) return;
  drafts.delete(run.run);
  if (Object.keys(draft).length > 0) drafts.set(run.run, draft);
  write(RUNS_KEY, JSON.stringify(Object.fromEntries([...drafts].slice(-MAX_RUNS))));
}

function read(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key));
  } catch {
    return null;
  }
}

function write(key, text) {
  try {
    sessionStorage.setItem(key, text);
  } catch {
    // Without storage a reload starts with empty fields.
  }
}
