// The people of a film: timeline and cards.

import { $, ask, button, clock, doing, droppable, edit, element, page, shape, tell } from "./page.js";
import { goTo } from "./look.js";

const LONG = 20; // seconds from which on the timeline can be enlarged
const FEW = 4, FLEETING = 0.1; // people that are always shown; share of the film that is brief
const ROW = 26, LEFT = 110, TOP = 22; // of the timeline
const STEPS = [0.5, 1, 2, 5, 10, 30, 60, 300, 600, 1800];
let allShown = false; // also people who are seen briefly
let hiddenShown = false;
let pressed = false; // the pointer, on a card
let late = false; // cards that are to be drawn when hands are off

export function drawPeople() {
  const picture = page.film.kind === "picture";
  $("timeline-box").hidden = picture;
  $("zoom-row").hidden = picture || page.film.seconds < LONG;
  $("people-help").textContent = page.film.sources.length
    ? "Drop a photo onto everybody else who is to get another face. Then look at the result, and make it in step 4."
    : "Start here: drop a photo onto whoever is to get another face, or choose one.";
  if (!picture) drawTimeline();
  drawCards();
}

function drawTimeline() {
  const film = page.film;
  const people = film.people.filter((one) => !one.hidden);
  const wide = Math.max(320, $("timeline-box").clientWidth) * Number($("zoom").value);
  const high = TOP + people.length * ROW + 4;
  const svg = $("timeline");
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${wide} ${high}`);
  svg.setAttribute("width", wide);
  svg.setAttribute("height", high);
  const x = (time) => LEFT + ((wide - LEFT - 8) * time) / film.seconds;
  people.forEach((person, row) => {
    const y = TOP + row * ROW;
    svg.append(shape("text", { class: "label", x: 0, y: y + 15 }, person.name.slice(0, 15)));
    svg.append(shape("rect", { class: "rail", x: LEFT, y: y + 3, width: wide - LEFT - 8, height: ROW - 8 }));
    for (const [start, end] of person.spans) {
      svg.append(shape("rect", { class: person.sources.length ? "bar" : "bar pale", x: x(start), y: y + 5, width: Math.max(1, x(end) - x(start)), height: ROW - 12 }));
    }
  });
  for (const cut of film.shots.slice(1)) svg.append(shape("line", { class: "cut", x1: x(cut), x2: x(cut), y1: TOP, y2: high }));
  const step = STEPS.find((one) => (film.seconds / one) * 70 < wide - LEFT) ?? 3600;
  for (let time = 0; time < film.seconds; time += step) svg.append(shape("text", { class: "axis", x: x(time), y: 13 }, clock(time)));
  svg.append(shape("line", { class: "now", id: "now", x1: 0, x2: 0, y1: TOP - 4, y2: high }));
  $("timeline-text").textContent = people
    .map((one) => `${one.name}: ${one.spans.map(([a, b]) => `${clock(a)} to ${clock(b)}`).join(", ")}`)
    .join(". ");
  drawNow();
}

export function drawNow() {
  const now = $("now"), film = page.film;
  if (!now || !film.seconds) return;
  const wide = $("timeline").viewBox.baseVal.width;
  const x = LEFT + ((wide - LEFT - 8) * Number($("time").value)) / film.seconds;
  now.setAttribute("x1", x);
  now.setAttribute("x2", x);
}

function drawCards() {
  const film = page.film;
  const active = document.activeElement?.id;
  late = pressed || typing(document.activeElement);
  if (late) return;
  const open = new Set([...document.querySelectorAll("#cards details[open]")].map((one) => one.id));
  const there = film.people.filter((one) => !one.hidden);
  // First who has a face or is seen for long; the others on demand.
  const long = there.filter((one) => one.sources.length || one.seconds >= film.seconds * FLEETING || one.number < FEW);
  const gone = film.people.filter((one) => one.hidden);
  $("cards").replaceChildren(...(allShown ? there : long).map(card), ...(hiddenShown ? gone.map(hiddenCard) : []));
  const left = there.length - long.length;
  $("cards-more").hidden = !left;
  $("cards-more").textContent = allShown ? "Show fewer" : `Show ${left} more, who are seen briefly`;
  $("cards-hidden").hidden = !gone.length;
  $("cards-hidden").textContent = hiddenShown ? "Leave out who is hidden" : `Show ${gone.length} hidden`;
  for (const one of document.querySelectorAll("#cards details")) one.open = open.has(one.id);
  if (active) $(active)?.focus();
  $("plan-save").href = `/api/films/${film.id}/plan`;
}

// Cards are not drawn anew under somebody's hands: neither while they write nor between the two
// halves of a click.
function typing(field) {
  return field?.matches?.("#cards input[type=text], #cards input[type=number]") && field.value !== field.defaultValue;
}

const caughtUp = () => setTimeout(() => late && page.film?.state === "ready" && drawCards());
$("cards").addEventListener("focusout", caughtUp);
$("cards").addEventListener("pointerdown", () => (pressed = true));
for (const name of ["pointerup", "pointercancel"]) {
  addEventListener(name, () => {
    pressed = false;
    caughtUp();
  });
}

function face(person) {
  return element("img", { alt: `Face of ${person.name}`, src: `/api/films/${page.film.id}/people/${person.number}?${person.best}` });
}

function hiddenCard(person) {
  const again = button("Show again", () => edit({ kind: "hide", person: person.number, hide: false }), { id: `again-${person.number}` });
  return element("li", { className: "card gone" }, element("div", { className: "head" }, face(person),
    element("div", {}, element("h3", { textContent: person.name }), element("p", { className: "quiet", textContent: "hidden" }), again)));
}

function card(person) {
  const { number } = person, film = page.film, picture = film.kind === "picture";
  const id = (name) => `${name}-${number}`;
  const name = element("input", { type: "text", id: id("name"), defaultValue: person.name, maxLength: 80, spellcheck: false });
  name.addEventListener("change", () => {
    name.defaultValue = name.value;
    edit({ kind: "name", person: number, name: name.value });
  });
  const seen = person.first == null ? "never seen" : `${person.seconds.toFixed(1)} s on screen, first at ${clock(person.first)}`;
  const head = element("div", { className: "head" }, face(person),
    element("div", {},
      element("label", { className: "unseen", htmlFor: id("name"), textContent: `Name of person ${number + 1}` }), name,
      picture ? "" : element("p", { className: "quiet", textContent: seen })));
  const parts = [head];
  if (!picture) parts.push(strip(person));
  parts.push(dropZone(person, id("photo")));
  if (film.sources.length) parts.push(...chooser(person, id("source")));
  const given = film.sources.filter((one) => person.sources.some((use) => use.source === one.name));
  const advice = given.flatMap((one) => one.advice);
  if (advice.length) {
    parts.push(element("p", { className: "quiet", textContent: "This photo can be used. What would be better:" }),
      element("ul", { className: "advice" }, ...advice.map((text) => element("li", { textContent: text }))));
  } else if (given.length) parts.push(element("p", { className: "fine", textContent: "A good photo." }));
  parts.push(more(person, id));
  return element("li", { className: person.sources.length ? "card chosen" : "card" }, ...parts);
}

function strip(person) {
  const one = shape("svg", { viewBox: "0 0 1000 12", preserveAspectRatio: "none", "aria-hidden": "true" });
  one.append(shape("rect", { class: "rail", x: 0, y: 0, width: 1000, height: 12 }));
  for (const [start, end] of person.spans) {
    one.append(shape("rect", { class: "bar", x: (1000 * start) / page.film.seconds, y: 0, width: Math.max(2, (1000 * (end - start)) / page.film.seconds), height: 12 }));
  }
  return one;
}

function dropZone(person, id) {
  const file = element("input", { type: "file", multiple: true, accept: "image/*", id });
  file.addEventListener("change", () => addPhotos(file.files, person.number));
  const use = person.sources[0]?.source;
  const zone = element("label", { className: "drop small", htmlFor: id });
  if (use) {
    const address = `/api/films/${page.film.id}/photo?source=${encodeURIComponent(use)}`;
    zone.append(element("img", { src: address, alt: "" }), element("span", { textContent: `Gets ${use}. Choose or drop another photo to change it.` }));
    zone.classList.add("given");
  } else {
    zone.append(element("strong", { textContent: "Choose a photo" }), element("span", { textContent: `or drop it here for ${person.name}` }));
  }
  zone.append(file);
  droppable(zone, (files) => addPhotos(files, person.number));
  return zone;
}

function sourceSelect(id, value) {
  const one = element("select", { id },
    element("option", { value: "", textContent: "keeps their own face" }),
    ...page.film.sources.map((source) => element("option", { value: source.name, textContent: `gets ${source.name}` })));
  one.value = value;
  return one;
}

function chooser(person, id) {
  const whole = person.sources.length === 1 && person.sources[0].from === 0 && person.sources[0].to == null;
  const source = sourceSelect(id, whole ? person.sources[0].source : "");
  if (person.sources.length && !whole) {
    source.append(element("option", { value: "*", textContent: "by time, see below", disabled: true, selected: true }));
  }
  source.addEventListener("change", () => edit({ kind: "give", person: person.number, source: source.value || null }));
  const label = element("label", { className: "unseen", htmlFor: id, textContent: `What ${person.name} gets` });
  if (whole || !person.sources.length) return [label, source];
  const times = person.sources.map((use) => element("li", { textContent: `${clock(use.from)} to ${use.to == null ? "the end" : clock(use.to)}: ${use.source}` }));
  return [label, source, element("ul", { className: "advice" }, ...times)];
}

function more(person, id) {
  const { number } = person, film = page.film;
  const box = element("details", { id: id("more") }, element("summary", { textContent: `More about ${person.name}` }));
  const row = (...parts) => box.append(element("div", { className: "row" }, ...parts));
  const show = button(`Hide ${person.name}`, () => {
    edit({ kind: "hide", person: number });
    tell(`${person.name} is hidden and keeps the own face.`);
  }, { id: id("hide") });
  if (film.kind === "picture") row(show);
  else row(button("Look at this person", () => goTo(person.best ?? 0), { id: id("look") }), show);
  const others = film.people.filter((one) => one.number !== number && !one.hidden);
  if (others.length) {
    const merge = element("select", { id: id("merge") }, ...others.map((one) => element("option", { value: one.number, textContent: one.name })));
    const go = button("Merge", () => edit({ kind: "merge", into: number, other: Number(merge.value) }), { id: id("join") });
    row(element("label", { htmlFor: id("merge"), textContent: "Is also" }), merge, go);
  }
  if (film.kind === "picture") return box;
  row(button("From the moment shown on: somebody else", () => edit({ kind: "divide", person: number, time: now() }), { id: id("divide") }));
  if (film.sources.length) box.append(byTime(person, id, now));
  return box;
}

function byTime(person, id, now) {
  const source = sourceSelect(id("part"), page.film.sources[0].name);
  const field = (name, text, value) => {
    const input = element("input", { type: "number", id: id(name), min: 0, max: page.film.seconds, step: "any", defaultValue: value });
    const here = button("now", () => (input.value = now().toFixed(2)), { ariaLabel: `${text}: the moment shown` });
    return [input, element("span", { className: "pair" }, element("label", { htmlFor: id(name), textContent: text }), input, here)];
  };
  const [from, first] = field("from", "From", "0");
  const [to, second] = field("to", "to", "");
  to.placeholder = "end";
  const set = button("Set", () => edit({
    kind: "span", person: person.number, source: source.value || null,
    from: Number(from.value || 0), to: to.value === "" ? null : Number(to.value),
  }), { id: id("set") });
  return element("fieldset", {}, element("legend", { textContent: "For a part of the film (seconds)" }),
    element("label", { className: "unseen", htmlFor: id("part"), textContent: `What ${person.name} gets in that part` }),
    source, element("div", { className: "row" }, first, second, set));
}

const now = () => Number($("time").value);

async function addPhotos(files, person) {
  if (!files.length) return;
  const form = new FormData();
  for (const file of files) form.append("files", file);
  form.append("person", person);
  const zone = $(`photo-${person}`).parentElement;
  zone.classList.add("busy");
  zone.querySelector("span").textContent = "Looking at the photo";
  tell("Looking at the photo");
  const before = page.film;
  const done = await doing(async () => {
    const found = await ask(`/api/films/${before.id}/photos`, { method: "POST", body: form });
    page.take(found);
    const use = found.people[person].sources.at(-1)?.source ?? "nothing";
    const advice = found.sources.find((one) => one.name === use)?.advice ?? [];
    tell([`${found.people[person].name} gets ${use}.`, ...advice].join(" "));
    const there = found.people[person].spans.some(([from, to]) => from <= now() && now() < to);
    if (found.kind !== "picture" && !there) goTo(found.people[person].best);
    return true;
  });
  if (!done && page.film?.id === before.id) drawCards();
}

$("cards-more").addEventListener("click", () => {
  allShown = !allShown;
  drawCards();
});
$("cards-hidden").addEventListener("click", () => {
  hiddenShown = !hiddenShown;
  drawCards();
});
$("zoom").addEventListener("input", drawTimeline);
addEventListener("resize", () => {
  if (page.film?.state === "ready" && page.film.kind !== "picture") drawTimeline();
});
$("timeline").addEventListener("click", (event) => {
  const box = $("timeline").getBoundingClientRect();
  goTo(((event.clientX - box.left - LEFT) / (box.width - LEFT - 8)) * page.film.seconds);
});
$("plan-file").addEventListener("change", (event) => {
  const form = new FormData();
  form.append("file", event.target.files[0]);
  doing(async () => page.take(await ask(`/api/films/${page.film.id}/plan`, { method: "POST", body: form })));
  event.target.value = "";
});
$("as-command").addEventListener("toggle", async () => {
  $("command").textContent = (await ask(`/api/films/${page.film.id}/command`)).command;
});
