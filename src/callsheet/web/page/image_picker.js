// Takes the person's own image: dropped, pasted or chosen, checked at once, and shown as a thumbnail.

import { button, el, setText } from "./dom.js";
import { formatSize } from "./format.js";
import { t } from "./language.js";
import { setState, state } from "./store.js";

const MAX_BYTES = 5_000_000;
const MAX_PIXELS = 8_000;
const SIGNATURES = {
  PNG: (bytes) => [0x89, 0x50, 0x4e, 0x47].every((byte, index) => bytes[index] === byte),
  JPEG: (bytes) => bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff,
  WebP: (bytes) => String.fromCharCode(...bytes.slice(8, 12)) === "WEBP",
};
const TYPES = { "image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WebP" };

export const FILE_TYPES = Object.keys(TYPES).join();

const pickers = new Set(); // every picker, each with its `update`
let lastId = 0;

/** A picker for the page's image; `hint` returns the text below it. */
export function createImagePicker(label, hint) {
  const id = `image-picker-${++lastId}`;
  const error = el("p", { class: "field-error", role: "alert" });
  const file = el("input", { type: "file", accept: FILE_TYPES, hidden: true });
  const choose = button(t("image.choose"), () => file.click());
  const remove = button(t("image.remove"), () => {
    setImage(null);
    update();
    choose.focus();
  });
  const description = el("span", { class: "small" });
  const placeholder = el("span", { class: "muted small" }, t("image.drop"));
  const hintText = el("p", { class: "hint" });
  const dropZone = el("div", { class: "drop-zone" }, description, remove, choose, placeholder, file);
  const element = el(
    "div",
    { class: "field image-picker", role: "group", "aria-labelledby": id },
    el("p", { class: "label", id }, label),
    dropZone,
    hintText,
  );
  const showError = (message) => {
    error.textContent = message;
    if (message) dropZone.after(error);
    else error.remove();
  };
  const take = async (files) => showError(await takeFile(files[0]));
  let thumbnail = null;
  file.addEventListener("change", async () => {
    await take(file.files);
    file.value = "";
    if (state.image) remove.focus();
  });
  const update = () => {
    const { image } = state;
    if (thumbnail?.getAttribute("src") !== image?.url) {
      thumbnail?.remove();
      thumbnail = image ? el("img", { alt: "", src: image.url }) : null;
      if (thumbnail) dropZone.prepend(thumbnail);
      showError("");
    }
    remove.hidden = !image;
    for (const each of [choose, placeholder]) each.hidden = Boolean(image);
    setText(description, image ? describe(image) : "");
    setText(hintText, hint());
  };
  const picker = { element, dropZone, take, update };
  pickers.add(picker);
  update();
  return picker;
}

/** Has files that are dropped on an element taken by a `{ element, dropZone, take, update }`. */
export function addDropTarget(target) {
  pickers.add(target);
}

export function renderImagePickers() {
  for (const { update } of pickers) update();
}

/** "still.png: PNG, 512 × 768, 340 kB" */
function describe({ name, kind, width, height, size }) {
  const text = t("image.properties", { kind, width, height, size: formatSize(size) });
  return name ? t("text.titled", { title: name, text }) : text;
}

/** The same for an image in a run's document. */
export function describeRunImage({ media_type: type, ...image }) {
  return describe({ ...image, kind: TYPES[type] });
}

/** Takes a file as the page's image; returns what is wrong with it, or an empty text. */
export async function takeFile(file) {
  if (!file) return "";
  const { image, error = "" } = await readImage(file);
  if (image) setImage(image);
  return error;
}

/** An image file as `{ image }`, or what is wrong with it as `{ error }`; neither without a file. */
export async function readImage(file, { maxBytes = MAX_BYTES, maxPixels = MAX_PIXELS } = {}) {
  if (!file) return {};
  const head = new Uint8Array(await file.slice(0, 16).arrayBuffer());
  const kind = Object.keys(SIGNATURES).find((each) => SIGNATURES[each](head));
  const name = file.name || t("image.pasted");
  if (!kind) return { error: t("image.unsupported", { name }) };
  const sizes = { size: formatSize(file.size), limit: formatSize(maxBytes) };
  if (file.size > maxBytes) return { error: t("image.too_big", { name, ...sizes }) };
  const url = URL.createObjectURL(file);
  const { width, height } = await measure(url);
  const isValid = width > 0 && Math.max(width, height) <= maxPixels;
  if (!isValid) URL.revokeObjectURL(url);
  if (!width) return { error: t("image.damaged", { name }) };
  if (!isValid) return { error: t("image.too_large", { name, width, height, limit: maxPixels }) };
  const data = await base64(file);
  return { image: { name: file.name, kind, width, height, size: file.size, url, data } };
}

const kept = new Map(); // images that were not sent yet, by the run that they were given for

/** Keeps the image that one run has not been sent for it, and shows the one kept for another. */
export function switchImage(from, to) {
  if (from === to) return;
  if (state.image && state.image.sentTo !== from) kept.set(from, state.image);
  else kept.delete(from);
  // A new run begins with the image of the run that it is made from.
  setState({ image: kept.get(to) ?? (to === null ? state.image : null) });
}

/** Sets the page's image, or removes it with null. */
export function setImage(image) {
  if (state.image) URL.revokeObjectURL(state.image.url);
  if (state.image !== image) setState({ image });
}

/** An image's size in pixels; 0 by 0 if it cannot be shown. */
async function measure(url) {
  const image = new Image();
  image.src = url;
  await new Promise((done) => (image.onload = image.onerror = done));
  return { width: image.naturalWidth, height: image.naturalHeight };
}

async function base64(file) {
  const reader = new FileReader();
  reader.readAsDataURL(file);
  await new Promise((done) => (reader.onload = done));
  return reader.result.split(",")[1];
}

/** Handles drop and paste on the whole page; without it a dropped file would replace the page. */
export function initImageDrop() {
  for (const name of ["dragover", "drop"]) {
    document.addEventListener(name, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      const target = pickerAround(event.target);
      for (const picker of pickers)
        picker.dropZone.classList.toggle("drag-over", name === "dragover" && picker === target);
      if (name === "drop") target?.take(event.dataTransfer.files);
    });
  }
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget !== null) return;
    for (const { dropZone } of pickers) dropZone.classList.remove("drag-over");
  });
  document.addEventListener("paste", (event) => {
    const files = event.clipboardData?.files ?? [];
    const target = pickerAround(event.target) ?? visiblePickers().findLast(({ isCard }) => !isCard);
    if (files.length === 0 || !target) return;
    event.preventDefault();
    target.take(files);
  });
}

function pickerAround(target) {
  return visiblePickers().find(({ element }) => element.contains(target));
}

function visiblePickers() {
  for (const picker of pickers) if (!picker.element.isConnected) pickers.delete(picker);
  return [...pickers].filter(({ element }) => element.checkVisibility?.() ?? true);
}
