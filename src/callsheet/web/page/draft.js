// Keeps what is not sent yet through a reload: the words of the scene and the rows that are called.

import { allGroups, sheet } from "./sheet.js";

const PLACE = "callsheet.draft";
let kept = "";

/** Keeps what stands on an empty sheet; what an open run was begun with is kept by the run. */
export function remember() {
  const { workflow, brief, chosen, llm, run } = sheet;
  const words = { workflow: workflow.name, brief, chosen: [...chosen], llm };
  const now = run ? "" : JSON.stringify(words);
  if (now === kept) return;
  kept = now;
  try {
    sessionStorage.setItem(PLACE, now);
  } catch {
    // Without storage a reload begins with an empty sheet.
  }
}

/** What was kept for this workflow, as far as it still fits. */
export function recall(workflow) {
  try {
    const told = JSON.parse(sessionStorage.getItem(PLACE) || "null");
    if (told?.workflow !== workflow.name) return {};
    const names = new Set(allGroups().map((group) => group.name));
    const chosen = new Set(told.chosen.filter((name) => names.has(name)));
    return { brief: { ...sheet.brief, ...told.brief }, chosen, llm: told.llm || sheet.llm };
  } catch {
    return {};
  }
}
