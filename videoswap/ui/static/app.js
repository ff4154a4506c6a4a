// The page: asks the server for the state, shows it, and sends edits. Texts are set as texts alone.

const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const BUSY = 700, IDLE = 3000; // milliseconds between two questions
const ROW = 26, LEFT = 110, TOP = 22; // of the timeline

let film = null; // what the server says of the film
let layer = "result";
let shown = ""; // key of the frame that is on screen
let timer = 0;
let allShown = false; // also people who are seen briefly
const FEW = 4, FLEETING = 0.1; // people that are always shown; share of the film that is brief
let redraw = ""; // what the cards were drawn from

function element(name, properties = {}, ...children) {
  const one = Object.assign(document.createElement(name), properties);
  one.append(...children);
  return one;
}

function shape(name, attributes, text = "") {
  const one = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
  if (text) one.textContent = text;
  return one;
}

function clock(seconds) {
  const tenths = Math.round(seconds * 10);
  const minutes = Math.floor(tenths / 600);
  return `${minutes}:${String(((tenths % 600) / 10).toFixed(1)).padStart(4, "0")}`;
}

function complain(text) {
  $("message").textContent = text;
  $("message").hidden = !text;
}

function tell(text) {
  $("news").textContent = text;
}

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("The server does not answer. Is videoswap ui still running?");
  }
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const said = typeof found.message === "string" ? found.message : `It failed (${answer.status}).`;
    throw new Error(found.hint ? `${said}\n${found.hint}` : said);
  }
  return found;
}

const send = (path, body) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

async function doing(work) {
  try {
    complain("");
    return await work();
  } catch (error) {
    complain(error.message);
    return null;
  } finally {
    schedule(0);
  }
}

// Film

async function openFilm(file) {
  const form = new FormData();
  form.append("file", file);
  tell(`Uploading ${file.name}`);
  $("film-name").textContent = `Uploading ${file.name}`;
  const found = await doing(() => ask("/api/films", { method: "POST", body: form }));
  if (found) take(found);
}

function take(found) {
  const before = film?.state;
  film = found;
  if (found.state === "ready" && before !== "ready") {
    tell(`${found.people.length} people were found in ${found.name}.`);
    shown = "";
    $("time").max = Math.max(0, found.seconds - found.frame_seconds);
    const first = found.people[0]?.best;
    if (first != null) $("time").value = first;
  }
  draw();
}

function draw() {
  const state = film?.state;
  $("film-name").textContent = film ? film.name : "No film yet";
  $("open").hidden = !!film;
  $("working").hidden = state !== "analyzing";
  $("stopped").hidden = state !== "failed" && state !== "cancelled";
  $("opened").hidden = !film || state === "analyzing";
  for (const id of ["people", "look", "run"]) $(id).hidden = state !== "ready";
  if (state === "analyzing") drawProgress($("film-progress"), $("film-stage"), $("film-left"), film.progress);
  if (state === "failed") {
    $("stopped-why").textContent = [film.problem.message, film.problem.hint].filter(Boolean).join(" ");
  } else if (state === "cancelled") {
    $("stopped-why").textContent = "The analysis was cancelled. What was found is kept.";
  }
  $("undo").disabled = !film?.can_undo;
  $("redo").disabled = !film?.can_redo;
  if (state === "ready") {
    const key = JSON.stringify([film.people, film.sources, film.engine, film.blend]);
    if (key !== redraw) {
      redraw = key;
      drawTimeline();
      drawCards();
      drawSettings();
      shown = "";
    }
    drawFrame();
  }
}

function drawProgress(bar, title, rest, progress) {
  const names = { analyze: "Looking for faces", portraits: "Drawing everybody", "refine landmarks": "Looking closer", render: "Swapping", mux: "Joining", verify: "Checking" };
  title.textContent = names[progress.stage] ?? progress.stage ?? "Starting";
  if (progress.total) bar.value = progress.done / progress.total;
  else bar.removeAttribute("value");
  const words = [];
  if (progress.done) words.push(`${progress.done}${progress.total ? ` of ${progress.total}` : ""} ${progress.unit ?? ""}`);
  if (progress.seconds_left != null) words.push(`about ${clock(progress.seconds_left)} left`);
  rest.textContent = words.join(", ");
}

// People

