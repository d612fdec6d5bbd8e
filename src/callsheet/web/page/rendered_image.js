// The image that a person rendered from a prompt: dropped on its card or chosen, and kept with the run.

import { apiPath, attempt, getFile } from "./api_client.js";
import { button, el, renderIfChanged, setText } from "./dom.js";
import { unfold } from "./folding.js";
import { addDropTarget, describeRunImage, FILE_TYPES, readImage, takeFile } from "./image_picker.js";
import { modelLabel } from "./labels.js";
import { t } from "./language.js";
import { announce } from "./live_region.js";
import { keepImage } from "./run_actions.js";
import { scrollTo } from "./scrolling.js";
import { categories, followUpQuestion, imageField, isImageUsed } from "./selectors.js";
import { setState, state } from "./store.js";

const RENDERED_LIMITS = { maxBytes: 10_000_000, maxPixels: 16_384 };

/** Whether images of this category can be rendered: those of the category that animates them cannot. */
export function isRenderable(category) {
  return category !== imageField()?.category?.name;
}

/** The image of a model's card: its `element`, `addButton()`, and `update(rendered)`. */
export function createRenderedImage(model, card) {
  const label = modelLabel(model);
  const error = el("p", { class: "field-error", role: "alert" });
  const file = el("input", { type: "file", accept: FILE_TYPES, hidden: true });
  const figure = el("figure", { class: "rendered" });
  const element = el("div", {}, figure, error, file);
  const target = { element: card, dropZone: card, isCard: true, take, update: () => {} };
  file.addEventListener("change", async () => {
    await take(file.files);
    file.value = "";
  });

  async function take([dropped]) {
    const { image, error: found = "" } = await readImage(dropped, RENDERED_LIMITS);
    setText(error, found);
    if (image && (await keepImage(model, image.data))) announce(t("rendered.kept", { name: label }));
    if (image) URL.revokeObjectURL(image.url);
  }

  const choose = (text, attributes) =>
    button(text, () => file.click(), { class: "link-button", ...attributes });

  const addButton = () =>
    choose(t("rendered.add"), { "aria-label": t("rendered.add_label", { name: label }) });

  function content(image) {
    const { run } = state.run;
    const { width, height, size } = image;
    // An image that replaces another has the same address.
    const src = `${apiPath("runs", run, "images", model)}?${width}-${height}-${size}`;
    const alt = t("rendered.alt", { name: label });
    const picture = el("img", { src, width, height, alt, loading: "lazy" });
    const buttons = [
      imageField() && button(t("rendered.animate"), () => animate(src, image), { class: "link-button" }),
      choose(t("rendered.replace")),
      button(t("rendered.remove"), () => keepImage(model, null), { class: "link-button" }),
    ];
    return [
      el("a", { href: src, target: "_blank", rel: "noopener", title: t("rendered.open") }, picture),
      el(
        "figcaption",
        {},
        el("span", { class: "small muted" }, describeRunImage(image)),
        el("div", { class: "actions" }, buttons),
      ),
    ];
  }

  /** Takes the image as the still of the motion prompts, as if it had been dropped there. */
  async function animate(src, { file: name }) {
    const found = await attempt(
      async () => takeFile(await getFile(src, name)),
      ({ message }) => message,
    );
    setText(error, found);
    if (found) return;
    const { category } = imageField();
    const key = category && followUpQuestion(category.name)?.key;
    if (key) setState({ presetAnswers: { ...state.presetAnswers, [key]: model } });
    const section = isImageUsed() ? "brief" : "groups";
    unfold(section);
    announce(t("rendered.still", { name: label }));
    requestAnimationFrame(() => scrollTo(document.getElementById(section)));
  }

  function update(rendered) {
    const isShown = rendered !== undefined;
    if (isShown && state.run) addDropTarget(target);
    element.hidden = !isShown;
    figure.hidden = !rendered;
    renderIfChanged(figure, rendered ?? null, () => (rendered ? content(rendered) : []));
  }

  return { element, addButton, update };
}
