// Announces a message to screen readers.

import { byId } from "./dom.js";

export function announce(text) {
  const region = byId("live-region");
  region.textContent = "";
  // A live region is read only when its text changes.
  requestAnimationFrame(() => (region.textContent = text));
}
