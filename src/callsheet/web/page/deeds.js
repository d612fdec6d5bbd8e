// What a person can do to runs from the page; a failure is shown where it is seen, never swallowed.

import { say } from "./copying.js";
import { count } from "./figures.js";
import { categories, change, groupsOfRun, leavesOf, sheet, titled } from "./sheet.js";
import { emptyField, pointAt } from "./scene.js";
import { get, path, post, remove, Trouble } from "./server.js";
import { dropPicture } from "./picture.js";
import { nextStep } from "./plan.js";
import { use } from "./workflow.js";

/** Does what the one button says. */
export async function press() {
  const step = nextStep();
  if (step.kind.startsWith("batch")) {
    const { goOn, start } = await import("./batch.js");
    return step.kind === "batch" ? start() : goOn(step.kind === "batch-retry");
  }
  if (step.kind === "start") {
    const empty = emptyField();
    if (empty && pointAt(empty.key, "Say it in a few words first.")) return;
    if (await deed(() => post(path("runs"), step.wish))) sent(step.wish);
  } else if (step.kind === "retry") {
    if (await deed(() => post(path("runs", sheet.run.run, "retry"), step.wish))) sent(step.wish);
    change({ told: {} });
  } else if (step.kind === "resume") {
    await deed(() => post(path("runs", sheet.run.run, "resume"), resumed()));
  }
}

/** What was asked for is looked for, and a picture that went along goes along no second time. */
function sent({ picture }) {
  change({ isAwaited: true });
  if (picture && sheet.picture)
    change({ picture: { ...sheet.picture, sentTo: sheet.run.run } });
}

function resumed() {
  return sheet.llm && sheet.llm !== sheet.run.llm ? { llm: sheet.llm } : {};
}

/** Writes prompts anew: some models', or all. */
export async function rewrite(models) {
  const wish = { rewrite: models };
  if (sheet.llm !== sheet.run.llm) wish.llm = sheet.llm;
  await deed(() => post(path("runs", sheet.run.run, "retry"), wish));
}

/** Puts a person's own words in a prompt's place; true where that is done. */
export async function edit(category, name, text) {
  const done = await deed(() => post(path("runs", sheet.run.run, "edits"), { prompt: name, text }));
  // Accepting is the person's own affair where something was made from the old words.
  if (done && isReview(sheet.run.question) && !hasLaterPrompts(category)) await answer("accept");
  return done;
}

function isReview(question) {
  return Boolean(question) && question.key.startsWith("review.");
}

function hasLaterPrompts(category) {
  const names = categories().map(({ name }) => name);
  const later = names.slice(names.indexOf(category) + 1);
  return leavesOf(sheet.run.prompts).some((leaf) => later.includes(leaf.category));
}

/** Answers the open question; where another was faster, shows what was said instead. */
export async function answer(value) {
  const { run, question } = sheet.run;
  try {
    change({ busy: true, trouble: null });
    await post(path("runs", run, "answers"), { question: question.number, value });
  } catch (trouble) {
    if (!(trouble instanceof Trouble)) throw trouble;
    if (trouble.code === "already_answered") say("It was answered elsewhere meanwhile.");
    else change({ trouble });
    return trouble;
  } finally {
    change({ busy: false });
    await refresh();
  }
  return null;
}

export async function interrupt() {
  await deed(() => post(path("runs", sheet.run.run, "interrupt")));
}

/** Forgets a run for good. */
export async function forget(run) {
  await deed(async () => {
    await remove(path("runs", run));
    return null;
  });
}

/** Opens a run, or with null an empty sheet on the same scene. */
export async function open(run) {
  change({ trouble: null, writing: {}, told: {} });
  if (run === null) {
    if (location.hash) history.pushState(null, "", location.pathname);
    return change({ run: null, batch: null });
  }
  dropPicture();
  try {
    const document = await get(path("runs", run));
    if (document.workflow !== sheet.workflow.name) await use(document.workflow);
    take(document);
  } catch (trouble) {
    if (!(trouble instanceof Trouble)) throw trouble;
    change({ run: null, trouble: Object.assign(trouble, { isOfAddress: true }) });
  }
}

let fetching = null;
let again = false;

/** Asks for the open run once more; while an answer is under way, only remembers to. */
export async function refresh() {
  again = true;
  fetching ??= fetchWhileAsked().finally(() => (fetching = null));
  await fetching;
}

async function fetchWhileAsked() {
  while (again && sheet.run) {
    again = false;
    const { run } = sheet.run;
    try {
      const document = await get(path("runs", run));
      if (sheet.run?.run === run) take(document);
    } catch (trouble) {
      if (!(trouble instanceof Trouble)) throw trouble;
      if (trouble.status === 404) change({ run: null, trouble });
    }
  }
}

/** Takes a run's document in: a newer one of the same run, or another run with its own choice. */
export function take(document) {
  const before = sheet.run;
  const same = before?.run === document.run;
  if (same && document.seq < before.seq) return;
  const wasUnderWay = same && before.status === "running";
  const chosenBefore = JSON.stringify([...groupsOfRun()]);
  change({ run: document, batch: null });
  if (!same) adopt(document);
  // The rows follow the run where it says something new, be it from the terminal or another tab.
  else if (chosenBefore !== JSON.stringify([...groupsOfRun()])) callWhatRunCalls();
  if (document.status !== "running") change({ writing: {} });
  if (wasUnderWay && document.status !== "running") tell(document);
}

function adopt(document) {
  const brief = Object.fromEntries(
    Object.entries(document.brief ?? {}).map(([key, value]) => [key, String(value)]),
  );
  change({ brief: { ...sheet.brief, ...brief }, llm: document.llm || sheet.llm });
  if (groupsOfRun().size > 0) callWhatRunCalls();
}

function callWhatRunCalls() {
  change({ chosen: groupsOfRun() });
}

function tell(document) {
  const written = leavesOf(document.prompts).length;
  if (document.status === "succeeded") say(`Done: ${count(written, "prompt")} written.`);
  else if (document.question) say(`The run asks: ${document.question.text.slice(0, 200)}`);
  else if (document.error) say(`It failed. ${titled(document.error)}`);
}

/** Does something that answers with a run's document, or null for none; true where it went well. */
async function deed(what) {
  if (sheet.busy) return false;
  change({ busy: true, trouble: null });
  try {
    const document = await what();
    if (document === null) change({ run: null });
    else take(document);
    return true;
  } catch (trouble) {
    if (!(trouble instanceof Trouble)) throw trouble;
    change({ trouble });
    return false;
  } finally {
    change({ busy: false });
  }
}
