// The page's state: one plain object that every section renders from, and the one way to change it.

export const state = {
  workflows: [], // offered by the server
  workflow: null, // the selected one: its steps, fields, groups and limits
  llms: [], // offered by the server, each with whether its API key is set
  llm: "", // the selected one
  brief: {}, // values of the brief's fields
  selected: new Set(), // the selected models
  image: null, // the person's own image: its metadata, its content, and the run it was sent to
  presetAnswers: {}, // answers to later questions given beforehand, by key
  estimate: null, // tokens and cost of this selection, beside those of all groups
  run: null, // the open run's document
  activity: null, // what the server says that the open run is doing now
  fieldErrors: {}, // what is wrong with fields of the brief, by key
  batch: null, // the sheet being edited with the result of its check, or the open batch's document
  batches: [], // summaries of all batches
  runs: [], // summaries of all runs
  savings: null, // what selecting groups has saved so far
  connected: true, // whether the event stream is open
  error: null, // what went wrong with the last action
  scrollFrom: null, // the prompts at the last action: the next new one is scrolled into view
  unfolded: {}, // the sections of the open run that a person has unfolded, by id
  busy: false, // whether an action is in progress
};

const listeners = new Set();
let scheduled = false;

/** Calls back after each change; several changes in one turn are one call. */
export function subscribe(listener) {
  listeners.add(listener);
}

export function setState(values) {
  Object.assign(state, values);
  if (scheduled) return;
  scheduled = true;
  queueMicrotask(() => {
    scheduled = false;
    for (const listener of listeners) listener();
  });
}
