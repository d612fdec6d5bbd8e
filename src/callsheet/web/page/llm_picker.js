// Selects the LLM and shows whether its API key is set; any name of a known provider can be typed.

import { byId, el, renderIfChanged, setText } from "./dom.js";
import { setState, state } from "./store.js";

const OTHER = "other…";

export function renderLlmPicker() {
  const isListed = !state.llm || state.llms.some(({ spec }) => spec === state.llm);
  const llms = isListed ? state.llms : [...state.llms, selectedLlm()];
  renderIfChanged(byId("llm-picker"), llms, () => picker(llms));
  const select = byId("llm-select");
  if (byId("llm-name").hidden && select.value !== state.llm) select.value = state.llm;
  setText(byId("llm-key"), keyStatus());
}

function picker(llms) {
  return [
    el("label", { for: "llm-select", class: "muted" }, "LLM"),
    el(
      "select",
      {
        id: "llm-select",
        "aria-describedby": "llm-key",
        on: { change: (event) => select(event.target.value) },
      },
      llms.map((llm) => el("option", { value: llm.spec }, label(llm))),
      el("option", { value: OTHER }, OTHER),
    ),
    el("input", {
      type: "text",
      id: "llm-name",
      hidden: true,
      "aria-label": "Name of the LLM, as openai:NAME",
      placeholder: "openai:NAME",
      autocomplete: "off",
      spellcheck: "false",
      on: { change: (event) => selectTyped(event.target) },
    }),
    el("span", { id: "llm-key", class: "visually-hidden" }),
  ];
}

function label({ spec, title, key }) {
  const name = spec.includes(":") ? spec : (title ?? spec).toLowerCase();
  return key === "missing" ? `${name} (no key)` : name;
}

function select(spec) {
  byId("llm-name").hidden = spec !== OTHER;
  if (spec === OTHER) byId("llm-name").focus();
  else setState({ llm: spec });
}

function selectTyped(input) {
  input.hidden = true;
  setState({ llm: input.value.trim() || state.llm });
  byId("llm-select").focus();
}

/** The selected LLM; a typed one shares its key with the others of its provider. */
export function selectedLlm() {
  const listed = state.llms.find(({ spec }) => spec === state.llm);
  if (listed) return listed;
  const provider = (spec) => spec.split(":")[0];
  const sibling = state.llms.find(({ spec }) => provider(spec) === provider(state.llm));
  const { key = "not_needed", variables = [] } = sibling ?? {};
  return { spec: state.llm, key, variables };
}

function keyStatus() {
  const { key, variables = [] } = selectedLlm();
  if (key === "missing") return `its API key is missing: set ${variables.join(" or ")}`;
  return key === "there" ? "its API key is set" : "needs no API key";
}
