// Saves what was entered but not sent yet, so that it survives a reload.

import { allGroups } from "./selectors.js";
import { state } from "./store.js";

const STORAGE_KEY = "callsheet.draft";
let saved = "";

/** Saves the draft; an open run needs none, because the server stores its inputs. */
export function saveDraft() {
  const { workflow, brief, selected, llm, run } = state;
  const draft = { workflow: workflow.name, brief, selected: [...selected], llm };
  const text = run ? "" : JSON.stringify(draft);
  if (text === saved) return;
  saved = text;
  try {
    sessionStorage.setItem(STORAGE_KEY, text);
  } catch {
    // Without storage a reload starts with empty fields.
  }
}

/** The state saved for the current workflow, as far as it still applies. */
export function loadDraft() {
  try {
    const draft = JSON.parse(sessionStorage.getItem(STORAGE_KEY) || "null");
    if (draft?.workflow !== state.workflow.name) return {};
    const models = new Set(allGroups().flatMap((group) => group.models));
    const selected = new Set(draft.selected.filter((model) => models.has(model)));
    return { brief: { ...state.brief, ...draft.brief }, selected, llm: draft.llm || state.llm };
  } catch {
    return {};
  }
}
