// Formats numbers, costs, times and names.

const INTEGER = new Intl.NumberFormat("en-US");

export function formatNumber(number) {
  return INTEGER.format(number);
}

/** "1 prompt", "3 prompts". */
export function formatCount(number, noun) {
  return `${formatNumber(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** A cost with two significant digits; an unknown price is never shown as 0. */
export function formatCost(dollars) {
  if (dollars === null || dollars === undefined) return "unknown";
  if (dollars === 0) return "$0";
  if (dollars >= 0.1) return `$${dollars.toFixed(2)}`;
  return `$${Number(dollars.toPrecision(2))}`;
}

export function formatPercent(percent) {
  return `${Math.round(percent)} %`;
}

/** A length against its limit, or alone if there is none. */
export function formatLength(length, limit) {
  const characters = formatNumber(length);
  return limit === null ? `${characters} characters` : `${characters} / ${formatNumber(limit)}`;
}

/** A file size in bytes. */
export function formatSize(bytes) {
  return bytes < 1_000_000
    ? `${formatNumber(Math.max(1, Math.round(bytes / 1000)))} kB`
    : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** A duration in seconds. */
export function formatDuration(seconds) {
  if (seconds < 120) return `${Math.ceil(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** The time of day of a Unix time. */
export function formatTime(seconds) {
  const time = new Date(seconds * 1000);
  return time.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

/** The time if it is today, else the date: "14:05", "22 Nov". */
export function formatDate(seconds) {
  const [date, now] = [new Date(seconds * 1000), new Date()];
  if (date.toDateString() === now.toDateString()) return formatTime(seconds);
  const year = date.getFullYear() === now.getFullYear() ? {} : { year: "numeric" };
  return date.toLocaleDateString("en-GB", { day: "numeric", month: "short", ...year });
}

/** The title of a batch without a file name. */
export function defaultBatchTitle() {
  return `ideas ${formatTime(Date.now() / 1000)}`;
}

export function capitalize(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A message as a sentence: the server's begin in lower case and have no full stop. */
export function sentence(text) {
  const whole = /[.!?…:]$/.test(text) ? text : `${text}.`;
  return /^\w+:\/\//.test(text) ? whole : capitalize(whole);
}

/** A name from a file as a title: "image_generation" is "Image generation". */
export function humanize(name) {
  return capitalize(name.replaceAll(/[_.]+/g, " ").trim());
}
