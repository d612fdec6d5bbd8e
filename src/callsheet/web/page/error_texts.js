// Errors in the page's own words, by their code: what happened, what to do, and the next steps.

import { sentence } from "./format.js";
import { listAny, t } from "./language.js";
import { selectedLlm } from "./llm_picker.js";

const LLM_STEPS = ["again", "paste", "llm"];

/** By code: the names of the steps that are offered as buttons; its texts are `error.CODE`. */
const ERROR_STEPS = {
  unreachable: ["again"],
  provider_key_missing: ["paste", "offline", "llm"],
  provider_auth: LLM_STEPS,
  provider_billing: LLM_STEPS,
  provider_quota: LLM_STEPS,
  llm_not_found: ["llm", "paste"],
  provider_rejected_request: ["llm", "paste"],
  input_too_large: ["groups", "llm"],
  provider_unreachable: LLM_STEPS,
  provider_proxy: LLM_STEPS,
  provider_tls: LLM_STEPS,
  provider_unavailable: LLM_STEPS,
  provider_timeout: ["again", "groups", "llm"],
  provider_error: LLM_STEPS,
  cost_ceiling: ["groups", "llm"],
  provider_job_refused: LLM_STEPS,
  provider_job_uncertain: ["again"],
  price_unknown: ["llm", "paste"],
  refused: ["brief", "llm"],
  filtered: ["brief", "llm"],
  output_truncated: ["again", "groups", "llm"],
  empty_response: LLM_STEPS,
  reply_unusable: LLM_STEPS,
  output_invalid: LLM_STEPS,
  storage_corrupt: ["again"],
  run_crashed: ["again"],
  internal: ["again"],
  run_held: ["again"],
  too_many_runs: ["again"],
  queue_stopped: ["again"],
  no_such_run: ["new"],
  not_found: ["new"],
};

const WITHOUT_DETAIL = ["provider_key_missing", "unreachable"]; // the server says no more than the page

const TERMINAL = /`|callsheet |--\w/; // words that belong to a terminal

/**
 * What the page says of an error: `{ text, hint, detail, steps }`. `detail` is what the server said,
 * where the page's own words say less.
 */
export function describeError({ code, message, hint = "" }, spec) {
  const known = ERROR_STEPS[code];
  if (!known) {
    const steps = code?.startsWith("storage") ? ["again"] : [];
    return { text: message, hint: TERMINAL.test(hint) ? "" : hint, detail: "", steps };
  }
  const words = wordsFor(spec);
  const [text, what] = [t(`error.${code}`, words), t(`error.${code}.hint`, words)];
  const isSaid = WITHOUT_DETAIL.includes(code) || sentence(message) === text;
  return { text, hint: what, detail: isSaid ? "" : message, steps: known };
}

/** The server's own words, below those of the page. */
export function serverSaid(message) {
  return t("notice.server_said", { message: sentence(message) });
}

function wordsFor(spec) {
  const { title, variables = [] } = selectedLlm(spec);
  const name = spec?.split(":").slice(1).join(":") || spec || t("error.the_llm");
  const names = listAny(variables.map((each) => `\`${each}\``));
  return { provider: title ?? t("error.the_llm"), name, key: keyText(names) };
}

/** Keys are never entered on the page: where else. */
export function keyText(names) {
  return names ? t("error.key", { names }) : t("error.key_unnamed");
}
