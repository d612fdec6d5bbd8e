// The meter: what this choice takes of all there is, as a picture and in figures, and the one button.

import { at, button, make, setText } from "./element.js";
import { cost, percent, whole } from "./figures.js";
import { press } from "./deeds.js";
import { isPictureWanted } from "./picture.js";
import { nextStep } from "./plan.js";
import { path, post, Trouble } from "./server.js";
import { change, chosenGroups, sheet } from "./sheet.js";

const known = new Map(); // estimates that were asked for already
let parts = null;

function build() {
  const gauge = make("div", { class: "gauge", role: "img" }, make("i"));
  const small = make("div", { class: "gauge", "aria-hidden": "true" }, make("i")); // for narrow screens
  const figures = make("div", { id: "figures" });
  const pressed = button("", press, { class: "main", id: "press" });
  const note = make("p", { class: "small soft" });
  const block = make(
    "div",
    { class: "block" },
    make("h2", { class: "heading" }, "The meter"),
    gauge,
    figures,
  );
  at("meter").replaceChildren(
    block,
    make("div", { class: "block press" }, small, pressed, note),
    make("div", { class: "block", id: "receipt", hidden: true }),
    make("div", { class: "block", id: "savings", hidden: true }),
  );
  return { gauge, small, figures, pressed, note };
}

export function drawMeter() {
  parts ??= build();
  const { gauge, small, pressed, note } = parts;
  const step = nextStep();
  measure(step);
  const told = sheet.estimate;
  const [some, all] = [
    told?.selection?.instruction_tokens ?? 0,
    told?.all?.instruction_tokens ?? 0,
  ];
  for (const each of [gauge, small]) {
    each.firstChild.style.setProperty("--part", all ? some / all : 0);
  }
  gauge.setAttribute(
    "aria-label",
    all ? `${whole(some)} of ${whole(all)} instruction tokens` : "nothing is called yet",
  );
  drawFigures(told, some, all);
  pressed.hidden = step.kind === "done" || step.kind === "answer";
  setText(pressed, sheet.busy ? "One moment…" : step.label);
  const idle = ["wait", "answer", "choose", "done"].includes(step.kind) || sheet.busy;
  pressed.setAttribute("aria-disabled", String(idle));
  setText(note, [price(step), step.note].filter(Boolean).join(" "));
}

function drawFigures(told, some, all) {
  const shape = JSON.stringify([told, some, all]);
  if (parts.figures.dataset.shape === shape) return;
  parts.figures.dataset.shape = shape;
  if (!all)
    return parts.figures.replaceChildren(make("p", { class: "soft small" }, "No group is called."));
  parts.figures.replaceChildren(
    make(
      "table",
      { class: "beside" },
      make("thead", {}, make("tr", {}, make("td"), heading("called"), heading("all"))),
      make(
        "tbody",
        {},
        line("instructions", whole(some), whole(all), " tokens"),
        isPaid()
          ? line("cost ≈", cost(told.selection.cost_usd), cost(told.all.cost_usd))
          : null,
      ),
    ),
    make("p", { class: "good" }, `${percent(100 * (1 - some / all))} of the instructions not sent`),
  );
}

/** Whether an LLM that has a price writes. */
function isPaid() {
  return sheet.llm !== "offline" && sheet.llm !== "paste";
}

function heading(name) {
  return make("th", { scope: "col" }, name);
}

function line(name, called, all, unit = "") {
  const unseen = unit ? make("span", { class: "unseen" }, unit) : null;
  return make(
    "tr",
    {},
    make("th", { scope: "row" }, name, unseen),
    make("td", { class: "total" }, called),
    make("td", {}, all),
  );
}

/** What pressing the button will cost. */
function price(step) {
  if (step.kind === "batch") return priceOfAll(sheet.batch.judged);
  if (step.kind === "start") {
    if (sheet.llm === "offline") return "Free: offline drafts, written by no LLM.";
    if (sheet.llm === "paste") return "You carry it to a chat and back.";
    return about(sheet.estimate?.selection);
  }
  if (step.kind !== "retry") return "";
  return about(known.get(previewKey(step))?.cost);
}

/** The price of a whole sheet: with replies of usual length, and with every row mended at worst. */
function priceOfAll({ least_usd: least, most_usd: most, calls }) {
  if (sheet.llm === "offline") return "Free: offline drafts, written by no LLM.";
  if (calls === 0) return "No call, nothing to pay.";
  if (least === null || most === null) return "The price is unknown.";
  return `${cost(least)} to ${cost(most)}: the second with every row repaired.`;
}

function about(told) {
  if (!told) return "";
  if (told.calls === 0) return "No call, nothing to pay.";
  if (!isPaid()) return "Free.";
  return told.cost_usd === null ? "The price is unknown." : `About ${cost(told.cost_usd)}.`;
}

function previewKey(step) {
  return keyOf(["preview", sheet.run.run, sheet.run.seq, step.wish]);
}

/** What was asked, as a key; a picture by its place in memory, not by its millions of letters. */
function keyOf(asked) {
  const { data, url } = sheet.picture ?? {};
  return JSON.stringify(asked, (_, value) => (value === data && data ? url : value));
}

/** Asks the server for the figures of this choice; no LLM is called for it. */
function measure(step) {
  const groups = chosenGroups().map((group) => group.name);
  if (groups.length === 0) {
    if (sheet.estimate) change({ estimate: null });
    return;
  }
  const wish = { workflow: sheet.workflow.name, llm: sheet.llm, groups };
  if (sheet.picture && isPictureWanted()) wish.picture = sheet.picture.data;
  const key = keyOf(wish);
  if (known.has(key)) {
    if (known.get(key) && sheet.estimate !== known.get(key)) change({ estimate: known.get(key) });
  } else {
    fetchOnce(key, () => post(path("estimate"), wish));
  }
  if (step.kind !== "retry") return;
  const { run } = sheet.run;
  const preview = previewKey(step);
  if (!known.has(preview)) fetchOnce(preview, () => post(path("runs", run, "preview"), step.wish));
}

async function fetchOnce(key, fetching) {
  known.set(key, null);
  try {
    known.set(key, await fetching());
  } catch (trouble) {
    if (!(trouble instanceof Trouble)) throw trouble;
    if (trouble.status === 0) known.delete(key); // the line is down: it is asked again when it stands
    return;
  }
  change({});
}
