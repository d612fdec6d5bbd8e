// The bar above the prompts, always in reach: how many there are, copy, download, and the contents.

import { apiPath, get } from "./api_client.js";
import { copyText } from "./clipboard.js";
import { button, byId, el, setText } from "./dom.js";
import { groupTitle } from "./labels.js";
import { t } from "./language.js";
import { createRewriteForm } from "./rewrite_form.js";
import { isRunning, modelsOfRun } from "./selectors.js";
import { state } from "./store.js";

const MANY = 4; // groups: from so many on they have contents and can be folded

let formats = []; // export formats

export async function loadExportFormats() {
  formats = await get(apiPath("exports"));
}

/** Closes an open menu as other menus are closed. */
export function initMenus() {
  const closeMenus = (isKept) => {
    for (const menu of document.querySelectorAll("details.menu[open]"))
      if (!isKept(menu)) menu.open = false;
  };
  document.addEventListener("click", ({ target }) => closeMenus((menu) => menu.contains(target)));
  document.addEventListener("keydown", ({ key, target }) => {
    if (key !== "Escape") return;
    target.closest?.("details.menu[open]")?.querySelector("summary").focus();
    closeMenus(() => false);
  });
}

export function areMany(groups) {
  return groups.length >= MANY;
}

/** The bar; `copyAll(clicked)`, and for the contents `jumpTo(group)` and `foldAll(isFolded)`. */
export function promptsBar(groups, { copyAll, jumpTo, foldAll }) {
  const form = el("div", { class: "rewrite-all", hidden: true });
  return el(
    "div",
    { class: "prompts-bar" },
    el("p", { class: "small muted", id: "prompt-count" }),
    el(
      "div",
      { class: "actions" },
      areMany(groups) && contents(groups, jumpTo, foldAll),
      button(t("prompts.rewrite_all"), () => toggleRewriteAll(form), {
        class: "link-button",
        id: "rewrite-all",
        "aria-expanded": "false",
      }),
      downloads(),
      button(t("prompts.copy_all"), (event) => copyAll(event.currentTarget), {
        class: "copy",
        id: "copy-all",
      }),
    ),
    form,
  );
}

/** Opens or closes the form that says what writing all prompts again costs. */
function toggleRewriteAll(place) {
  const isOpen = place.hidden;
  place.hidden = !isOpen;
  byId("rewrite-all").setAttribute("aria-expanded", String(isOpen));
  if (!isOpen) {
    place.replaceChildren();
    return byId("rewrite-all").focus();
  }
  const close = () => toggleRewriteAll(place);
  const { element, focus } = createRewriteForm([...modelsOfRun()], t("rewrite.question"), close);
  place.replaceChildren(element);
  focus();
}

let progress = { run: "", written: 0, total: 0 }; // of the open run while it is executed

/** Shows how many prompts there are, and the actions that make sense now; progress never shrinks. */
export function updatePromptsBar(written, total) {
  const isSame = progress.run === state.run.run && isRunning();
  const most = (name, now) => (isSame ? Math.max(progress[name], now) : now);
  // What stands before the step has begun is what is written again: not yet progress.
  const hasBegun = isSame || Boolean(state.run.at_work);
  progress = {
    run: isRunning() && hasBegun ? state.run.run : "",
    written: most("written", written),
    total: most("total", total),
  };
  const running = t("prompts.progress", { written: progress.written, count: progress.total });
  setText(byId("prompt-count"), isRunning() ? running : t("count.prompts", { count: written }));
  byId("copy-all").hidden = written < 2;
  const images = byId("download-images");
  if (images) images.hidden = Object.keys(state.run.rendered ?? {}).length === 0;
  byId("rewrite-all").hidden = isRunning() || written === 0;
}

function menu(label, id, children) {
  const body = el("div", { class: "menu-body" }, children);
  return el("details", { class: "menu", id }, el("summary", {}, label), body);
}

/** The formats that have a place for one of the run's prompts. */
function downloads() {
  const { run, exports } = state.run;
  const links = formats
    .filter(({ name }) => exports?.includes(name))
    .map(({ name, title }) => {
      const href = `${apiPath("runs", run, "download")}?format=${encodeURIComponent(name)}`;
      const label = t("prompts.download_as", { format: title });
      return el("a", { href, download: true, "aria-label": label }, title);
    });
  const href = `${apiPath("runs", run, "download")}?format=md&images=true`;
  const withImages = { href, download: true, id: "download-images" };
  if (links.length > 0) links.push(el("a", withImages, t("prompts.download_images")));
  return links.length > 0 && !isRunning() && menu(t("action.download"), "download-menu", links);
}

function contents(groups, jumpTo, foldAll) {
  const close = (action) => () => {
    byId("contents-menu").open = false;
    action();
  };
  const entries = groups.map((group) =>
    button(
      [groupTitle(group), el("span", { class: "muted" }, ` ${group.names.length}`)],
      close(() => jumpTo(group)),
    ),
  );
  const folding = el(
    "div",
    { class: "folding" },
    button(t("prompts.fold_all"), close(() => foldAll(true)), { class: "link-button" }),
    button(t("prompts.unfold_all"), close(() => foldAll(false)), { class: "link-button" }),
  );
  return menu(t("prompts.contents"), "contents-menu", [entries, folding]);
}
