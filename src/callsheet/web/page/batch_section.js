// The section of a batch: the sheet while it is edited, the progress once it is started.

import { askedOf } from "./batch_confirmation.js";
import { doubtfulJobs } from "./batch_jobs.js";
import { batchProgress } from "./batch_progress.js";
import { renderBatchRows } from "./batch_rows.js";
import { byId, renderIfChanged, sectionBody } from "./dom.js";
import { renderSheetEditor } from "./sheet_editor.js";
import { state } from "./store.js";

export function renderBatchSection() {
  const { batch } = state;
  for (const id of ["brief", "groups"]) byId(id).classList.toggle("batch-mode", Boolean(batch));
  byId("batch").hidden = !batch;
  const document = batch?.document;
  byId("batch-rows").hidden = !document;
  if (document) {
    const inputs = [document, askedOf(document), doubtfulJobs(document)];
    renderIfChanged(sectionBody("batch"), inputs, () => batchProgress(document));
    renderBatchRows(byId("batch-rows"), document);
  }
  renderSheetEditor(sectionBody("batch"), document ? null : batch);
}
