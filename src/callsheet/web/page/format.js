// Formats costs, times, sizes and names as the page's language has them.

import { formatNumber, locale, t } from "./language.js";

/** A cost with two significant digits; an unknown price is never shown as 0. */
export function formatCost(dollars) {
  if (dollars === null || dollars === undefined) return t("cost.unknown");
  const digits = dollars >= 0.1 ? {} : { maximumSignificantDigits: 2, minimumSignificantDigits: 1 };
  const currency = { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol" };
  return new Intl.NumberFormat(locale(), { ...currency, ...digits }).format(dollars);
}

export function formatPercent(percent) {
  return new Intl.NumberFormat(locale(), { style: "percent" }).format(percent / 100);
}

function formatUnit(number, unit, digits = 0) {
  const options = { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: digits };
  return new Intl.NumberFormat(locale(), options).format(number);
}

/** A length against its limit, or alone if there is none. */
export function formatLength(length, limit) {
  return t(limit === null ? "count.characters" : "count.of_limit", { count: length, limit });
}

/** A file size in bytes. */
export function formatSize(bytes) {
  return bytes < 1_000_000
    ? formatUnit(Math.max(1, Math.round(bytes / 1000)), "kilobyte")
    : formatUnit(bytes / 1e6, "megabyte", 1);
}

/** A duration in seconds. */
export function formatDuration(seconds) {
  if (seconds < 120) return formatUnit(Math.ceil(seconds), "second");
  return seconds < 7200 ? formatUnit(seconds / 60, "minute") : formatUnit(seconds / 3600, "hour", 1);
}

/** The time of day of a Unix time. */
export function formatTime(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString(locale(), { timeStyle: "short" });
}

/** The time if it is today, else the date: "14:05", "22 Nov". */
export function formatDate(seconds) {
  const [date, now] = [new Date(seconds * 1000), new Date()];
  if (date.toDateString() === now.toDateString()) return formatTime(seconds);
  const year = date.getFullYear() === now.getFullYear() ? {} : { year: "numeric" };
  return date.toLocaleDateString(locale(), { day: "numeric", month: "short", ...year });
}

/** A day and time: "22 Nov, 14:05". */
export function formatMoment(seconds) {
  const options = { day: "numeric", month: "short", hour: "numeric", minute: "2-digit" };
  return new Date(seconds * 1000).toLocaleString(locale(), options);
}

/** A day as the server writes it: "2026-09-24". */
export function formatDay(day) {
  const options = { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" };
  return new Date(day).toLocaleDateString(locale(), options);
}

/** The title of a batch without a file name. */
export function defaultBatchTitle() {
  return t("batch.default_title", { time: formatTime(Date.now() / 1000) });
}

export function capitalize(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A message as a sentence: the server's begin in lower case and have no full stop. */
export function sentence(text) {
  const whole = /[.!?…:。！？：]$/.test(text) ? text : `${text}.`;
  return /^\w+:\/\//.test(text) ? whole : capitalize(whole);
}

/** A name from a file as a title: "image_generation" is "Image generation". */
export function humanize(name) {
  return capitalize(name.replaceAll(/[_.]+/g, " ").trim());
}
