// A prompt edited in place: judged by its model's rules with each pause, mended where code can.

import { button, make, setText } from "./element.js";
import { edit } from "./deeds.js";
import { whole } from "./figures.js";
import { drawFinding } from "./marks.js";
import { path, post, Trouble } from "./server.js";
import { limitOf, sheet } from "./sheet.js";

const PAUSE = 350; // milliseconds after the last key

/** The editor of a prompt; `end` is called when the person is done with it. */
export function newEditor({ category, name, text }, end) {
  const length = make("span", { class: "length small soft" });
  const findings = make("ul", { class: "findings", "aria-live": "polite" });
  const mend = button("Mend", () => put(mended), { hidden: true });
  const area = make("textarea", { "aria-label": `Text of ${name}`, spellcheck: "true" });
  area.value = text;
  let mended = null;
  let timer = 0;
  let turn = 0;

  async function judge() {
    const mine = ++turn;
    const told = await lint(category, name, area.value);
    if (mine !== turn || !told) return;
    findings.replaceChildren(...told.findings.map(drawFinding));
    mended = told.mended;
    mend.hidden = mended === null || mended === area.value;
  }

  function measure() {
    const limit = limitOf(name);
    const now = [...area.value].length;
    setText(
      length,
      limit === null ? `${whole(now)} characters` : `${whole(now)} / ${whole(limit)}`,
    );
    length.classList.toggle("stop", limit !== null && now > limit);
    clearTimeout(timer);
    timer = setTimeout(judge, PAUSE);
  }

  function put(value) {
    area.value = value;
    measure();
    area.focus();
  }

  async function save() {
    const changed = area.value.trim() && area.value !== text;
    if (!changed || (await edit(category, name, area.value))) end();
  }

  area.addEventListener("input", measure);
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape") end();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save();
  });
  measure();
  const actions = [
    button("Save", save),
    button("Leave as it was", end, { class: "quiet" }),
    mend,
    length,
  ];
  const element = make(
    "div",
    { class: "edit" },
    area,
    findings,
    make("div", { class: "actions" }, ...actions),
  );
  return { element, focus: () => area.focus() };
}

/** What the rules say of a text, and its mended form or null; null while the line is down. */
async function lint(category, name, text) {
  if (!text.trim()) return null;
  const [model, field] = name.split(".");
  // A prompt of several fields is judged as a whole; what concerns the others stands beside them.
  const prompt = field ? { ...sheet.run.prompts[category][model], [field]: text } : text;
  try {
    const told = await post(path("lint"), { model, text: prompt, workflow: sheet.workflow.name });
    return {
      findings: told.findings.filter((each) => each.path === name),
      mended: (field ? told.mended?.[field] : told.mended) ?? null,
    };
  } catch (trouble) {
    if (trouble instanceof Trouble) return null;
    throw trouble;
  }
}
