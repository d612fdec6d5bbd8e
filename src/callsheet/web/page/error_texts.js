// Errors in the page's own words, by their code: what happened, what to do, and the next steps.

import { selectedLlm } from "./llm_picker.js";

const LLM_STEPS = ["again", "paste", "llm"];

/** By code: what happened, what to do, and the names of the steps that are offered as buttons. */
const TEXTS = {
  provider_key_missing: ["{provider} needs an API key", "{key}", ["paste", "offline", "llm"]],
  provider_auth: [
    "{provider} refused the API key",
    "Check that it is whole and current. {key}",
    LLM_STEPS,
  ],
  provider_billing: [
    "The account at {provider} has no credit left",
    "Add credit, then try again.",
    LLM_STEPS,
  ],
  provider_quota: [
    "The limit of the account at {provider} is used up",
    "Raise it or wait for its reset, then try again.",
    LLM_STEPS,
  ],
  llm_not_found: ["{provider} has no LLM named {name}", "Choose another one.", ["llm", "paste"]],
  provider_rejected_request: [
    "{provider} refused the request",
    "Another LLM may accept it.",
    ["llm", "paste"],
  ],
  input_too_large: [
    "The request is longer than {name} accepts",
    "Select fewer groups, or an LLM that reads more.",
    ["groups", "llm"],
  ],
  provider_unreachable: ["{provider} cannot be reached", "Check the network, or whether it runs.", LLM_STEPS],
  provider_proxy: ["The proxy to {provider} does not work", "Check the proxy of the server.", LLM_STEPS],
  provider_tls: ["The certificate of {provider} cannot be verified", "Check its address.", LLM_STEPS],
  provider_unavailable: ["{provider} is overloaded or failing", "Wait a little, then try again.", LLM_STEPS],
  provider_timeout: [
    "{name} took too long",
    "Try again, select fewer groups, or choose a faster LLM.",
    ["again", "groups", "llm"],
  ],
  provider_error: ["{provider} gave no usable answer", "Try again, or choose another LLM.", LLM_STEPS],
  cost_ceiling: [
    "This would cost more than the limit that is set",
    "Select fewer groups, or a cheaper LLM. Nothing was sent.",
    ["groups", "llm"],
  ],
  provider_job_refused: ["{provider} refused the batch job", "Nothing was sent.", LLM_STEPS],
  provider_job_uncertain: [
    "{provider} did not answer whether it took the batch job",
    "It may exist, so nothing is sent again.",
    LLM_STEPS,
  ],
  price_unknown: [
    "The price of {name} is not known, and a cost limit is set",
    "Choose an LLM whose price is known. Nothing was sent.",
    ["llm", "paste"],
  ],
  refused: ["{name} refused to write this", "Change the idea, or choose another LLM.", ["brief", "llm"]],
  filtered: [
    "The content filter of {provider} stopped this",
    "Change the idea, or choose another LLM.",
    ["brief", "llm"],
  ],
  output_truncated: [
    "The reply was cut off",
    "Select fewer groups, or choose another LLM.",
    ["again", "groups", "llm"],
  ],
  empty_response: ["The reply was empty", "Try again, or choose another LLM.", LLM_STEPS],
  reply_unusable: ["The reply could not be used", "Try again, or choose another LLM.", LLM_STEPS],
  output_invalid: [
    "Some prompts are still missing or break a rule",
    "Try again: only they are written.",
    LLM_STEPS,
  ],
  storage_corrupt: [
    "The storage of runs is damaged",
    "It is left unchanged. The documentation, under Reliability, says how to copy what can be read.",
    ["again"],
  ],
  run_crashed: ["The run was stopped several times from outside", "Try again.", ["again"]],
  internal: ["Something went wrong in callsheet itself", "Nothing is lost. Try again.", ["again"]],
  run_held: ["This run is open elsewhere", "Wait until it has ended there.", ["again"]],
  too_many_runs: ["Too many runs are active", "Wait until some have ended.", ["again"]],
  queue_stopped: ["The server is stopping", "Start it again; nothing is lost.", ["again"]],
  no_such_run: ["There is no such run", "It may have been deleted.", ["new"]],
  not_found: ["There is nothing at this address", "", ["new"]],
};

const TERMINAL = /`|callsheet |--\w/; // words that belong to a terminal

/**
 * What the page says of an error: `{ text, hint, detail, steps }`. `detail` is what the server said,
 * where the page's own words say less.
 */
export function describeError({ code, message, hint = "" }, spec) {
  const [text, what, known] = TEXTS[code] ?? [];
  if (!text) {
    const isTerminal = TERMINAL.test(hint) || code === "unreachable";
    const steps = code?.startsWith("storage") ? ["again"] : [];
    return { text: message, hint: isTerminal ? "" : hint, detail: "", steps };
  }
  const words = wordsFor(spec);
  const fill = (each) => each.replace(/\{(\w+)\}/g, (_, name) => words[name]);
  const hasDetail = code !== "provider_key_missing" && message !== text;
  return { text: fill(text), hint: fill(what), detail: hasDetail ? message : "", steps: known };
}

function wordsFor(spec) {
  const { title, variables = [] } = selectedLlm(spec);
  const name = spec?.split(":").slice(1).join(":") || spec || "the LLM";
  const names = variables.map((each) => `\`${each}\``).join(" or ");
  return { provider: title ?? "the LLM", name, key: keyText(names) };
}

/** Keys are never entered on the page: where else. */
export function keyText(names) {
  if (!names) return "The server reads the key when it is started; it is never entered here.";
  return `Keys are never entered here: stop the server, set ${names} in its environment, and start it again.`;
}
