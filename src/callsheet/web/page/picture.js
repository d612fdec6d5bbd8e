// A picture of the person's own: dropped, pasted or chosen, judged at once, and shown small.

import { button, make, setText } from "./element.js";
import { whole } from "./figures.js";
import { categories, change, sheet } from "./sheet.js";

const MOST_BYTES = 5_000_000;
const MOST_PIXELS = 8_000;
const KINDS = {
  PNG: (bytes) => [0x89, 0x50, 0x4e, 0x47].every((byte, index) => bytes[index] === byte),
  JPEG: (bytes) => bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff,
  WebP: (bytes) => String.fromCharCode(...bytes.slice(8, 12)) === "WEBP",
};
const TYPES = "image/png,image/jpeg,image/webp";

const places = new Set(); // where a picture can be dropped, each with its `update`
let number = 0;

/** What the workflow asks a picture for, with its step's title and category; undefined if nothing. */
export function pictureField() {
  const { fields = [], steps = [] } = sheet.workflow ?? {};
  const field = fields.find(({ kind }) => kind === "picture");
  if (!field) return undefined;
  const { title } = steps.find(({ step }) => step === field.step) ?? {};
  return { ...field, title, category: categories().find(({ step }) => step === field.step) };
}

/** Whether one of the called groups looks at the picture. */
export function isPictureWanted() {
  return Boolean(pictureField()?.category?.groups.some(({ name }) => sheet.chosen.has(name)));
}

/** A place for the sheet's picture: its element, and `update`, which draws what has changed. */
export function newPicturePlace(label, note) {
  const id = `picture-${++number}`;
  const wrong = make("p", { class: "wrong", role: "alert" });
  const file = make("input", { type: "file", accept: TYPES, hidden: true });
  const choose = button("Choose a picture", () => file.click());
  const remove = button("Remove", () => {
    take(null);
    update();
    choose.focus();
  });
  const about = make("span", { class: "small" });
  const empty = make("span", { class: "soft small" }, "or drop or paste one here");
  const hint = make("p", { class: "hint" });
  const drop = make("div", { class: "drop" }, about, remove, choose, empty, file);
  const element = make(
    "div",
    { class: "field picture-place", role: "group", "aria-labelledby": id },
    make("p", { class: "label", id }, label),
    drop,
    hint,
  );
  const object = (text) => {
    wrong.textContent = text;
    if (text) drop.after(wrong);
    else wrong.remove();
  };
  const hear = async (files) => object(await takeFile(files));
  let shown = null;
  file.addEventListener("change", async () => {
    await hear([...file.files]);
    file.value = "";
    if (sheet.picture) remove.focus();
  });
  const update = () => {
    const { picture } = sheet;
    if (shown?.getAttribute("src") !== picture?.url) {
      shown?.remove();
      shown = picture ? make("img", { alt: "", src: picture.url }) : null;
      if (shown) drop.prepend(shown);
      object("");
    }
    remove.hidden = !picture;
    for (const each of [choose, empty]) each.hidden = Boolean(picture);
    setText(about, picture ? words(picture) : "");
    setText(hint, note());
  };
  const place = { element, drop, hear, update };
  places.add(place);
  update();
  return place;
}

export function drawPictures() {
  for (const place of places) place.update();
}

/** "still.png: PNG, 512 × 768, 340 kB" */
function words({ name, kind, width, height, size }) {
  const told = `${kind}, ${whole(width)} × ${whole(height)}, ${bytes(size)}`;
  return name ? `${name}: ${told}` : told;
}

/** A picture that a run has already, as its document tells of it. */
export function wordsOfKept({ media_type: type, ...told }) {
  return words({ ...told, kind: { "image/png": "PNG", "image/jpeg": "JPEG" }[type] ?? "WebP" });
}

function bytes(size) {
  return size < 1_000_000
    ? `${whole(Math.max(1, Math.round(size / 1000)))} kB`
    : `${(size / 1e6).toFixed(1)} MB`;
}

/** Takes the first file as the sheet's picture; answers with what is wrong with it, or nothing. */
async function takeFile([file]) {
  if (!file) return "";
  const head = new Uint8Array(await file.slice(0, 16).arrayBuffer());
  const kind = Object.keys(KINDS).find((each) => KINDS[each](head));
  const name = file.name || "what was pasted";
  if (!kind) return `${name} is not a picture that can be sent: take a PNG, JPEG or WebP.`;
  if (file.size > MOST_BYTES)
    return `${name} has ${bytes(file.size)}, and up to 5 MB can be sent: save it smaller, or as JPEG.`;
  const url = URL.createObjectURL(file);
  const { width, height } = await measured(url);
  const isFit = width > 0 && Math.max(width, height) <= MOST_PIXELS;
  if (!isFit) URL.revokeObjectURL(url);
  if (!width) return `${name} is damaged: it cannot be shown.`;
  if (!isFit)
    return `${name} is ${whole(width)} × ${whole(height)} pixels, and up to 8,000 a side can be sent.`;
  take({ name: file.name, kind, width, height, size: file.size, url, data: await dataOf(file) });
  return "";
}

function take(picture) {
  if (sheet.picture) URL.revokeObjectURL(sheet.picture.url);
  change({ picture });
}

/** How wide and high a picture is; 0 by 0 where it cannot be shown. */
async function measured(url) {
  const image = new Image();
  image.src = url;
  await new Promise((done) => (image.onload = image.onerror = done));
  return { width: image.naturalWidth, height: image.naturalHeight };
}

async function dataOf(file) {
  const reader = new FileReader();
  reader.readAsDataURL(file);
  await new Promise((done) => (reader.onload = done));
  return reader.result.split(",")[1];
}

/** Forgets the picture; it belonged to what is shown no longer. */
export function dropPicture() {
  if (sheet.picture) take(null);
}

/** A file that is dropped beside its place must not take the page's place in the window. */
export function wirePictures() {
  for (const name of ["dragover", "drop"]) {
    document.addEventListener(name, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      const over = nearest(event.target);
      for (const place of places)
        place.drop.classList.toggle("over", name === "dragover" && place === over);
      if (name === "drop" && over) over.hear([...event.dataTransfer.files]);
    });
  }
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) for (const { drop } of places) drop.classList.remove("over");
  });
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    const place = nearest(event.target) ?? shownPlaces().at(-1);
    if (files.length === 0 || !place) return;
    event.preventDefault();
    place.hear(files);
  });
}

function nearest(target) {
  return shownPlaces().find(({ element }) => element.contains(target));
}

function shownPlaces() {
  for (const place of places) if (!place.element.isConnected) places.delete(place);
  return [...places].filter(({ element }) => element.checkVisibility?.() ?? true);
}
