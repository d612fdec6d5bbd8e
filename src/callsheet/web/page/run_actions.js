// Actions on runs: open, start, retry, resume, edit, answer, interrupt and delete.

import { apiPath, attempt, get, getFile, post, remove } from "./api_client.js";
import { setImage, switchImage, takeFile } from "./image_picker.js";
import { announce } from "./live_region.js";
import { clearDraft, loadDraft, loadInputs } from "./draft.js";
import { fromServer, t } from "./language.js";
import { expectResult } from "./scrolling.js";
import {
  briefFields,
  categories,
  defaultBrief,
  followUpQuestion,
  imageField,
  messageWithStep,
  modelsOfRun,
  promptTexts,
} from "./selectors.js";
import { setState, state } from "./store.js";
import { selectWorkflow } from "./workflow_picker.js";

/** Performs one action at a time and applies its response; returns whether it succeeded. */
export async function perform(request, apply) {
  if (state.busy) return false;
  setState({ busy: true, error: null });
  try {
    const send = async () => {
      apply(await request());
      return true;
    };
    return await attempt(send, (error) => {
      const field = error.code === "bad_answer" && fieldIn(error.message);
      if (field) setState({ fieldErrors: { [field.key]: fromServer(error.hint || error.message) } });
      else setState({ error: Object.assign(error, { repeat: () => perform(request, apply) }) });
      return false;
    });
  } finally {
    setState({ busy: false });
  }
}

/** The field of the brief that a message names. */
function fieldIn(message) {
  return briefFields().find(({ key }) => message.includes(`\`${key}\``));
}

/** Notes a title, a text or a favourite mark of the open run; returns whether it succeeded. */
export function noteRun(note) {
  return postBesideOthers("notes", note);
}

/** Keeps the image rendered from a model's prompt, in base64, or removes it with null. */
export function keepImage(model, image) {
  return postBesideOthers("images", { model, image });
}

/** Sends what disturbs no other action, so that it need not wait for one. */
async function postBesideOthers(action, body) {
  const { run: name } = state.run;
  setState({ error: null });
  const send = async () => {
    const run = await post(apiPath("runs", name, action), body);
    if (state.run?.run === name) applyRun(run);
    return true;
  };
  return attempt(send, (error) => {
    setState({ error: Object.assign(error, { repeat: () => postBesideOthers(action, body) }) });
    return false;
  });
}

function postToRun(action, body) {
  return perform(() => post(apiPath("runs", state.run.run, action), body), applyRun);
}

export async function startRun(body) {
  // What was entered stays: the new run's document has it only once its first step has ended.
  const apply = (run) => {
    clearDraft();
    setState({ run, batch: null });
  };
  if (await perform(() => post(apiPath("runs"), body), apply)) onWriting(body);
  setState({ presetAnswers: {} });
}

export async function retryRun(body) {
  const written = promptTexts(state.run.prompts).map(({ name }) => name);
  if (await postToRun("retry", body)) onWriting(body, written);
  setState({ presetAnswers: {} });
}

/** Folds what was entered, scrolls to the new prompts, and remembers that the image was sent. */
function onWriting({ picture }, written = []) {
  expectResult(written);
  setState({ unfolded: {} });
  if (picture && state.image) setState({ image: { ...state.image, sentTo: state.run.run } });
}

export async function resumeRun(body) {
  await postToRun("resume", body);
}

/** Rewrites the prompts of these models, changed as `request` says. */
export async function rewritePrompts(models, request = "") {
  await postToRun("retry", rewriteBody(models, request));
}

export function rewriteBody(models, request = "") {
  const llm = state.llm === state.run.llm ? {} : { llm: state.llm };
  return { rewrite: models, ...(request && { wish: request }), ...llm };
}

/** Answers the open question; returns the error, if any. */
export async function answerQuestion(value) {
  const { run, question } = state.run;
  setState({ busy: true, error: null });
  try {
    const body = { question: question.number, value };
    return await attempt(
      () => post(apiPath("runs", run, "answers"), body).then(() => null),
      (error) => {
        if (error.code === "already_answered") announce(t("run.answered_elsewhere"));
        else setState({ error });
        return error;
      },
    );
  } finally {
    setState({ busy: false });
    await refreshRun();
  }
}

