// Finds which words came and which went between two texts.

const MOST = 4_000_000; // cells of the table; beyond, the texts are told apart as wholes

/** Pieces of both texts in reading order: `{ kind: "same" | "gone" | "new", text }`. */
export function difference(before, after) {
  const [old, now] = [pieces(before), pieces(after)];
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start++;
  let end = 0;
  const most = Math.min(old.length, now.length) - start;
  while (end < most && old.at(-1 - end) === now.at(-1 - end)) end++;
  return joined([
    ...old.slice(0, start).map((text) => ({ kind: "same", text })),
    ...between(old.slice(start, old.length - end), now.slice(start, now.length - end)),
    ...old.slice(old.length - end).map((text) => ({ kind: "same", text })),
  ]);
}

function pieces(text) {
  return text.match(/\s+|[\p{L}\p{N}_'’-]+|[^\s\p{L}\p{N}]/gu) ?? [];
}

function between(old, now) {
  if (old.length * now.length > MOST) {
    return [
      { kind: "gone", text: old.join("") },
      { kind: "new", text: now.join("") },
    ];
  }
  const table = common(old, now);
  const found = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      found.push({ kind: "same", text: old[i++] });
      j++;
    } else if (j === now.length || (i < old.length && table[i + 1][j] >= table[i][j + 1])) {
      found.push({ kind: "gone", text: old[i++] });
    } else {
      found.push({ kind: "new", text: now[j++] });
    }
  }
  return found;
}

/** For each pair of places, how many pieces both have in common from there on. */
function common(old, now) {
  const table = Array.from({ length: old.length + 1 }, () => new Uint16Array(now.length + 1));
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = now.length - 1; j >= 0; j--) {
      table[i][j] =
        old[i] === now[j] ? table[i + 1][j + 1] + 1 : Math.max(table[i + 1][j], table[i][j + 1]);
    }
  }
  return table;
}

function joined(found) {
  const told = [];
  for (const { kind, text } of found) {
    if (!text) continue;
    if (told.at(-1)?.kind === kind) told.at(-1).text += text;
    else told.push({ kind, text });
  }
  return told;
}
