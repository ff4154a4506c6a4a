// One frame before and after, and the settings that change it.

import { $, clock, complain, edit, element, page, sentence } from "./page.js";
import { drawNow } from "./people.js";

let layer = "result";
let shown = ""; // key of the frame that is on screen
let loading = null;

// Forget what is on screen: what it shows has changed.
export function forgetFrame() {
  shown = "";
}

export function goTo(time) {
  $("time").value = Math.min(Math.max(0, time), Number($("time").max));
  drawNow();
  drawFrame();
}

export function openFrame() {
  const film = page.film;
  const picture = film.kind === "picture";
  for (const id of ["time-field", "steps"]) $(id).hidden = picture;
  $("time").max = Math.max(0, film.seconds - film.frame_seconds);
  const first = film.people.find((one) => !one.hidden)?.best;
  if (first != null) $("time").value = first;
  shown = "";
}

export function drawFrame() {
  const film = page.film;
  const time = Number($("time").value);
  $("time-text").textContent = clock(time);
  const somebody = film.people.some((one) => one.sources.length);
  const what = somebody ? JSON.stringify([film.people, film.sources, film.engine, film.blend]) : "";
  const key = `${film.id} ${time} ${layer} ${what}`;
  if (key === shown || loading) return;
  shown = key;
  const base = `/api/films/${film.id}`;
  $("view-wait").hidden = !somebody;
  $("view-help").hidden = somebody;
  for (const id of ["split-field", "layers"]) $(id).hidden = !somebody;
  loading = Promise.all([
    picture($("before"), `${base}/frame?t=${time}`),
    somebody ? picture($("after"), `${base}/look?t=${time}&layer=${layer}`) : null,
  ])
    .catch((error) => complain(error.message))
    .finally(() => {
      loading = null;
      $("after").hidden = !somebody;
      $("view-wait").hidden = true;
      drawSplit();
      if (page.film?.state === "ready") drawFrame(); // the time may have moved meanwhile
    });
}

async function picture(image, address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(sentence(await answer.json().catch(() => ({})), answer.status));
  const url = URL.createObjectURL(await answer.blob());
  const old = image.src;
  image.src = url;
  await image.decode().catch(() => {});
  if (old.startsWith("blob:")) URL.revokeObjectURL(old);
}

function drawSplit() {
  const share = layer === "result" ? Number($("split").value) : 0;
  $("after").style.clipPath = `inset(0 0 0 ${share}%)`;
  $("line").style.left = `${share}%`;
  const whole = $("after").hidden || layer !== "result";
  $("line").hidden = whole || share === 0 || share === 100;
  $("tag-before").hidden = whole || share < 10;
  $("tag-after").hidden = whole || share > 90;
  $("split-field").hidden = whole;
  $("view").classList.toggle("split", !whole);
}

// The line between before and after follows a pointer that is held down on the frame.
function splitAt(event) {
  if (!$("view").classList.contains("split")) return;
  const box = $("view").getBoundingClientRect();
  $("split").value = (100 * (event.clientX - box.left)) / box.width;
  drawSplit();
}

export function drawSettings() {
  const film = page.film, engine = $("engine");
  engine.replaceChildren(...film.engines.map((one) =>
    element("option", { value: one.name, textContent: one.missing ? `${one.name} (not here)` : one.name, disabled: !!one.missing })));
  engine.value = film.engine.name;
  const chosen = film.engines.find((one) => one.name === film.engine.name);
  $("engine-text").textContent = chosen?.summary ?? "";
  $("options").replaceChildren(...(chosen?.options ?? []).filter((one) => one.kind === "float").map((one) => {
    const id = `option-${one.name}`;
    const value = film.engine.options[one.name] ?? one.default;
    const input = element("input", { type: "range", id, min: 0, max: 1, step: 0.05 });
    input.value = value;
    input.addEventListener("change", () =>
      edit({ kind: "engine", name: film.engine.name, options: { ...film.engine.options, [one.name]: Number(input.value) } }));
    return element("div", { className: "field" }, element("label", { htmlFor: id, textContent: `${one.name}: ${one.help}` }), input);
  }));
  $("strength").value = film.blend.strength;
  $("strength-text").textContent = `${Math.round(100 * film.blend.strength)} %`;
  $("mask").value = film.blend.mask;
  for (const name of ["keep_eyes", "keep_mouth"]) $(name).checked = film.blend[name] === true;
}

$("time").addEventListener("input", () => goTo(Number($("time").value)));
$("back").addEventListener("click", () => goTo(Number($("time").value) - page.film.frame_seconds));
$("forth").addEventListener("click", () => goTo(Number($("time").value) + page.film.frame_seconds));
$("split").addEventListener("input", drawSplit);
$("view").addEventListener("pointerdown", (event) => {
  $("view").setPointerCapture(event.pointerId);
  splitAt(event);
});
$("view").addEventListener("pointermove", (event) => {
  if ($("view").hasPointerCapture(event.pointerId)) splitAt(event);
});
for (const one of document.querySelectorAll("input[name=layer]")) {
  one.addEventListener("change", () => {
    layer = one.value;
    drawFrame();
  });
}
$("engine").addEventListener("change", () => edit({ kind: "engine", name: $("engine").value }));
$("strength").addEventListener("change", () => edit({ kind: "blend", values: { strength: Number($("strength").value) } }));
$("mask").addEventListener("change", () => edit({ kind: "blend", values: { mask: $("mask").value } }));
for (const name of ["keep_eyes", "keep_mouth"]) {
  $(name).addEventListener("change", () => edit({ kind: "blend", values: { [name]: $(name).checked ? true : null } }));
}
