// Edits a batch's sheet: typed, pasted, dropped or chosen as a file, and checked while it changes.

import { apiPath, attempt, post } from "./api_client.js";
import { batchRequest } from "./batch_actions.js";
import { button, byId, el, inlineCode, renderIfChanged } from "./dom.js";
import { defaultBatchTitle, sentence } from "./format.js";
import { listAll, t } from "./language.js";
import { selectedLlm } from "./llm_picker.js";
import { setState, state } from "./store.js";

const CHECK_DELAY = 400; // milliseconds after the last key
const ZIP = "504b"; // how a workbook begins
const WORKBOOK = "data:application/vnd.openxmlformats-officedocument.spreadsheetml.sheet;base64,";
const MAX_LENGTH = 8_000_000; // characters
const MAX_EDITABLE = 200_000; // longer sheets are only previewed
const MAX_PROBLEMS = 20;

let checked = ""; // the request that was checked last
let checkTimer = 0;

/** Renders the editor of a batch that is not started; with null only stops checking. */
export function renderSheetEditor(element, batch) {
  if (!batch) {
    checked = "";
    return clearTimeout(checkTimer);
  }
  renderIfChanged(element, "sheet editor", editor);
  const area = byId("sheet-text");
  const isWorkbook = batch.text.startsWith(WORKBOOK);
  const isLong = batch.text.length > MAX_EDITABLE;
  area.readOnly = isWorkbook || isLong;
  const text = isLong ? `${batch.text.slice(0, 2_000)}…` : batch.text;
  const shown = isWorkbook ? t("sheet.workbook") : text;
  if (area.value !== shown) area.value = shown;
  byId("jobs-field").hidden = !selectedLlm().jobs;
  byId("sheet-jobs").checked = Boolean(batch.jobs);
  byId("repair-field").hidden = !(batch.jobs && selectedLlm().jobs);
  byId("sheet-repair").value = batch.repair ?? "live";
  scheduleCheck();
  renderIfChanged(byId("sheet-check"), [batch.check, batch.error], () => checkResult(batch));
}

function editor() {
  const file = el("input", {
    type: "file",
    accept: ".csv,.tsv,.txt,.jsonl,.ndjson,.json,.xlsx",
    hidden: true,
    on: { change: () => takeSheet(file.files[0]).then(() => (file.value = "")) },
  });
  const area = el("textarea", {
    id: "sheet-text",
    rows: 7,
    spellcheck: "false",
    placeholder: t("sheet.example"),
    "aria-describedby": "sheet-hint",
    on: { input: (event) => setBatch({ text: event.target.value }) },
  });
  const dragover = (event) => event.dataTransfer?.types.includes("Files") && event.preventDefault();
  const drop = (event) => {
    const [dropped] = event.dataTransfer?.files ?? [];
    if (!dropped) return;
    event.preventDefault();
    event.stopPropagation();
    takeSheet(dropped);
  };
  const jobs = el("input", {
    type: "checkbox",
    id: "sheet-jobs",
    on: { change: (event) => setBatch({ jobs: event.target.checked }) },
  });
  const clear = () => setBatch({ text: "", title: defaultBatchTitle() });
  const hint = inlineCode(t("sheet.hint"));
  return [
    el(
      "div",
      { class: "field sheet-field", on: { dragover, drop } },
      el("label", { for: "sheet-text" }, t("sheet.label")),
      area,
      el("p", { class: "hint", id: "sheet-hint" }, hint),
    ),
    el(
      "div",
      { class: "actions" },
      button(t("sheet.choose"), () => file.click()),
      file,
      button(t("sheet.clear"), clear, { class: "link-button" }),
      button(t("sheet.back"), () => setState({ batch: null }), { class: "link-button" }),
    ),
    el("label", { id: "jobs-field", hidden: true }, jobs, t("sheet.jobs")),
    repairField(),
    el("div", { id: "sheet-check", "aria-live": "polite" }),
  ];
}

/** Where corrections of a batch in jobs go. */
function repairField() {
  const options = ["live", "job"].map((value) => el("option", { value }, t(`sheet.repair_${value}`)));
  const change = (event) => setBatch({ repair: event.target.value });
  return el(
    "div",
    { class: "field", id: "repair-field", hidden: true },
    el("label", { for: "sheet-repair" }, t("sheet.repair")),
    el("select", { id: "sheet-repair", on: { change } }, options),
  );
}

function setBatch(values) {
  setState({ batch: { ...state.batch, check: null, error: null, ...values } });
}

/** Reads a file in the encodings of spreadsheets; the byte order mark is kept for the export. */
async function takeSheet(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const [first, second] = bytes;
  const marks = { fffe: "utf-16le", feff: "utf-16be" };
  const start = (first * 256 + second).toString(16);
  const encoding = marks[start] ?? "utf-8";
  try {
    const text =
      start === ZIP
        ? await workbookUrl(file)
        : new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes);
    if (text.length > MAX_LENGTH) throw new RangeError();
    setBatch({ text, title: file.name.replace(/\.[a-z]+$/i, "").slice(0, 80) || defaultBatchTitle() });
  } catch (error) {
    const message =
      error instanceof RangeError
        ? t("sheet.too_long", { name: file.name, limit: MAX_LENGTH })
        : t("sheet.not_text", { name: file.name });
    setBatch({ error: { message } });
  }
}

/** A workbook as a data URL; the server reads it. */
function workbookUrl(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(WORKBOOK + reader.result.replace(/^[^,]*,/, ""));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

/** Has the server check the sheet after a pause in typing, unless nothing has changed. */
function scheduleCheck() {
  const request = batchRequest();
  const key = request.sheet.trim() && JSON.stringify(request);
  if (key === checked) return;
  checked = key;
  clearTimeout(checkTimer);
  if (key) checkTimer = setTimeout(() => checkSheet(request, key), CHECK_DELAY);
}

async function checkSheet(request, key) {
  await attempt(
    async () => {
      const check = await post(apiPath("sheets"), request);
      if (checked === key) setBatch({ check });
    },
    (error) => checked === key && setBatch({ error }),
  );
}

/** What is wrong with the sheet, row by row, or what it contains. */
function checkResult({ check, error }) {
  if (check) {
    const { rows, finished, carried } = check;
    const parts = [
      t("count.ideas", { count: rows }),
      finished && t("sheet.finished", { count: finished }),
      carried.length > 0 && t("sheet.carried", { columns: listAll(carried) }),
    ];
    return el("p", { class: "success" }, sentence(parts.filter(Boolean).join("; ")));
  }
  if (!error) return [];
  const rows = error.code === "bad_rows" ? (error.more.problems ?? []) : [];
  if (rows.length === 0) {
    const text = [error.message, error.hint].filter(Boolean).join(": ");
    return el("p", { class: "error", role: "alert" }, inlineCode(text));
  }
  if (rows.every(isMissingGroup))
    return el("p", { class: "muted" }, inlineCode(sentence(t("sheet.no_group"))));
  const shown = rows.slice(0, MAX_PROBLEMS);
  const more = rows.length - shown.length;
  const items = shown.map((problem) => {
    const message = isMissingGroup(problem) ? t("sheet.no_group") : problem.message;
    return el("li", {}, inlineCode(t("sheet.row", { row: problem.row, message })));
  });
  return [
    el("p", { class: "error", role: "alert" }, t("sheet.fix_rows")),
    el("ul", { class: "findings" }, items),
    more > 0 && el("p", { class: "small muted" }, t("sheet.more", { count: more })),
  ];
}

function isMissingGroup({ message }) {
  return message.startsWith("no model group is named");
}
