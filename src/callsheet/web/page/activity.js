// What the open run is doing now, or waits for, in one line.

import { formatDuration, formatTime, sentence } from "./format.js";
import { t } from "./language.js";
import { isRunning } from "./selectors.js";
import { state } from "./store.js";

/** `{ kind, label, detail, status }` of a run that is executed; undefined of one that stands still. */
export function currentActivity() {
  if (!isRunning()) return undefined;
  if (!state.connected) return described("away", "");
  const { kind, number, most, seconds, message } = state.activity ?? {};
  if (kind === "queued") return described("queued", t("activity.queued_detail"));
  if (kind === "retrying") {
    const pause = seconds >= 1 ? t("activity.next_try", { time: formatDuration(seconds) }) : "";
    return described(kind, `${sentence(message)} ${pause}`.trim(), { number, most });
  }
  return described("writing", "");
}

function described(kind, detail, values) {
  const [label, status] = [t(`activity.${kind}`, values), t(`run_status.${kind}`, values)];
  return { kind, label, detail, status };
}

/**
 * What a text that is not written yet waits for: `{ text, isWriting }`; `isNext` is whether it is the
 * one that would be written now.
 */
export function pendingText(isNext) {
  const { kind } = currentActivity() ?? {};
  const isWriting = kind === "writing" && isNext;
  const shown = kind === "writing" && !isNext ? "next" : kind;
  return { text: shown ? t(`pending.${shown}`) : "", isWriting };
}

/** Until when a parked run pauses: "paused until 14:05". */
export function pauseText(until) {
  return until ? t("run_status.paused_until", { time: formatTime(until) }) : t("run_status.paused");
}
