// Has the server check a text by its model's rules, and correct what code can correct.

import { apiPath, attempt, post } from "./api_client.js";
import { setState, state } from "./store.js";

/** The findings of a text and its corrected form or null; undefined if it cannot be checked now. */
export function lintText(category, name, text) {
  if (!text.trim()) return undefined;
  const [model, field] = name.split(".");
  // A prompt of several fields is checked as a whole; findings of other fields are shown there.
  const prompt = field ? { ...state.run.prompts[category]?.[model], [field]: text } : text;
  return attempt(async () => {
    const body = { model, text: prompt, workflow: state.workflow.name };
    const { findings, mended } = await post(apiPath("lint"), body);
    return {
      findings: findings.filter(({ path }) => path === name),
      fixed: (field ? mended?.[field] : mended) ?? null,
    };
  });
}

const corrections = new Map(); // of texts that break a rule, by name and text; null where code has none

/** A text as code corrects it, once that is known; undefined where there is nothing to correct. */
export function correctionOf({ category, name, text, findings, isEditable }) {
  if (!isEditable || text === undefined || findings.length === 0) return undefined;
  const key = `${name}\n${text}`;
  if (!corrections.has(key)) {
    corrections.set(key, null);
    loadCorrection(key, category, name, text);
  }
  return corrections.get(key) ?? undefined;
}

async function loadCorrection(key, category, name, text) {
  const { fixed } = (await lintText(category, name, text)) ?? {};
  if (!fixed || fixed === text) return;
  corrections.set(key, fixed);
  setState({});
}
