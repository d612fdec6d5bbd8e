// Many ideas at once: a sheet is written or dropped here, judged as it stands, and watched while it is done.

import { at, button, inside, make, spoken } from "./element.js";
import { say } from "./copying.js";
import { open } from "./deeds.js";
import { cost, count, newTitle, whole } from "./figures.js";
import { load } from "./runs.js";
import { briefFields } from "./scene.js";
import { get, path, post, remove, Trouble } from "./server.js";
import { change, chosenGroups, sheet } from "./sheet.js";

const PAUSE = 400; // milliseconds after the last key
const LOOK = 700; // between two looks at a batch that is under way
const MOST = 8_000_000; // letters of a sheet
const MOST_SHOWN = 200_000; // a longer sheet is not shown in the page
const MOST_NAMED = 20;
const UNDER_WAY = ["running", "stopping"];
const FILES = { csv: "CSV", jsonl: "JSON Lines", md: "Markdown" };
const NO_GROUP = "Call a group below, or name some in a column `groups`";
const STANDS = {
  running: "is being written",
  stopping: "is being stopped: calls under way may end",
  succeeded: "is done",
  failed: "is done but for the rows below",
  interrupted: "was stopped",
  paused: "is paused",
};

let drawn = "";
let judged = ""; // what was judged last
let timer = 0;

export function drawBatch() {
  const { batch } = sheet;
  at("batch").hidden = !batch;
  if (!batch) {
    drawn = judged = "";
    return clearTimeout(timer);
  }
  if (batch.document) drawWatched(batch.document);
  else drawComposed(batch);
}

function drawComposed(batch) {
  if (drawn !== "composed") {
    drawn = "composed";
    judged = "";
    inside("batch").replaceChildren(...composed());
  }
  const area = at("sheet-text");
  const isLong = batch.text.length > MOST_SHOWN;
  area.readOnly = isLong;
  const shown = isLong ? `${batch.text.slice(0, 2_000)}…` : batch.text;
  if (area.value !== shown) area.value = shown;
  judgeSoon();
  const place = at("sheet-found");
  const found = JSON.stringify([batch.judged, batch.trouble]);
  if (place.dataset.shape === found) return;
  place.dataset.shape = found;
  place.replaceChildren(...told(batch));
}

function composed() {
  const file = make("input", { type: "file", accept: ".csv,.tsv,.txt,.jsonl,.ndjson", hidden: true });
  file.addEventListener("change", () => takeFile(file.files[0]).then(() => (file.value = "")));
  const area = make("textarea", {
    id: "sheet-text",
    rows: 7,
    spellcheck: "false",
    placeholder: "idea,mood\na heron at dawn by the river,hushed\na boat under the bridge,",
    "aria-describedby": "sheet-hint",
    on: { input: (event) => compose({ text: event.target.value }) },
  });
  const over = (event) => event.dataTransfer?.types.includes("Files") && event.preventDefault();
  const drop = (event) => {
    const [dropped] = event.dataTransfer?.files ?? [];
    if (!dropped) return;
    event.preventDefault();
    event.stopPropagation();
    takeFile(dropped);
  };
  return [
    make(
      "div",
      { class: "field sheet-field", on: { dragover: over, drop } },
      make("label", { for: "sheet-text" }, "The sheet: one idea on each row"),
      area,
      make(
        "p",
        { class: "hint", id: "sheet-hint" },
        ...spoken(
          "Type, paste or drop it: CSV with a column `idea`, or JSON Lines. `mood`, `groups`, `id` and " +
            "the like speak for their row; the rows called below are for all others.",
        ),
      ),
    ),
    make(
      "div",
      { class: "actions" },
      button("Choose a file", () => file.click()),
      file,
      button("Clear", () => compose({ text: "", title: newTitle() }), { class: "quiet" }),
      button("One idea instead", () => change({ batch: null }), { class: "quiet" }),
    ),
    make("div", { id: "sheet-found", "aria-live": "polite" }),
  ];
}

function compose(values) {
  change({ batch: { ...sheet.batch, judged: null, trouble: null, ...values } });
}

