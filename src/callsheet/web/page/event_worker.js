// The worker that shares one event stream among all tabs: browsers allow six connections per server.

const tabs = new Map(); // each tab's port, with the run it watches
const lastSeq = new Map(); // the last event received of each run
const activities = new Map(); // what each watched run is doing now
let source = null;
let connected = false;
let reconnectTimer = 0;

/** Opens the stream for all watched runs, each after its last received event. */
function openStream() {
  clearTimeout(reconnectTimer);
  source?.close();
  source = null;
  activities.clear();
  if (tabs.size === 0) {
    connected = false;
    return;
  }
  const positions = watchedRuns().map((run) => `${run}:${lastSeq.get(run) ?? 0}`);
  source = new EventSource(`/api/events?runs=${encodeURIComponent(positions.join(","))}`);
  source.onerror = onStreamError;
  for (const name of ["ready", "fact", "run", "gone", "activity"]) {
    source.addEventListener(name, (event) => forward(name, JSON.parse(event.data)));
  }
}

function watchedRuns() {
  return [...new Set(tabs.values())].filter(Boolean).sort();
}

/** A browser reconnects by itself, but not after an answer that is no event stream. */
function onStreamError() {
  setConnected(false);
  if (source?.readyState === EventSource.CLOSED) reconnectTimer = setTimeout(openStream, 1000);
}

function forward(name, data) {
  setConnected(true);
  if (name === "fact") {
    if (data.seq <= (lastSeq.get(data.run) ?? 0)) return; // a duplicate
    lastSeq.set(data.run, data.seq);
  }
  if (name === "activity") activities.set(data.run, data);
  broadcast(name, data);
}

function setConnected(now) {
  if (connected === now) return;
  connected = now;
  broadcast("connection", now);
}

function broadcast(name, data) {
  for (const port of tabs.keys()) port.postMessage({ name, data });
}

function onTabMessage(port, { watch, leave }) {
  const before = watchedRuns().join();
  const isFirst = tabs.size === 0;
  if (leave) {
    tabs.delete(port);
  } else {
    const isNew = !tabs.has(port);
    tabs.set(port, watch.run);
    // The tab has the run's document up to this event.
    if (watch.run && !(lastSeq.get(watch.run) >= watch.seq)) lastSeq.set(watch.run, watch.seq);
    if (isNew && connected) port.postMessage({ name: "connection", data: true });
  }
  const activity = !leave && activities.get(watch.run);
  if (activity) port.postMessage({ name: "activity", data: activity });
  if (isFirst || tabs.size === 0 || before !== watchedRuns().join()) openStream();
}

if ("onconnect" in self) {
  self.onconnect = ({ ports: [port] }) => {
    port.onmessage = ({ data }) => onTabMessage(port, data);
  };
} else {
  self.onmessage = ({ data }) => onTabMessage(self, data);
}