export async function interruptRun() {
  await postToRun("interrupt");
}

export async function deleteRun(run) {
  await perform(
    () => remove(apiPath("runs", run)),
    () => setState({ run: null }),
  );
}

/** Opens a run, or with null a new run: as it was left, or with the same brief. */
export async function openRun(name) {
  setState({ error: null, activity: null, fieldErrors: {}, unfolded: {} });
  if (name === null) {
    if (location.hash) history.pushState(null, "", location.pathname);
    switchImage(state.run?.run ?? null, null);
    return setState({ run: null, batch: null, presetAnswers: {}, ...loadDraft() });
  }
  await attempt(
    async () => {
      const run = await get(apiPath("runs", name));
      if (run.workflow !== state.workflow.name) await selectWorkflow(run.workflow);
      // What is open by now: an image may have been chosen for it meanwhile.
      switchImage(state.run?.run ?? null, name);
      applyRun(run);
    },
    (error) => setState({ run: null, error: Object.assign(error, { isNavigation: true }) }),
  );
}

/** Begins a new run with everything that the open one has; nothing is written before it is asked for. */
export async function duplicateRun() {
  const { run, still } = state.run;
  const asking = categories().find(({ name }) => followUpQuestion(name));
  const key = asking && followUpQuestion(asking.name).key;
  const { brief, selected, llm, image } = state;
  const given = image ? undefined : state.run.pictures?.[imageField()?.key];
  openRun(null);
  if (state.image !== image) setImage(image);
  setState({ brief, selected: new Set(selected), llm, presetAnswers: key && still ? { [key]: still } : {} });
  if (given) await attempt(() => takeImageOf(run, given), (error) => setState({ error }));
  announce(t("run.duplicated"));
}

/** Takes the image that an earlier run was given, unless another run was opened meanwhile. */
async function takeImageOf(run, { media_type: type }) {
  const path = apiPath("runs", run, "pictures", imageField().key);
  const file = await getFile(path, `${run}.${type.split("/")[1]}`);
  if (!state.run && !state.image) await takeFile(file);
}

let refreshing = null;
let isStale = false;

/** Reloads the open run; requests made during a reload cause one more. */
export async function refreshRun() {
  isStale = true;
  refreshing ??= reloadWhileStale().finally(() => (refreshing = null));
  await refreshing;
}

async function reloadWhileStale() {
  while (isStale && state.run) {
    isStale = false;
    const name = state.run.run;
    await attempt(
      async () => {
        const run = await get(apiPath("runs", name));
        if (state.run?.run === name) applyRun(run);
      },
      (error) => error.status === 404 && setState({ run: null, error }),
    );
  }
}

/** Shows a run's document: a newer one of the open run, or another run with its own inputs. */
export function applyRun(run) {
  const before = state.run;
  const isSame = before?.run === run.run;
  if (isSame && (run.seq < before.seq || run.note_seq < before.note_seq)) return;
  const modelsBefore = modelsOfRun();
  setState({ run, batch: null });
  if (isSame) fillBrief(before.brief);
  else setState(loadInputs());
  // What was added elsewhere is selected here, too; what a person has selected here stays selected.
  const added = [...modelsOfRun()].filter((model) => !modelsBefore.has(model));
  if (isSame && added.length > 0) setState({ selected: new Set([...state.selected, ...added]) });
  if (run.status === "running") return;
  setState({ activity: null });
  if (isSame && before.status === "running") announceEnd(run);
}

/** Shows fields of the brief that the run has by now, unless something else was entered here. */
function fillBrief(before) {
  const defaults = defaultBrief();
  const isNew = ([key]) => !(key in before) && state.brief[key] === defaults[key];
  const found = Object.entries(state.run.brief).filter(isNew);
  if (found.length > 0) setState({ brief: { ...state.brief, ...Object.fromEntries(found) } });
}

function announceEnd({ status, prompts, question, error }) {
  if (status === "succeeded")
    announce(t("run.done", { count: promptTexts(prompts).length }));
  else if (question) announce(fromServer(question.text).slice(0, 200));
  else if (error) announce(t("run.failed", { message: messageWithStep(error) }));
}
