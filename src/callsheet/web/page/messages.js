// The texts of the page in the language that the server chose: one of the files in messages/.

/** `{ language, languages, messages }`: the tag, all tags with their names, the texts by key. */
export const SERVED = /* filled in by the server */ null;
