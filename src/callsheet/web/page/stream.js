// Holds the one stream of this browser: it allows six to one place, and a seventh tab would hang.

const tabs = new Map(); // each tab's port, with the run it watches
const seen = new Map(); // each run's last fact that has come
let source = null;
let standing = false;
let repair = 0;

/** Opens the stream for all runs that any tab watches, from the facts that have come already. */
function open() {
  clearTimeout(repair);
  source?.close();
  source = null;
  if (tabs.size === 0) {
    standing = false;
    return;
  }
  const runs = [...new Set(tabs.values())].filter(Boolean);
  const positions = runs.map((run) => `${run}:${seen.get(run) ?? 0}`).join(",");
  source = new EventSource(`/api/events?runs=${encodeURIComponent(positions)}`);
  source.onerror = lost;
  for (const name of ["ready", "fact", "run", "gone", "writing"]) {
    source.addEventListener(name, (event) => pass(name, JSON.parse(event.data)));
  }
}

/** A browser tries again by itself, but not after an answer that is no stream. */
function lost() {
  stand(false);
  if (source?.readyState === EventSource.CLOSED) repair = setTimeout(open, 1000);
}

function pass(name, data) {
  stand(true);
  if (name === "fact") {
    if (data.seq <= (seen.get(data.run) ?? 0)) return; // heard already
    seen.set(data.run, data.seq);
  }
  tell(name, data);
}

function stand(now) {
  if (standing === now) return;
  standing = now;
  tell("line", now);
}

function tell(name, data) {
  for (const port of tabs.keys()) port.postMessage({ name, data });
}

function hear(port, { watch, bye }) {
  const before = [...new Set(tabs.values())].sort().join();
  const first = tabs.size === 0;
  if (bye) {
    tabs.delete(port);
  } else {
    const isNew = !tabs.has(port);
    tabs.set(port, watch.run);
    // What this tab knows from the run's document need not come as facts.
    if (watch.run && !(seen.get(watch.run) >= watch.seq)) seen.set(watch.run, watch.seq);
    if (isNew && standing) port.postMessage({ name: "line", data: true });
  }
  if (first || before !== [...new Set(tabs.values())].sort().join() || tabs.size === 0) open();
}

if ("onconnect" in self) {
  self.onconnect = ({ ports: [port] }) => {
    port.onmessage = ({ data }) => hear(port, data);
  };
} else {
  self.onmessage = ({ data }) => hear(self, data);
}
