// Compares two texts word by word.

import { el } from "./dom.js";

const MAX_CELLS = 4_000_000; // of the table; longer texts are compared as a whole

/** Both texts as one, with what was removed and what was added marked, and apart where they meet. */
export function diffParts(before, after) {
  const parts = diffWords(before, after);
  return parts.map(({ kind, text }, index) => {
    if (kind === "same") return text;
    const meets = index > 0 && parts[index - 1].kind !== "same";
    return el(kind === "removed" ? "del" : "ins", { class: meets && "apart" }, text);
  });
}

/** Parts of both texts in reading order: `{ kind: "same" | "removed" | "added", text }`. */
export function diffWords(before, after) {
  const [old, now] = [tokenize(before), tokenize(after)];
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start++;
  let end = 0;
  const most = Math.min(old.length, now.length) - start;
  while (end < most && old.at(-1 - end) === now.at(-1 - end)) end++;
  return mergeParts([
    { kind: "same", text: old.slice(0, start).join("") },
    ...diffTokens(old.slice(start, old.length - end), now.slice(start, now.length - end)),
    { kind: "same", text: old.slice(old.length - end).join("") },
  ]);
}

function tokenize(text) {
  return text.match(/\s+|[\p{L}\p{N}_'’-]+|[^\s\p{L}\p{N}]/gu) ?? [];
}

function diffTokens(old, now) {
  if (old.length * now.length > MAX_CELLS) {
    return [
      { kind: "removed", text: old.join("") },
      { kind: "added", text: now.join("") },
    ];
  }
  const table = commonLengths(old, now);
  const parts = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      parts.push({ kind: "same", text: old[i++] });
      j++;
    } else if (j === now.length || (i < old.length && table[i + 1][j] >= table[i][j + 1])) {
      parts.push({ kind: "removed", text: old[i++] });
    } else {
      parts.push({ kind: "added", text: now[j++] });
    }
  }
  return parts;
}

/** For each pair of positions, the length of the longest common subsequence from there on. */
function commonLengths(old, now) {
  const table = Array.from({ length: old.length + 1 }, () => new Uint16Array(now.length + 1));
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = now.length - 1; j >= 0; j--) {
      table[i][j] =
        old[i] === now[j] ? table[i + 1][j + 1] + 1 : Math.max(table[i + 1][j], table[i][j + 1]);
    }
  }
  return table;
}

function mergeParts(parts) {
  const merged = [];
  for (const { kind, text } of parts) {
    if (!text) continue;
    if (merged.at(-1)?.kind === kind) merged.at(-1).text += text;
    else merged.push({ kind, text });
  }
  return merged;
}
