// Two texts side by side with their differences by word: of two attempts, two models or two runs.

import { apiPath, attempt, get } from "./api_client.js";
import { copyText } from "./clipboard.js";
import { button, el, unbroken } from "./dom.js";
import { formatDate } from "./format.js";
import { textLabel } from "./labels.js";
import { t } from "./language.js";
import { flattenPrompt, promptTexts } from "./selectors.js";
import { state } from "./store.js";
import { diffWords } from "./text_diff.js";

/** A panel that compares a prompt with what is selected; `current()` and `earlier()` are its texts. */
export function createComparison(name, { current, earlier, close }) {
  const columns = el("div", { class: "columns" });
  const select = el("select", { "aria-label": t("compare.with", { name: textLabel(name) }) });
  const render = async () => {
    const [kind, ...key] = select.value.split(" ");
    const other = await SOURCES[kind](name, key.join(" "), earlier());
    const title = select.selectedOptions[0].textContent;
    columns.replaceChildren(
      column(textLabel(name), current(), other ?? "", "ins"),
      other === undefined
        ? el("p", { class: "muted" }, t("compare.none"))
        : column(title, other, current(), "del"),
    );
  };
  select.addEventListener("change", render);
  const element = el(
    "div",
    { class: "comparison", role: "group", "aria-label": t("compare.title", { name: textLabel(name) }) },
    el(
      "div",
      { class: "comparison-head" },
      el("span", { class: "small muted" }, t("compare.beside")),
      select,
    ),
    columns,
    button(t("action.close"), close, { class: "link-button" }),
  );
  let shown = "";
  const update = () => {
    const found = choices(name, earlier());
    const key = JSON.stringify([current(), found]);
    if (key === shown) return;
    shown = key;
    const { value } = select;
    select.replaceChildren(...found.map(([label, entries]) => group(label, entries)));
    select.value = value;
    if (!select.value) select.selectedIndex = 0;
    render();
  };
  return { element, update, focus: () => select.focus() };
}

const SOURCES = {
  attempt: (_, index, earlier) => earlier[Number(index)]?.text,
  prompt: (_, other) => promptTexts(state.run.prompts).find(({ name }) => name === other)?.text,
  run: textOfRun,
};

/** What a prompt can be compared with: its earlier texts, the run's other prompts, other runs. */
function choices(name, earlier) {
  const others = promptTexts(state.run.prompts).filter((each) => each.name !== name);
  const { run: open, workflow: own } = state.run;
  const runs = state.runs.filter(({ run, workflow }) => run !== open && workflow === own);
  const found = [
    [t("compare.earlier"), earlier.map(({ ended }, index) => [`attempt ${index}`, atDate(ended)])],
    [t("compare.this_run"), others.map((each) => [`prompt ${each.name}`, textLabel(each.name)])],
    [t("compare.other_runs"), runs.map(({ run, title }) => [`run ${run}`, title || run])],
  ];
  return found.filter(([, entries]) => entries.length > 0);
}

function atDate(ended) {
  return t("compare.earlier_at", { date: formatDate(ended) });
}

function group(label, entries) {
  const options = entries.map(([value, text]) => el("option", { value }, text));
  return el("optgroup", { label }, options);
}

/** The same prompt of another run. */
function textOfRun(name, run) {
  return attempt(async () => {
    const { prompts } = await get(apiPath("runs", run));
    const [model] = name.split(".");
    const found = Object.values(prompts).find((models) => model in models);
    return flattenPrompt(model, found?.[model]).find((each) => each.name === name)?.text;
  });
}

/** A text in which what only it has is marked, by this element. */
function column(title, text, other, mark) {
  const parts = diffWords(other, text)
    .filter(({ kind }) => kind !== "removed")
    .map(({ kind, text: part }) => (kind === "same" ? unbroken(part) : el(mark, {}, unbroken(part))));
  const copy = (event) => copyText(event.currentTarget, text, title);
  return el(
    "div",
    {},
    el("h6", {}, title),
    el("p", { class: "text", dir: "auto" }, parts),
    button(t("action.copy"), copy, {
      class: "link-button",
      "aria-label": t("action.copy_what", { what: title }),
    }),
  );
}
