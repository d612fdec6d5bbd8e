// Folds the brief and the groups of an open run to a line each, so that its prompts come first.

import { byId, setText } from "./dom.js";
import { allGroups, briefFields, isSelected, selectedModels, subjectOf } from "./selectors.js";
import { groupTitle } from "./labels.js";
import { listAll, t } from "./language.js";
import { setState, state } from "./store.js";

const SECTIONS = { brief: briefSummary, groups: groupsSummary };

export function initFolding() {
  for (const id of Object.keys(SECTIONS))
    byId(`${id}-fold`).addEventListener("click", () => setFolded(id, !isFolded(id)));
}

export function renderFolding() {
  for (const [id, summary] of Object.entries(SECTIONS)) {
    const isFoldable = Boolean(state.run) && !isAsked(id);
    const folded = isFolded(id);
    byId(`${id}-fold`).hidden = !isFoldable;
    byId(`${id}-fold`).setAttribute("aria-expanded", String(!folded));
    setText(byId(`${id}-summary`), folded ? summary() : "");
    setText(byId(`${id}-toggle`), t(folded ? "section.change" : "section.fold"));
    byId(id).classList.toggle("folded", folded);
    byId(`${id}-body`).hidden = folded;
  }
}

/** Opens a section, so that a change made by key is seen. */
export function unfold(id) {
  if (isFolded(id)) setFolded(id, false);
}

function setFolded(id, isFoldedNow) {
  setState({ unfolded: { ...state.unfolded, [id]: !isFoldedNow } });
}

function isFolded(id) {
  return Boolean(state.run) && !isAsked(id) && !state.unfolded[id];
}

/** Whether the open run waits for what this section holds. */
function isAsked(id) {
  const { question } = state.run ?? {};
  if (!question) return false;
  const { field, category, stillOf } = subjectOf(question);
  return Boolean(id === "brief" ? field : field || category || stillOf);
}

function briefSummary() {
  const [field] = briefFields();
  return state.brief[field?.key] ?? "";
}

/** "Sora, Midjourney (1 of 2)" */
function groupsSummary() {
  const names = allGroups()
    .filter(isSelected)
    .map((group) => {
      const [count, all] = [selectedModels(group).length, group.models.length];
      const title = groupTitle(group);
      return count === all ? title : t("groups.partly", { group: title, count, all });
    });
  return names.length > 0 ? listAll(names) : t("groups.none");
}
