// What the choice of groups has saved so far, run by run, as a small chart.

import { at, draw, make } from "./element.js";
import { count, percent, whole } from "./figures.js";
import { path, get, Trouble } from "./server.js";
import { change, isUnderWay, sheet } from "./sheet.js";

const [WIDTH, HEIGHT, WIDEST] = [240, 48, 14];
let drawn = "";
let counted = "";

export async function loadSavings() {
  try {
    change({ savings: await get(path("savings")) });
  } catch (trouble) {
    if (!(trouble instanceof Trouble)) throw trouble; // without the figures the page does all the rest
  }
}

/** Draws the chart, and asks for it anew after a run has ended. */
export function drawSavings() {
  const { run, seq } = sheet.run ?? {};
  const ended = run && !isUnderWay() ? `${run}:${seq}` : counted;
  if (ended !== counted) {
    counted = ended;
    loadSavings();
  }
  const rows = sheet.savings?.rows ?? [];
  at("savings").hidden = rows.length === 0;
  const shape = JSON.stringify(sheet.savings);
  if (rows.length === 0 || shape === drawn) return;
  drawn = shape;
  const { runs, instructions } = sheet.savings;
  const said = `${percent(instructions.percent)} of the instructions not sent, in ${count(runs, "run")}`;
  at("savings").replaceChildren(
    make("h2", { class: "heading" }, "Saved so far"),
    chart([...rows].reverse(), said),
    make("p", { class: "good small" }, said),
  );
}

/** Each run as a bar: all its groups' instructions, and within it what was sent. */
function chart(rows, said) {
  const most = Math.max(...rows.map(({ instructions }) => instructions.instruction_tokens_all), 1);
  const step = Math.min(WIDTH / rows.length, WIDEST);
  const bars = rows.flatMap(({ run, instructions }, index) => {
    const { instruction_tokens: sent, instruction_tokens_all: all } = instructions;
    const about = `${run}: ${whole(sent)} of ${whole(all)} instruction tokens`;
    return [
      bar("unsent", index * step, step, (all / most) * HEIGHT, about),
      bar("sent", index * step, step, (sent / most) * HEIGHT, about),
    ];
  });
  return draw(
    "svg",
    { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT + 1}`, role: "img", "aria-label": said },
    ...bars,
    draw("line", { x1: 0, x2: WIDTH, y1: HEIGHT + 0.5, y2: HEIGHT + 0.5 }),
  );
}

function bar(kind, x, step, height, about) {
  const shape = { class: kind, x, y: HEIGHT - height, width: Math.max(step - 2, 1), height };
  return draw("rect", shape, draw("title", {}, about));
}
