// Speaks with the server: JSON both ways, and every failure as a sentence with a way out.

/** What the server, or the line to it, had to object; `hint` says what to do. */
export class Trouble extends Error {
  constructor({ status = 0, code = "unreachable", detail, hint = "", ...more }) {
    super(detail);
    Object.assign(this, { status, code, hint, more });
  }
}

const GONE = {
  detail: "the server does not answer",
  hint: "start `callsheet serve` again; nothing that was said is lost",
};

export function get(path) {
  return ask("GET", path);
}

export function post(path, body = {}) {
  // The key makes a repeated request harmless: the server answers it as it did the first time.
  return ask("POST", path, body, { "Idempotency-Key": crypto.randomUUID?.() ?? unique() });
}

export function remove(path) {
  return ask("DELETE", path);
}

/** A path of the API with each part made safe. */
export function path(...parts) {
  return ["/api", ...parts.map(encodeURIComponent)].join("/");
}

async function ask(method, address, body, headers = {}) {
  const options = { method, headers: { ...headers, Accept: "application/json" } };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const answer = await reach(address, options, method === "GET" || "Idempotency-Key" in headers);
  const told = await answer.json().catch(() => ({}));
  if (answer.ok) return told;
  throw new Trouble({
    detail: `the server answered ${answer.status}`,
    ...told,
    status: answer.status,
  });
}

async function reach(address, options, mayRepeat) {
  try {
    return await fetch(address, options);
  } catch {
    if (!mayRepeat) throw new Trouble(GONE);
  }
  try {
    return await fetch(address, options);
  } catch {
    throw new Trouble(GONE);
  }
}

/** A key for pages on plain http addresses, where browsers offer no `randomUUID`. */
function unique() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(16)).join(
    "-",
  );
}
