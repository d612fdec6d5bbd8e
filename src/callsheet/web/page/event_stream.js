// Connects this tab to the shared worker that holds the browser's one event stream.

const WORKER_URL = "/page/event_worker.js";

/**
 * Subscribes to the stream and returns `watch(run, seq)`, which names the run whose events are
 * wanted (null for none). `onEvent` gets each event's name and data; `onConnection` gets whether
 * the stream is open.
 */
export function connectEvents({ onEvent, onConnection }) {
  const port = connect();
  port.onmessage = ({ data: { name, data } }) => {
    if (name === "connection") onConnection(data);
    else onEvent(name, data);
  };
  let watched = { run: null, seq: 0 };
  // A tab that is closed or put into the back/forward cache unsubscribes; it may come back.
  addEventListener("pagehide", () => port.postMessage({ leave: true }));
  addEventListener("pageshow", (event) => event.persisted && port.postMessage({ watch: watched }));
  const watch = (run, seq) => {
    watched = { run, seq };
    port.postMessage({ watch: watched });
  };
  watch(null, 0);
  return watch;
}

/** A port to the worker that all tabs share, or to one of this tab if browsers share none. */
function connect() {
  const policy = window.trustedTypes?.createPolicy("callsheet", { createScriptURL: (url) => url });
  const url = policy ? policy.createScriptURL(WORKER_URL) : WORKER_URL;
  if (typeof SharedWorker !== "function") return new Worker(url);
  const { port } = new SharedWorker(url, { name: "callsheet" });
  port.start();
  return port;
}
