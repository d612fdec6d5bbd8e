// Selects the workflow: the server's first, another one, or the open run's.

import { apiPath, get } from "./api_client.js";
import { byId, el, renderIfChanged } from "./dom.js";
import { loadDraft } from "./draft.js";
import { fromServer, t } from "./language.js";
import { briefFields, defaultBrief } from "./selectors.js";
import { setState, state } from "./store.js";

/** Loads a workflow, with the defaults of its brief and nothing selected. */
export async function selectWorkflow(name) {
  const workflow = await fetchWorkflow(name);
  setState({ workflow, selected: new Set(), presetAnswers: {} });
  setState({ brief: { ...defaultBrief(), ...sharedBrief() } });
  setState(loadDraft());
}

/** A workflow's description; one that is not offered any more has runs, but no groups to select. */
async function fetchWorkflow(name) {
  if (state.workflows.some((each) => each.name === name)) return get(apiPath("workflows", name));
  return { name, title: name, steps: [], fields: [], categories: [], limits: {} };
}

/** The idea is kept from one workflow to the next if both ask for it. */
function sharedBrief() {
  const [first] = briefFields();
  const value = first && state.brief[first.key];
  return value ? { [first.key]: value } : {};
}

export function renderWorkflowPicker() {
  const { workflows, workflow } = state;
  renderIfChanged(byId("workflow-picker"), [workflows, workflow.name], () =>
    workflows.length > 1 ? workflowSelect(workflows, workflow.name) : fromServer(workflow.title),
  );
}

function workflowSelect(workflows, selected) {
  const change = async (event) => {
    setState({ run: null, error: null });
    await selectWorkflow(event.target.value);
  };
  const options = workflows.map(({ name, title }) =>
    el("option", { value: name }, fromServer(title) || name),
  );
  const select = el("select", { "aria-label": t("page.workflow"), on: { change } }, options);
  select.value = selected;
  return select;
}
