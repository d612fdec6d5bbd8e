// Selects the page's language; at first it is the one that the browser asks for.

import { attempt, get } from "./api_client.js";
import { byId, el, renderIfChanged } from "./dom.js";
import { currentLanguage, LANGUAGES, t, translateDocument, useLanguage } from "./language.js";
import { setState } from "./store.js";

const LANGUAGE_COOKIE = "callsheet.language"; // the server reads it when the page is loaded
const ONE_YEAR = 31_536_000; // seconds

export function renderLanguagePicker() {
  const change = (event) => changeLanguage(event.target.value);
  renderIfChanged(byId("language-picker"), LANGUAGES, () => {
    const options = Object.entries(LANGUAGES).map(([tag, name]) =>
      el("option", { value: tag, lang: tag }, name),
    );
    const attributes = { id: "language-select", "aria-label": t("language.choose"), on: { change } };
    return el("select", attributes, options);
  });
  byId("language-select").value = currentLanguage();
}

/** Loads a language's texts, says everything in it, and keeps it for the next visit. */
async function changeLanguage(tag) {
  await attempt(
    async () => {
      useLanguage(tag, await get(`/page/messages/${tag}.json`));
      document.cookie = `${LANGUAGE_COOKIE}=${tag}; path=/; max-age=${ONE_YEAR}; samesite=strict`;
      translateDocument();
    },
    (error) => setState({ error }),
  );
  setState({});
}
