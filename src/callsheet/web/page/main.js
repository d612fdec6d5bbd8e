// Starts the page: loads what the server offers, draws every section after a change, hears events.

import { at } from "./element.js";
import { wireAppearance } from "./appearance.js";
import { drawCall } from "./call.js";
import { open, refresh } from "./deeds.js";
import { remember } from "./draft.js";
import { listen } from "./events.js";
import { wireKeys } from "./keys.js";
import { drawLlm } from "./llm.js";
import { drawMeter } from "./meter.js";
import { drawNotices } from "./notices.js";
import { drawPictures, wirePictures } from "./picture.js";
import { bringIntoSight, drawPrompts } from "./prompts.js";
import { drawReceipt } from "./receipt.js";
import { drawRunbar, loadFormats } from "./runbar.js";
import { drawRuns, hearOfRun, load } from "./runs.js";
import { drawScene } from "./scene.js";
import { get, path, Trouble } from "./server.js";
import { change, onChange, sheet } from "./sheet.js";
import { drawWorkflows, use } from "./workflow.js";

const SECTIONS = [
  drawWorkflows,
  drawLlm,
  drawRunbar,
  drawBatchOnceWanted,
  drawRuns,
  drawNotices,
  drawScene,
  drawPictures,
  drawCall,
  drawMeter,
  drawQuestionOnceAsked,
  drawPrompts,
  drawReceipt,
];

let watch = () => {};
let watched = null;

function draw() {
  if (!sheet.workflow) return drawNotices();
  for (const section of SECTIONS) section();
  follow();
  remember();
}

/** What few runs need is fetched when the first one does, so that the first paint stays light. */
async function drawQuestionOnceAsked() {
  if (!sheet.run?.question && at("question").hidden) return;
  const { drawQuestion } = await import("./question.js");
  drawQuestion();
  bringIntoSight("question");
}

async function drawBatchOnceWanted() {
  for (const id of ["scene", "call"]) at(id).classList.toggle("of-many", Boolean(sheet.batch));
  if (!sheet.batch && at("batch").hidden) return;
  const { drawBatch } = await import("./batch.js");
  drawBatch();
}

/** What is open, as the address has it: a run, a batch, or nothing. */
function place() {
  const { run, batch } = sheet;
  return run?.run ?? (batch?.document ? `batch=${batch.document.batch}` : null);
}

/** The address names the open run, so that a reload finds it; the stream brings its facts. */
function follow() {
  const run = sheet.run?.run ?? null;
  const here = place();
  if (here === watched) return;
  watched = here;
  document.title = run ? `${sheet.run.brief?.idea?.slice(0, 60) || run} · callsheet` : "callsheet";
  const address = here ? `#${here}` : location.pathname;
  if (decodeURIComponent(location.hash.slice(1)) !== (here ?? ""))
    history.pushState(null, "", address);
  watch(run, sheet.run?.seq ?? 0);
}

/** The run that the address names. */
function addressed() {
  const name = location.hash.slice(1);
  try {
    return decodeURIComponent(name) || null;
  } catch {
    return name; // no proper address: the server will say that there is no such run
  }
}

/** Opens what the address says: a run, or the empty sheet. */
async function followAddress() {
  const wanted = addressed();
  if (wanted === place()) return;
  if (!wanted?.startsWith("batch=")) return open(wanted);
  const { openBatch } = await import("./batch.js");
  await openBatch(wanted.slice("batch=".length));
}

function hear(name, data) {
  const mine = data.run === sheet.run?.run;
  if (name === "ready") {
    load();
    refresh();
  } else if (name === "run") {
    hearOfRun(data);
    if (mine && data.seq > sheet.run.seq) refresh();
  } else if (name === "gone") {
    load();
    if (mine) open(null);
  } else if (name === "fact" && mine && data.seq > sheet.run.seq) {
    refresh();
  } else if (name === "writing" && mine) {
    change({ writing: { ...sheet.writing, [data.prompt]: data.text } });
  }
}

async function begin() {
  const [workflows, { llms, chosen }] = await Promise.all([
    get(path("workflows")),
    get(path("llms")),
  ]);
  change({ workflows, llms, llm: chosen });
  await use(workflows[0].name);
  addEventListener("popstate", followAddress);
  addEventListener("hashchange", followAddress);
  await Promise.all([loadFormats(), followAddress()]);
  watch = listen({ hear, line });
  watched = undefined;
  import("./savings.js").then(({ drawSavings, loadSavings }) => {
    SECTIONS.push(drawSavings);
    loadSavings();
  });
  change({});
}

function line(stands) {
  change({ connected: stands });
}

async function beginWhenAnswered() {
  try {
    await begin();
    change({ connected: true });
  } catch (trouble) {
    if (!(trouble instanceof Trouble)) throw trouble;
    change(trouble.status ? { trouble } : { connected: false });
    if (!trouble.status) setTimeout(beginWhenAnswered, 1000);
  }
}

// Followed as a link, it would put itself in the address in the open run's place.
at("skip").addEventListener("click", (event) => {
  event.preventDefault();
  at("work").focus();
});
at("new-sheet").addEventListener("click", (event) => {
  event.preventDefault();
  open(null);
});
wireAppearance();
wireKeys();
wirePictures();
onChange(draw);
beginWhenAnswered();
