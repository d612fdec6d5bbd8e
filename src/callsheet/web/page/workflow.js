// Which workflow the sheet is drawn from: the server's first, another of its own, or the open run's.

import { at, make } from "./element.js";
import { recall } from "./draft.js";
import { briefFields } from "./scene.js";
import { get, path } from "./server.js";
import { change, sheet } from "./sheet.js";

let drawn = "";

/** Draws the sheet from this workflow, with the defaults of its brief and no group called yet. */
export async function use(name) {
  const workflow = await describe(name);
  change({ workflow, chosen: new Set(), told: {} });
  const defaults = briefFields().map(({ key, default: value }) => [key, value ?? ""]);
  change({ brief: { ...Object.fromEntries(defaults), ...keptWords() } });
  change(recall(workflow));
}

/** What the server says of a workflow; one that it does not offer has runs, but no rows to call. */
async function describe(name) {
  if (sheet.workflows.some((each) => each.name === name)) return get(path("workflows", name));
  return { name, title: name, steps: [], fields: [], categories: [], limits: {} };
}

/** The idea goes along from one workflow to the next, where both ask for it. */
function keptWords() {
  const [first] = briefFields();
  const words = first && sheet.brief[first.key];
  return words ? { [first.key]: words } : {};
}

export function drawWorkflows() {
  const shape = JSON.stringify([sheet.workflows, sheet.workflow.name]);
  if (shape === drawn) return;
  drawn = shape;
  const { name, title } = sheet.workflow;
  const others = sheet.workflows.length > 1;
  at("about").replaceChildren(others ? choice(name) : title);
}

function choice(name) {
  const turn = async (event) => {
    change({ run: null, trouble: null });
    await use(event.target.value);
  };
  const select = make(
    "select",
    { "aria-label": "Workflow", on: { change: turn } },
    ...sheet.workflows.map((each) => make("option", { value: each.name }, each.title || each.name)),
  );
  select.value = name;
  return select;
}