/** Takes a file's text, in the encodings of spreadsheets; the mark stays, so that it comes out again. */
async function takeFile(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const [first, second] = bytes;
  const marks = { fffe: "utf-16le", feff: "utf-16be" };
  const code = marks[(first * 256 + second).toString(16)] ?? "utf-8";
  try {
    const text = new TextDecoder(code, { fatal: true, ignoreBOM: true }).decode(bytes);
    if (text.length > MOST) throw new RangeError();
    compose({ text, title: file.name.replace(/\.[a-z]+$/i, "").slice(0, 80) || newTitle() });
  } catch (error) {
    const isLarge = error instanceof RangeError;
    const message = isLarge
      ? `${file.name} has more than ${whole(MOST)} letters; \`callsheet batch\` takes any length`
      : `${file.name} is not UTF-8 text: save it as "CSV UTF-8"`;
    compose({ trouble: { message } });
  }
}

/** What is sent: the sheet, and what its rows do not say themselves. */
function wish() {
  const [, ...others] = briefFields();
  const brief = others
    .map(({ key }) => [key, (sheet.brief[key] ?? "").trim()])
    .filter(([, value]) => value);
  return {
    sheet: sheet.batch.text,
    title: sheet.batch.title,
    workflow: sheet.workflow.name,
    llm: sheet.llm,
    groups: chosenGroups().map(({ name }) => name),
    brief: Object.fromEntries(brief),
  };
}

function judgeSoon() {
  if (!sheet.batch.text.trim()) return (judged = "");
  const asked = wish();
  const key = JSON.stringify(asked);
  if (key === judged) return;
  judged = key;
  clearTimeout(timer);
  timer = setTimeout(() => judge(asked, key), PAUSE);
}

async function judge(asked, key) {
  try {
    const answer = await post(path("sheets"), asked);
    if (judged === key) compose({ judged: answer });
  } catch (trouble) {
    if (!(trouble instanceof Trouble)) throw trouble;
    if (judged === key) compose({ trouble });
  }
}

function isWithoutGroup({ message }) {
  return message.startsWith("no model group is named");
}

/** What is wrong with the sheet, row by row; or what it holds. */
function told({ judged: answer, trouble }) {
  if (answer) {
    const { rows, finished, carried } = answer;
    const parts = [count(rows, "idea")];
    if (finished) parts.push(`${whole(finished)} of them written already`);
    if (carried.length) parts.push(`carried through: ${carried.join(", ")}`);
    return [make("p", { class: "good" }, `${parts.join("; ")}.`)];
  }
  if (!trouble) return [];
  const rows = trouble.code === "bad_rows" ? (trouble.more.problems ?? []) : [];
  if (!rows.length) {
    return [make("p", { class: "stop", role: "alert" }, ...sentences(trouble))];
  }
  if (rows.every(isWithoutGroup)) return [make("p", { class: "soft" }, ...spoken(`${NO_GROUP}.`))];
  const named = rows.slice(0, MOST_NAMED);
  const line = ({ row, message }) => 
    make("li", {}, ...spoken(`Row ${row}: ${isWithoutGroup({ message }) ? NO_GROUP : message}`));
  const more = rows.length - named.length;
  return [
    make("p", { class: "stop", role: "alert" }, "Nothing is begun while rows are wrong:"),
    make("ul", { class: "findings" }, ...named.map(line)),
    more ? make("p", { class: "small soft" }, `and ${whole(more)} more`) : "",
  ];
}

export async function start() {
  await done(() => post(path("batches"), wish()));
}

export async function goOn(retryFailed) {
  const { batch } = sheet.batch.document;
  await done(() => post(path("batches", batch, "resume"), { retry_failed: retryFailed }));
}

/** Opens a kept batch by its name. */
export async function openBatch(name) {
  await done(() => get(path("batches", name)));
}

async function done(what) {
  if (sheet.busy) return;
  change({ busy: true, trouble: null });
  try {
    take(await what());
  } catch (trouble) {
    if (!(trouble instanceof Trouble)) throw trouble;
    change({ trouble });
  } finally {
    change({ busy: false });
  }
}

