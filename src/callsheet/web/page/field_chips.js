// Buttons that fill in a field of the brief: its named values, common ratios, open, and example ideas.

import { button, el, svg } from "./dom.js";
import { capitalize } from "./format.js";
import { fieldTitle } from "./labels.js";
import { fromServer, t } from "./language.js";
import { means } from "./selectors.js";
import { setState, state } from "./store.js";

const RATIOS = ["1:1", "4:5", "2:3", "9:16", "3:2", "16:9", "21:9"];
const EXAMPLES = [1, 2, 3];

/** The row of buttons below a field; null where it has none. */
export function fieldChips(field, setField) {
  const chips = chipsOf(field);
  if (chips.length === 0) return null;
  return el(
    "div",
    {
      class: "chips",
      id: `field-${field.key}-chips`,
      role: "group",
      "aria-label": t("brief.suggestions", { field: fieldTitle(field.key) }),
    },
    chips.map(({ id, value, label, detail, icon }) =>
      button([icon, label], () => setField(field.key, value), {
        id,
        class: "chip",
        title: detail,
        "data-value": value === "" ? " " : value,
      }),
    ),
  );
}

/** Shows which of a field's buttons stands for its value. */
export function updateChips(field, value) {
  const row = document.getElementById(`field-${field.key}-chips`);
  for (const chip of row?.children ?? []) {
    const isPressed = means(field, chip.dataset.value.trim(), value.trim());
    chip.setAttribute("aria-pressed", String(isPressed));
  }
}

function chipsOf(field) {
  const { key, kind, options, may_be_open: mayBeOpen } = field;
  if (kind !== "text") return [];
  const named = options.map(({ name, label, detail }) => ({
    value: name,
    label: fromServer(label).replaceAll("_", " "),
    detail,
  }));
  const ratios = isRatio(field) ? RATIOS.map((value) => ({ value, label: value, icon: frame(value) })) : [];
  const detail = t("brief.open_detail");
  const open = mayBeOpen ? [{ id: `field-${key}-open`, value: "", label: t("brief.open"), detail }] : [];
  return [...open, ...named, ...ratios];
}

/** Whether a field takes an aspect ratio: its form has two numbers around a colon. */
export function isRatio({ pattern }) {
  try {
    return Boolean(pattern) && RATIOS.every((ratio) => new RegExp(`^(?:${pattern})$`, "u").test(ratio));
  } catch {
    return false;
  }
}

/** A small frame of this ratio. */
function frame(ratio) {
  const [width, height] = ratio.split(":").map(Number);
  const scale = 12 / Math.max(width, height);
  const [w, h] = [width * scale, height * scale];
  const rect = svg("rect", { x: (14 - w) / 2, y: (14 - h) / 2, width: w, height: h });
  return svg("svg", { class: "frame", viewBox: "0 0 14 14", "aria-hidden": "true" }, rect);
}

/** Three ideas to begin with, offered while the first field is empty. */
export function exampleIdeas({ key }) {
  const use = (idea) => () => {
    setState({ brief: { ...state.brief, [key]: idea } });
    document.getElementById(`field-${key}`).focus();
  };
  return el(
    "div",
    { class: "examples", id: "examples", role: "group", "aria-label": t("brief.examples") },
    el("span", { class: "small muted" }, t("brief.for_example")),
    EXAMPLES.map((number) => t(`brief.example_${number}`)).map((idea) =>
      button(capitalize(idea), use(idea), { class: "chip" }),
    ),
  );
}
