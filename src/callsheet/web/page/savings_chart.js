// A chart of what selecting groups has saved so far, run by run.

import { apiPath, attempt, get } from "./api_client.js";
import { byId, el, renderIfChanged, svg } from "./dom.js";
import { t } from "./language.js";
import { isRunning } from "./selectors.js";
import { setState, state } from "./store.js";

const [WIDTH, HEIGHT, MAX_BAR_WIDTH] = [240, 48, 14];
let lastEnded = "";

export async function loadSavings() {
  await attempt(async () => setState({ savings: await get(apiPath("savings")) }));
}

/** Renders the chart, and reloads it when the open run has ended. */
export function renderSavings() {
  const { run, seq } = state.run ?? {};
  const ended = run && !isRunning() ? `${run}:${seq}` : lastEnded;
  if (ended !== lastEnded) {
    lastEnded = ended;
    loadSavings();
  }
  const { rows = [], runs, instructions } = state.savings ?? {};
  const isSaved = rows.length > 0 && instructions.instruction_tokens < instructions.instruction_tokens_all;
  byId("savings").hidden = !isSaved;
  if (!isSaved) return;
  renderIfChanged(byId("savings"), state.savings, () => {
    const { instruction_tokens: sent, instruction_tokens_all: all } = instructions;
    const summary = t("savings.summary", { tokens: all - sent, count: runs });
    return [
      el("h2", {}, t("savings.title")),
      chart([...rows].reverse(), summary),
      el("p", { class: "success small" }, summary),
    ];
  });
}

/** One bar per run: the instructions of all groups, and within it those that were sent. */
function chart(rows, summary) {
  const max = Math.max(...rows.map(({ instructions }) => instructions.instruction_tokens_all), 1);
  const step = Math.min(WIDTH / rows.length, MAX_BAR_WIDTH);
  const bars = rows.flatMap(({ run, instructions }, index) => {
    const { instruction_tokens: sent, instruction_tokens_all: all } = instructions;
    const title = t("savings.bar", { run, tokens: sent, all });
    return [
      bar("unsent", index * step, step, (all / max) * HEIGHT, title),
      bar("sent", index * step, step, (sent / max) * HEIGHT, title),
    ];
  });
  return svg(
    "svg",
    { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT + 1}`, role: "img", "aria-label": summary },
    bars,
    svg("line", { x1: 0, x2: WIDTH, y1: HEIGHT + 0.5, y2: HEIGHT + 0.5 }),
  );
}

function bar(kind, x, step, height, title) {
  const attributes = { class: kind, x, y: HEIGHT - height, width: Math.max(step - 2, 1), height };
  return svg("rect", attributes, svg("title", {}, title));
}
