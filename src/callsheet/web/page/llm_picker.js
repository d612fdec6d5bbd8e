// Selects the LLM and shows whether its API key is set; any name of a known provider can be typed.

import { apiPath, attempt, post } from "./api_client.js";
import { button, byId, el, renderIfChanged, setText } from "./dom.js";
import { hasText, listAll, listAny, t } from "./language.js";
import { allGroups } from "./selectors.js";
import { setState, state } from "./store.js";

const OTHER = "other"; // no LLM: one that is typed

const MAX_EXAMPLES = 3;

const unlisted = new Set(); // typed or configured names that were selected: they can be selected again

export function renderLlmPicker() {
  const isListed = !state.llm || state.llms.some(({ spec }) => spec === state.llm);
  if (!isListed) unlisted.add(state.llm);
  const llms = [...state.llms, ...[...unlisted].map((spec) => selectedLlm(spec))];
  renderIfChanged(byId("llm-picker"), llms, () => picker(llms));
  const select = byId("llm-select");
  if (byId("llm-name").hidden && select.value !== state.llm) select.value = state.llm;
  setText(byId("llm-key"), keyStatus());
}

function picker(llms) {
  return [
    el("label", { for: "llm-select", class: "muted" }, t("llm.label")),
    el(
      "select",
      {
        id: "llm-select",
        "aria-describedby": "llm-key",
        on: { change: (event) => select(event.target.value) },
      },
      llms.map((llm) => el("option", { value: llm.spec }, label(llm))),
      el("option", { value: OTHER }, t("llm.other")),
    ),
    el("input", {
      type: "text",
      id: "llm-name",
      hidden: true,
      "aria-label": t("llm.name"),
      placeholder: t("llm.name_placeholder"),
      "aria-describedby": "llm-problem",
      autocomplete: "off",
      spellcheck: "false",
      on: {
        change: (event) => selectTyped(event.target),
        keydown: (event) => event.key === "Escape" && cancelTyping(event.target),
      },
    }),
    el("span", { id: "llm-key", class: "visually-hidden" }),
    el("p", { id: "llm-problem", class: "small error", "aria-live": "polite" }),
  ];
}

function label({ spec, title, key }) {
  const known = hasText(`llm.${spec}`) ? t(`llm.${spec}`) : (title ?? spec);
  const name = spec.includes(":") ? spec : known;
  return key === "missing" ? t("llm.without_key", { name }) : name;
}

function select(spec) {
  byId("llm-name").hidden = spec !== OTHER;
  showProblem("");
  if (spec === OTHER) byId("llm-name").focus();
  else setState({ llm: spec });
}

function cancelTyping(input) {
  input.value = "";
  selectTyped(input);
}

/** Selects what was typed, if the server knows it. */
async function selectTyped(input) {
  const spec = input.value.trim();
  const problem = spec && (await problemOf(spec));
  if (problem) return showProblem(problem, suggestionFor(spec));
  showProblem("");
  input.hidden = true;
  setState({ llm: spec || state.llm });
  byId("llm-select").focus();
}

/** Why an LLM cannot be selected, or an empty text; no LLM is called for it. */
async function problemOf(spec) {
  const [group] = allGroups();
  if (!group) return "";
  const body = { workflow: state.workflow.name, llm: spec, groups: [group.name] };
  const named = state.llms.filter(({ variables }) => variables);
  const examples = named.slice(0, MAX_EXAMPLES).map((llm) => llm.spec);
  const problem = t("llm.unknown", { name: spec, examples: listAll(examples) });
  return attempt(
    () => post(apiPath("estimate"), body).then(() => ""),
    ({ status }) => (status === 422 ? problem : ""), // a lost connection is reported elsewhere
  );
}

const FAMILIES = { openai: /^(gpt|chatgpt|o\d)/i, anthropic: /^claude/i, google: /^gemini/i };

/** A name with the provider that its beginning belongs to, if any. */
function suggestionFor(spec) {
  const found = Object.entries(FAMILIES).find(([, pattern]) => pattern.test(spec));
  return found && `${found[0]}:${spec}`;
}

function showProblem(text, suggestion) {
  const input = byId("llm-name");
  input.toggleAttribute("aria-invalid", Boolean(text));
  const use = () => {
    input.value = suggestion;
    selectTyped(input);
  };
  byId("llm-problem").replaceChildren(
    ...[text, suggestion && button(t("llm.use", { name: suggestion }), use)].filter(Boolean),
  );
}

/** Opens the choice of the LLM to the keyboard. */
export function focusLlm() {
  byId("llm-select").focus();
  byId("llm-picker").scrollIntoView({ block: "nearest" });
}

/** An LLM, the selected one by default; a typed one shares its key with the others of its provider. */
export function selectedLlm(wanted = state.llm) {
  const listed = state.llms.find(({ spec }) => spec === wanted);
  if (listed) return listed;
  const provider = (spec) => spec.split(":")[0];
  const sibling = state.llms.find(({ spec }) => provider(spec) === provider(wanted));
  const { title, key = "not_needed", variables = [], jobs = false } = sibling ?? {};
  return { spec: wanted, title, key, variables, jobs };
}

function keyStatus() {
  const { key, variables = [] } = selectedLlm();
  if (key === "missing") return t("llm.key_missing", { names: listAny(variables) });
  return t(key === "there" ? "llm.key_there" : "llm.key_not_needed");
}
