// Sends requests to the server's JSON API; every failure becomes an ApiError.

import { t } from "./language.js";

/** A failed request; `hint` says what to do, `status` is 0 if the server was not reached. */
export class ApiError extends Error {
  constructor({ status = 0, code = "unreachable", detail, hint = "", ...more }) {
    super(detail);
    Object.assign(this, { status, code, hint, more });
  }
}

export function get(path) {
  return send("GET", path);
}

/** The file at a path, under a name of its own. */
export async function getFile(path, name) {
  const response = await fetchWithRetry(path, {}, 1);
  if (!response.ok) throw answered(response, await contentOf(response));
  const blob = await response.blob();
  return new File([blob], name, { type: blob.type });
}

export function post(path, body = {}) {
  // The key makes a repeated request harmless: the server repeats its first answer.
  return send("POST", path, body, { "Idempotency-Key": crypto.randomUUID?.() ?? randomKey() });
}

export function remove(path) {
  return send("DELETE", path);
}

/** A path of the API with each part encoded. */
export function apiPath(...parts) {
  return ["/api", ...parts.map(encodeURIComponent)].join("/");
}

/** Runs a request and hands an ApiError to `onError`; other errors are thrown. */
export async function attempt(request, onError = () => undefined) {
  try {
    return await request();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return onError(error);
  }
}

async function send(method, path, body, headers = {}) {
  const options = { method, headers: { ...headers, Accept: "application/json" } };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const isRepeatable = method === "GET" || "Idempotency-Key" in headers;
  const response = await fetchWithRetry(path, options, isRepeatable ? 1 : 0);
  const json = await contentOf(response);
  if (response.ok) return json;
  throw answered(response, json);
}

function contentOf(response) {
  return response.json().catch(() => ({}));
}

function answered({ status }, json) {
  return new ApiError({ detail: t("error.answered", { status: String(status) }), ...json, status });
}

async function fetchWithRetry(path, options, retries) {
  try {
    return await fetch(path, options);
  } catch {
    if (retries === 0) throw new ApiError({ detail: t("error.unreachable") });
    return fetchWithRetry(path, options, retries - 1);
  }
}

/** A key for pages on plain http addresses, where browsers offer no `randomUUID`. */
function randomKey() {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}
