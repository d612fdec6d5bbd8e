// Actions of the open batch that are asked about before they are performed.

import { button, byId, el } from "./dom.js";
import { setState } from "./store.js";

let asked = null; // the `batch`, and the `id` of the action

/** The action of this batch that is asked about, which is shown beside the batch itself. */
export function askedOf({ batch }) {
  if (asked?.batch !== batch) asked = null;
  return asked?.id;
}

/** A button, or once it was pressed `question` with the buttons `confirm` and `leave`. */
export function confirmed(batch, { id, label, question, confirm = label, leave, act }) {
  const confirmId = `confirm-${id}`;
  if (askedOf(batch) !== id)
    return button(label, () => ask({ batch: batch.batch, id }, confirmId), { class: "link-button", id });
  const perform = () => {
    asked = null;
    act();
  };
  return [
    el("span", {}, question),
    button(confirm, perform, { class: "link-button", id: confirmId }),
    button(leave, () => ask(null, id), { class: "link-button" }),
  ];
}

function ask(what, focused) {
  asked = what;
  setState({});
  queueMicrotask(() => byId(focused)?.focus()); // once it is rendered
}
