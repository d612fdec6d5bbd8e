// What the open run is doing now, or waits for, in one line.

import { formatTime, sentence } from "./format.js";
import { isRunning } from "./selectors.js";
import { state } from "./store.js";

const AWAY = {
  kind: "away",
  label: "The server is away",
  detail: "Nothing is lost. This page goes on as soon as the server answers.",
};
const QUEUED = { kind: "queued", label: "Queued", detail: "It starts as soon as another run has ended." };

/** `{ kind, label, detail }` of a run that is executed; undefined of one that stands still. */
export function currentActivity() {
  if (!isRunning()) return undefined;
  if (!state.connected) return AWAY;
  const { kind, number, most, seconds, message } = state.activity ?? {};
  if (kind === "queued") return QUEUED;
  if (kind === "retrying") {
    const pause = seconds >= 1 ? ` The next try is in ${Math.ceil(seconds)} s.` : "";
    const detail = `${sentence(message)}${pause}`;
    return { kind, label: `Trying again: ${number} of ${most}`, detail };
  }
  return { kind: "writing", label: "Writing…", detail: "" };
}

/** What a text that is not written yet waits for; `isNext` is whether it is the one being written. */
export function pendingText(isNext) {
  const { kind } = currentActivity() ?? {};
  if (kind === "away") return "waiting for the server";
  if (kind === "queued") return "queued";
  if (kind === "retrying") return "waiting for the next try";
  return isNext ? "writing " : "not begun";
}

/** Until when a parked run pauses: "paused until 14:05". */
export function pauseText(until) {
  return until ? `paused until ${formatTime(until)}` : "paused";
}
