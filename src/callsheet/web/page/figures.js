// Says numbers, costs and times in one way everywhere.

const WHOLE = new Intl.NumberFormat("en-US");

export function whole(number) {
  return WHOLE.format(number);
}

/** "1 prompt", "3 prompts". */
export function count(number, thing) {
  return `${whole(number)} ${thing}${number === 1 ? "" : "s"}`;
}

/** A cost with two telling digits; an unknown price is said, never shown as 0. */
export function cost(dollars) {
  if (dollars === null || dollars === undefined) return "unknown";
  if (dollars === 0) return "$0";
  if (dollars >= 0.1) return `$${dollars.toFixed(2)}`;
  return `$${Number(dollars.toPrecision(2))}`;
}

export function percent(part) {
  return `${Math.round(part)} %`;
}

/** The day, and for today the time: "22 Nov", "14:05". */
export function when(seconds, now = new Date()) {
  const moment = new Date(seconds * 1000);
  if (moment.toDateString() === now.toDateString()) {
    return moment.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  }
  const year = moment.getFullYear() === now.getFullYear() ? {} : { year: "numeric" };
  return moment.toLocaleDateString("en-GB", { day: "numeric", month: "short", ...year });
}

/** What a sheet is called that has no name of its own: "ideas 14:05". */
export function newTitle() {
  return `ideas ${when(Date.now() / 1000)}`;
}

/** A name out of a file as a person says it: "image_generation" is "image generation". */
export function words(name) {
  const said = name.replaceAll(/[_.]+/g, " ").trim();
  return said.charAt(0).toUpperCase() + said.slice(1);
}