function take(document) {
  const before = sheet.batch?.document;
  const wasUnderWay = before?.batch === document.batch && UNDER_WAY.includes(before.status);
  change({ run: null, batch: { ...(sheet.batch ?? { text: "", title: newTitle() }), document } });
  if (wasUnderWay && !UNDER_WAY.includes(document.status))
    say(`${document.title} ${STANDS[document.status]}: ${progress(document)}`);
  clearTimeout(timer);
  if (UNDER_WAY.includes(document.status)) timer = setTimeout(look, LOOK);
}

async function look() {
  const name = sheet.batch?.document?.batch;
  if (!name) return;
  try {
    const document = await get(path("batches", name));
    if (sheet.batch?.document?.batch === name) take(document);
  } catch (trouble) {
    if (!(trouble instanceof Trouble)) throw trouble;
    timer = setTimeout(look, LOOK); // the line is down, and says so elsewhere
  }
}

function progress({ rows }) {
  return `${whole(rows.done)} of ${count(rows.total, "idea")} written`;
}

function drawWatched(document) {
  const shape = JSON.stringify(document);
  if (shape === drawn) return;
  const focused = window.document.activeElement?.closest?.("#batch [id]")?.id;
  drawn = shape;
  const { title, status, rows, error, failures } = document;
  const part = (rows.done + rows.failed) / Math.max(rows.total, 1);
  const gauge = make(
    "div",
    {
      class: "gauge",
      role: "progressbar",
      "aria-label": "Ideas",
      "aria-valuemin": "0",
      "aria-valuemax": String(rows.total),
      "aria-valuenow": String(rows.done + rows.failed),
    },
    make("i"),
  );
  gauge.firstChild.style.setProperty("--part", part);
  inside("batch").replaceChildren(
    make("p", { class: "asked" }, `${title} ${STANDS[status]}`),
    gauge,
    make("p", { class: "small" }, [progress(document), ...figures(document)].join(" · ")),
    error ? make("p", { class: "stop", role: "alert" }, ...sentences(error)) : "",
    deeds(document),
    failures.length ? failed(document) : "",
  );
  if (focused) at(focused)?.focus();
}

function sentences({ message, hint }) {
  return spoken([message, hint].filter(Boolean).join(": "));
}

function figures({ rows, usage, seconds_left: left }) {
  const tokens = usage.input_tokens + usage.output_tokens;
  return [
    rows.failed ? `${whole(rows.failed)} failed` : "",
    rows.repaired ? `${whole(rows.repaired)} repaired` : "",
    tokens ? `${whole(tokens)} tokens` : "",
    tokens ? cost(usage.cost_usd) : "",
    left ? `about ${span(left)} left` : "",
  ].filter(Boolean);
}

function span(seconds) {
  if (seconds < 120) return `${Math.ceil(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

function deeds({ batch, status }) {
  const files = Object.entries(FILES).map(([format, name]) =>
    make(
      "a",
      {
        class: "quiet",
        download: true,
        href: `${path("batches", batch, "download")}?format=${format}`,
      },
      name,
    ),
  );
  const isUnderWay = UNDER_WAY.includes(status);
  const stop = () => done(() => post(path("batches", batch, "stop")));
  const forget = async () => {
    await done(async () => {
      await remove(path("batches", batch));
      return { ...sheet.batch.document, gone: true };
    });
    if (!sheet.batch?.document?.gone) return;
    await open(null);
    load();
  };
  return make(
    "div",
    { class: "actions" },
    status === "running" ? button("Stop", stop, { id: "batch-stop" }) : "",
    make("span", { class: "soft small" }, isUnderWay ? "Download so far" : "Download"),
    ...files,
    isUnderWay ? "" : button("Delete with its runs", forget, { class: "quiet", id: "batch-delete" }),
    button("New sheet", () => change({ batch: { text: "", title: newTitle() } }), { id: "batch-new" }),
  );
}

function failed({ failures, rows }) {
  const line = ({ row, id, run, message }) =>
    make(
      "li",
      {},
      make("a", { href: `#${run}` }, `Row ${row}${id ? ` (${id})` : ""}`),
      ...spoken(`: ${message}`),
    );
  const more = rows.failed - failures.length;
  return make(
    "div",
    {},
    make("h3", {}, "Rows that failed"),
    make("ul", { class: "findings" }, ...failures.map(line)),
    more > 0 ? make("p", { class: "small soft" }, `and ${whole(more)} more, in the download`) : "",
  );
}