function drawTimeline() {
  const wide = Math.max(320, $("timeline-box").clientWidth) * Number($("zoom").value);
  const high = TOP + film.people.length * ROW + 4;
  const svg = $("timeline");
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${wide} ${high}`);
  svg.setAttribute("width", wide);
  svg.setAttribute("height", high);
  const x = (time) => LEFT + ((wide - LEFT - 8) * time) / film.seconds;
  film.people.forEach((person, row) => {
    const y = TOP + row * ROW;
    svg.append(shape("text", { class: "label", x: 0, y: y + 15 }, person.name.slice(0, 15)));
    svg.append(shape("rect", { class: "rail", x: LEFT, y: y + 3, width: wide - LEFT - 8, height: ROW - 8 }));
    for (const [start, end] of person.spans) {
      svg.append(shape("rect", { class: "bar", x: x(start), y: y + 5, width: Math.max(1, x(end) - x(start)), height: ROW - 12 }));
    }
  });
  for (const cut of film.shots.slice(1)) svg.append(shape("line", { class: "cut", x1: x(cut), x2: x(cut), y1: TOP, y2: high }));
  const step = [0.5, 1, 2, 5, 10, 30, 60, 300, 600, 1800].find((one) => (film.seconds / one) * 70 < wide - LEFT) ?? 3600;
  for (let time = 0; time < film.seconds; time += step) svg.append(shape("text", { class: "axis", x: x(time), y: 13 }, clock(time)));
  svg.append(shape("line", { class: "now", id: "now", x1: 0, x2: 0, y1: TOP - 4, y2: high }));
  $("timeline-text").textContent = film.people
    .map((one) => `${one.name}: ${one.spans.map(([a, b]) => `${clock(a)} to ${clock(b)}`).join(", ")}`)
    .join(". ");
  drawNow();
}

function drawNow() {
  const line = $("now");
  if (!line) return;
  const wide = Number($("timeline").getAttribute("width"));
  const x = LEFT + ((wide - LEFT - 8) * Number($("time").value)) / film.seconds;
  line.setAttribute("x1", x);
  line.setAttribute("x2", x);
}

const edit = (body) =>
  doing(async () => take(await send(`/api/films/${film.id}/edit`, body)));

function drawCards() {
  const active = document.activeElement?.id;
  // First who has a face or is seen for long; the others on demand.
  const long = film.people.filter((one) => one.sources.length || one.seconds >= film.seconds * FLEETING || one.number < FEW);
  const some = allShown ? film.people : long;
  $("cards").replaceChildren(...some.map(card));
  const left = film.people.length - long.length;
  $("cards-more").hidden = !left;
  $("cards-more").textContent = allShown ? "Show fewer" : `Show ${left} more, who are seen briefly`;
  if (active) $(active)?.focus();
  $("plan-save").href = `/api/films/${film.id}/plan`;
}

function card(person) {
  const { number } = person;
  const id = (name) => `${name}-${number}`;
  const name = element("input", { type: "text", id: id("name"), value: person.name, maxLength: 80 });
  name.addEventListener("change", () => edit({ kind: "name", person: number, name: name.value }));
  const strip = shape("svg", { viewBox: "0 0 1000 12", preserveAspectRatio: "none", "aria-hidden": "true" });
  strip.append(shape("rect", { class: "rail", x: 0, y: 0, width: 1000, height: 12 }));
  for (const [start, end] of person.spans) {
    strip.append(shape("rect", { class: "bar", x: (1000 * start) / film.seconds, y: 0, width: Math.max(2, (1000 * (end - start)) / film.seconds), height: 12 }));
  }
  const head = element("div", { className: "head" },
    element("img", { alt: `Face of ${person.name}`, src: `/api/films/${film.id}/people/${number}?${person.best}` }),
    element("div", {},
      element("label", { className: "unseen", htmlFor: id("name"), textContent: `Name of person ${number}` }), name,
      element("p", { className: "quiet", textContent: person.first == null ? "never seen" : `${person.seconds.toFixed(1)} s on screen, first at ${clock(person.first)}` })));
  const file = element("input", { type: "file", multiple: true, accept: "image/*", id: id("photo") });
  file.addEventListener("change", () => addPhotos(file.files, number));
  const drop = element("label", { className: "drop small", htmlFor: id("photo") },
    element("span", { textContent: `Drop photos for ${person.name}` }), file);
  droppable(drop, (files) => addPhotos(files, number));
  const source = element("select", { id: id("source") },
    element("option", { value: "", textContent: "keeps the own face" }),
    ...film.sources.map((one) => element("option", { value: one.name, textContent: `gets ${one.name}` })));
  source.value = person.sources.length === 1 ? person.sources[0].source : "";
  if (person.sources.length > 1) {
    source.append(element("option", { value: "*", textContent: "several, by time", disabled: true, selected: true }));
  }
  source.addEventListener("change", () => edit({ kind: "give", person: number, source: source.value || null }));
  const parts = [head, strip, drop, element("label", { className: "unseen", htmlFor: id("source"), textContent: `Face of ${person.name}` }), source];
  const given = film.sources.filter((one) => person.sources.some((use) => use.source === one.name));
  const advice = given.flatMap((one) => one.advice);
  if (advice.length) parts.push(element("ul", { className: "advice" }, ...advice.map((text) => element("li", { textContent: text }))));
  const others = film.people.filter((one) => one.number !== number);
  const more = element("details", {}, element("summary", { textContent: `More about ${person.name}` }));
  if (others.length) {
    const merge = element("select", { id: id("merge") }, ...others.map((one) => element("option", { value: one.number, textContent: one.name })));
    const go = element("button", { type: "button", textContent: "Merge" });
    go.addEventListener("click", () => edit({ kind: "merge", into: number, other: Number(merge.value) }));
    more.append(element("div", { className: "row" }, element("label", { htmlFor: id("merge"), textContent: "The same person as" }), merge, go));
  }
  const divide = element("button", { type: "button", textContent: "From the moment shown on, somebody else" });
  divide.addEventListener("click", () => edit({ kind: "divide", person: number, time: Number($("time").value) }));
  const look = element("button", { type: "button", textContent: "Show" });
  look.addEventListener("click", () => goTo(person.best ?? 0));
  more.append(element("div", { className: "row" }, divide, look));
  parts.push(more);
  return element("li", { className: "card" }, ...parts);
}

async function addPhotos(files, person) {
  if (!files.length) return;
  const form = new FormData();
  for (const file of files) form.append("files", file);
  form.append("person", person);
  tell("Looking at the photo");
  await doing(async () => {
    take(await ask(`/api/films/${film.id}/photos`, { method: "POST", body: form }));
    tell(`${film.people[person].name} gets ${film.people[person].sources[0]?.source ?? "nothing"}.`);
  });
}

function droppable(zone, use) {
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    if (event.dataTransfer.files.length) use(event.dataTransfer.files);
  });
}

// Look

function goTo(time) {
  $("time").value = Math.min(Math.max(0, time), Number($("time").max));
  drawNow();
  drawFrame();
}

let loading = null;
function drawFrame() {
  const time = Number($("time").value);
  $("time-text").textContent = clock(time);
  const somebody = film.people.some((one) => one.sources.length);
  const key = `${time} ${layer} ${redraw.length} ${somebody ? redraw : ""}`;
  if (key === shown || loading) return;
  shown = key;
  const base = `/api/films/${film.id}`;
  const stamp = Date.now();
  $("view-wait").hidden = !somebody;
  loading = Promise.all([
    picture($("before"), `${base}/frame?t=${time}`),
    somebody ? picture($("after"), `${base}/look?t=${time}&layer=${layer}&_=${stamp}`) : null,
  ])
    .catch((error) => complain(error.message))
    .finally(() => {
      loading = null;
      $("after").hidden = !somebody;
      $("view-wait").hidden = true;
      drawSplit();
      if (film?.state === "ready") drawFrame(); // the time may have moved meanwhile
    });
}

async function picture(image, address) {
  const answer = await fetch(address);
  if (!answer.ok) {
    const found = await answer.json().catch(() => ({}));
    throw new Error([found.message ?? "The frame cannot be shown.", found.hint].filter(Boolean).join("\n"));
  }
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
  $("line").hidden = $("after").hidden || layer !== "result";
}

function drawSettings() {
  const engine = $("engine");
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

// Runs

const STATES = { waiting: "waits", running: "runs", paused: "paused", done: "done", failed: "failed", cancelled: "cancelled", interrupted: "interrupted" };
const runs = new Map();

function drawRuns(found) {
  $("results").hidden = !found.length;
  for (const id of runs.keys()) {
    if (!found.some((run) => run.id === id)) {
      runs.get(id).item.remove();
      runs.delete(id);
    }
  }
  for (const run of found) {
    if (!runs.has(run.id)) {
      runs.set(run.id, runItem(run));
      $("runs").prepend(runs.get(run.id).item);
    }
    runs.get(run.id).update(run);
  }
}

function runItem(first) {
  const id = first.id;
  const title = element("h3");
  const stage = element("label", { htmlFor: `bar-${id}` });
  const bar = element("progress", { id: `bar-${id}`, max: 1 });
  const rest = element("p", { className: "quiet" });
  const buttons = element("div", { className: "row" });
  const films = element("div", { className: "films" });
  const item = element("li", { className: "card" }, title, stage, bar, rest, buttons, films);
  let state = "";
  const act = (text, action, method = "POST") => {
    const one = element("button", { type: "button", textContent: text });
    const path = method === "DELETE" ? `/api/runs/${id}` : `/api/runs/${id}/${action}`;
    one.addEventListener("click", () => doing(() => ask(path, { method })));
    return one;
  };
  const update = (run) => {
    title.textContent = `${run.title}: ${STATES[run.state]}`;
    const going = run.state === "running" || run.state === "paused";
    bar.hidden = stage.hidden = !going;
    if (going) drawProgress(bar, stage, rest, run.progress);
    else rest.textContent = run.problem || (run.state === "done" ? `${(run.bytes / 1e6).toFixed(1)} MB` : "");
    if (run.state === state) return;
    if (state) tell(`${run.title}: ${STATES[run.state]}`);
    state = run.state;
    const list = [];
    if (state === "running" && run.can_pause) list.push(act("Pause", "pause"));
    if (state === "paused") list.push(act("Go on", "go_on"));
    if (going || state === "waiting") list.push(act("Cancel", "cancel"));
    if (["failed", "cancelled", "interrupted"].includes(state)) list.push(act("Go on", "go_on"));
    if (state === "done") {
      list.push(
        element("a", { className: "link", href: `/api/runs/${id}/result?save=true`, textContent: "Download" }),
        element("a", { className: "link", href: `/api/runs/${id}/report`, textContent: "Report", target: "_blank" }));
      const video = element("video", { controls: true, src: `/api/runs/${id}/result`, preload: "metadata" });
      video.setAttribute("aria-label", `Result of ${run.title}`);
      films.replaceChildren(video);
    } else films.replaceChildren();
    if (!going && state !== "waiting") list.push(act("Delete", "", "DELETE"));
    buttons.replaceChildren(...list);
  };
  return { item, update };
}

// The clock

function schedule(wait) {
  clearTimeout(timer);
  timer = setTimeout(refresh, wait);
}

async function refresh() {
  let busy = false;
  try {
    const state = await ask("/api/state");
    if (!film && state.films.length) film = { id: state.films.at(-1).id, name: state.films.at(-1).name, state: "analyzing", progress: {} };
    if (film) take(await ask(`/api/films/${film.id}`));
    drawRuns(state.runs);
    $("folders").hidden = !state.files.length;
    if ($("film-path").options.length !== state.files.length) {
      $("film-path").replaceChildren(...state.files.map((path) => element("option", { value: path, textContent: path })));
    }
    busy = film?.state === "analyzing" || state.runs.some((run) => run.state === "running");
  } catch (error) {
    complain(error.message);
  }
  schedule(busy ? BUSY : IDLE);
}

$("film-file").addEventListener("change", (event) => {
  if (event.target.files.length) openFilm(event.target.files[0]);
});
droppable($("film-drop"), (files) => openFilm(files[0]));
$("film-take").addEventListener("click", () => {
  const form = new FormData();
  form.append("path", $("film-path").value);
  doing(async () => take(await ask("/api/films", { method: "POST", body: form })));
});
$("film-cancel").addEventListener("click", () => doing(() => ask(`/api/films/${film.id}/cancel`, { method: "POST" })));
$("film-again").addEventListener("click", () => doing(() => ask(`/api/films/${film.id}/analyze`, { method: "POST" })));
$("film-close").addEventListener("click", () =>
  doing(async () => {
    await ask(`/api/films/${film.id}`, { method: "DELETE" });
    film = null;
    redraw = shown = "";
    $("film-file").value = "";
    draw();
    $("film-file").focus();
  }));
$("undo").addEventListener("click", () => edit({ kind: "undo" }));
$("redo").addEventListener("click", () => edit({ kind: "redo" }));
$("cards-more").addEventListener("click", () => {
  allShown = !allShown;
  drawCards();
});
$("zoom").addEventListener("input", drawTimeline);
$("timeline").addEventListener("click", (event) => {
  const box = $("timeline").getBoundingClientRect();
  goTo(((event.clientX - box.left - LEFT) / (box.width - LEFT - 8)) * film.seconds);
});
$("time").addEventListener("input", () => goTo(Number($("time").value)));
$("back").addEventListener("click", () => goTo(Number($("time").value) - film.frame_seconds));
$("forth").addEventListener("click", () => goTo(Number($("time").value) + film.frame_seconds));
$("split").addEventListener("input", drawSplit);
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
$("plan-file").addEventListener("change", (event) => {
  const form = new FormData();
  form.append("file", event.target.files[0]);
  doing(async () => take(await ask(`/api/films/${film.id}/plan`, { method: "POST", body: form })));
  event.target.value = "";
});
$("start").addEventListener("click", () =>
  doing(() => send(`/api/films/${film.id}/runs`, { quality: $("quality").value, suffix: $("suffix").value })));
document.querySelector("#people details").addEventListener("toggle", async () => {
  $("command").textContent = (await ask(`/api/films/${film.id}/command`)).command;
});
refresh();
