// Which LLM writes, and whether its key is there; another name of a known provider can be typed.

import { at, make, setText } from "./element.js";
import { change, sheet } from "./sheet.js";

const OTHER = "another…";
let drawn = "";

export function drawLlm() {
  const known = sheet.llms.some(({ spec }) => spec === sheet.llm);
  const specs =
    known || !sheet.llm ? sheet.llms : [...sheet.llms, { spec: sheet.llm, key: keyOf(sheet.llm) }];
  const shape = JSON.stringify(specs);
  if (shape !== drawn) {
    drawn = shape;
    build(specs);
  }
  const select = at("llm-choice");
  if (at("llm-name").hidden && select.value !== sheet.llm) select.value = sheet.llm;
  setText(at("llm-key"), about());
}

function build(specs) {
  at("llm").replaceChildren(
    make("label", { for: "llm-choice", class: "soft" }, "LLM"),
    make(
      "select",
      {
        id: "llm-choice",
        "aria-describedby": "llm-key",
        on: { change: (e) => choose(e.target.value) },
      },
      ...specs.map((llm) => make("option", { value: llm.spec }, nameOf(llm))),
      make("option", { value: OTHER }, OTHER),
    ),
    make("input", {
      type: "text",
      id: "llm-name",
      hidden: true,
      "aria-label": "Name of the LLM, as openai:NAME",
      placeholder: "openai:NAME",
      autocomplete: "off",
      spellcheck: "false",
      on: { change: (event) => typed(event.target) },
    }),
    make("span", { id: "llm-key", class: "unseen" }),
  );
}

function nameOf({ spec, title, key }) {
  const name = spec.includes(":") ? spec : (title ?? spec).toLowerCase();
  return key === "missing" ? `${name} (no key)` : name;
}

function choose(spec) {
  const other = spec === OTHER;
  at("llm-name").hidden = !other;
  if (other) at("llm-name").focus();
  else change({ llm: spec });
}

function typed(input) {
  input.hidden = true;
  change({ llm: input.value.trim() || sheet.llm });
  at("llm-choice").focus();
}

/** Whether the key of a typed LLM is there: as with the others of its provider. */
function keyOf(spec) {
  const provider = spec.split(":")[0];
  return sheet.llms.find((llm) => llm.spec.split(":")[0] === provider)?.key ?? "not_needed";
}

export function chosenLlm() {
  const found = sheet.llms.find(({ spec }) => spec === sheet.llm);
  if (found) return found;
  const provider = sheet.llm.split(":")[0];
  const sibling = sheet.llms.find((llm) => llm.spec.split(":")[0] === provider);
  return { spec: sheet.llm, key: keyOf(sheet.llm), variables: sibling?.variables ?? [] };
}

function about() {
  const { key, variables = [] } = chosenLlm();
  if (key === "missing") return `its key is not there: set ${variables.join(" or ")}`;
  return key === "there" ? "its key is there" : "needs no key";
}
