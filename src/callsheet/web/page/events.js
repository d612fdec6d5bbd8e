// The one stream of events of this browser: a worker holds it, and every tab listens to the worker.

const ADDRESS = "/page/stream.js";

/**
 * Listens to the stream; answers with `watch(run, seq)`, which names the run whose facts are wanted
 * (null for none). `hear` gets each message as `{ name, data }`; `line` is told whether it stands.
 */
export function listen({ hear, line }) {
  const port = connect();
  port.onmessage = ({ data: { name, data } }) => {
    if (name === "line") line(data);
    else hear(name, data);
  };
  // A tab that goes away, or into the cache of the back button, wants nothing; it may come back.
  addEventListener("pagehide", () => port.postMessage({ bye: true }));
  let wanted = { run: null, seq: 0 };
  addEventListener("pageshow", (event) => event.persisted && port.postMessage({ watch: wanted }));
  const watch = (run, seq) => {
    wanted = { run, seq };
    port.postMessage({ watch: wanted });
  };
  watch(null, 0);
  return watch;
}

/** A port to the worker that all tabs share; where browsers share none, to one of this tab's own. */
function connect() {
  const policy = window.trustedTypes?.createPolicy("callsheet", { createScriptURL: (url) => url });
  const address = policy ? policy.createScriptURL(ADDRESS) : ADDRESS;
  if (typeof SharedWorker === "function") {
    const { port } = new SharedWorker(address, { name: "callsheet" });
    port.start();
    return port;
  }
  return new Worker(address);
}
