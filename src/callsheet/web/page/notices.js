// Says above the work what stands in its way, each in a sentence and with one thing to do.

import { at, button, make, spoken } from "./element.js";
import { open, press } from "./deeds.js";
import { chosenLlm } from "./llm.js";
import { nextStep } from "./plan.js";
import { change, sheet, titled } from "./sheet.js";

let drawn = "";

export function drawNotices() {
  const notices = [line(), trouble(), failure(), parked(), key()].filter(Boolean);
  const shape = JSON.stringify(notices.map(({ text, hint, deed }) => [text, hint, deed?.name]));
  if (shape === drawn) return;
  drawn = shape;
  at("notices").replaceChildren(...notices.map(draw));
}

function draw({ text, hint, stop, deed }) {
  return make(
    "div",
    { class: stop ? "notice stop" : "notice", role: stop ? "alert" : "status" },
    make("p", {}, stop ? make("strong", {}, ...sentence(text)) : sentence(text)),
    hint ? make("p", { class: "hint" }, ...sentence(hint)) : null,
    deed ? make("div", { class: "actions" }, button(deed.name, deed.press)) : null,
  );
}

/** A message of the server's as a sentence: they begin small, as the command line prints them. */
function sentence(text) {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return spoken(/[.!?…:]$/.test(begun) ? begun : `${begun}.`);
}

function line() {
  if (sheet.connected) return null;
  return {
    text: "the line to the server is down",
    hint: "nothing is lost; this page goes on by itself as soon as `callsheet serve` answers",
  };
}

function trouble() {
  if (!sheet.trouble || (!sheet.connected && sheet.trouble.status === 0)) return null;
  const { message, hint, status, isOfAddress, more } = sheet.trouble;
  const places = (more?.problems ?? []).map((each) => `${each.path} ${each.message}`).join("; ");
  return {
    stop: true,
    text: message,
    hint: [hint, places].filter(Boolean).join(" · "),
    deed:
      isOfAddress || status === 404
        ? { name: "Begin a new sheet", press: () => open(null) }
        : { name: "Dismiss", press: () => change({ trouble: null }) },
  };
}

function failure() {
  if (sheet.run?.status !== "failed" || !sheet.run.error) return null;
  const step = nextStep();
  const deed = step.kind === "resume" ? { name: step.label, press } : null;
  return { stop: true, text: titled(sheet.run.error), hint: sheet.run.error.hint, deed };
}

function parked() {
  const { status, until, error } = sheet.run ?? {};
  if (status !== "waiting" || !until) return null;
  const time = new Date(until * 1000).toLocaleTimeString("en-GB", {
    hour: "2-digit",
    minute: "2-digit",
  });
  return {
    text: error ? titled(error) : "the provider asks for a pause",
    hint: `it may be tried again at ${time}`,
    deed: { name: "Try now", press },
  };
}

function key() {
  const { spec, key, variables = [] } = chosenLlm();
  if (key !== "missing") return null;
  return {
    text: `the key for ${spec} is not there`,
    hint: `set ${variables.join(" or ")} where \`callsheet serve\` is started, and start it again`,
    deed: { name: "Use offline drafts", press: () => change({ llm: "offline" }) },
  };
}
