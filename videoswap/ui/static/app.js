// Opens films, asks the server for the state of everything now and then, and has it drawn.

import { $, ask, complain, doing, drawProgress, droppable, edit, element, page, sentence, tell } from "./page.js";
import { drawPeople } from "./people.js";
import { drawFrame, drawSettings, forgetFrame, openFrame } from "./look.js";
import { drawRunSettings, drawRuns } from "./runs.js";

const BUSY = 700, IDLE = 3000; // milliseconds between two questions
let timer = 0;
let redraw = ""; // what the people were drawn from
let uploading = ""; // name of what is sent
let taken = 0; // how many answers about films were taken

page.take = (found) => {
  taken += 1;
  const before = page.film;
  page.film = found;
  if (found.state === "ready" && (before?.state !== "ready" || before.id !== found.id)) {
    const count = found.people.length;
    tell(`${count === 1 ? "1 person was" : `${count} people were`} found in ${found.name}.`);
    openFrame();
  }
  draw();
};

function upload(file) {
  uploading = file.name;
  draw();
  tell(`Uploading ${file.name}`);
  return doing(async () => {
    try {
      page.take(await posted(file));
    } finally {
      uploading = "";
      $("film-file").value = "";
      draw();
    }
  });
}

function posted(file) {
  const form = new FormData();
  form.append("file", file);
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/api/films");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) $("film-progress").value = event.loaded / event.total;
    });
    request.addEventListener("load", () =>
      request.status === 200 ? done(request.response) : failed(new Error(sentence(request.response ?? {}, request.status))));
    request.addEventListener("error", () => failed(new Error("The server does not answer. Is videoswap ui still running?")));
    request.send(form);
  });
}

function draw() {
  const film = page.film, state = uploading ? "uploading" : film?.state;
  $("film-name").textContent = film ? film.name : uploading;
  $("film").hidden = state === "ready";
  $("open").hidden = !!film || !!uploading;
  $("working").hidden = state !== "analyzing" && state !== "uploading";
  $("stopped").hidden = state !== "failed" && state !== "cancelled";
  $("film-cancel").hidden = state !== "analyzing";
  $("film-close").hidden = state !== "ready";
  $("edits").hidden = state !== "ready";
  $("film-again").hidden = state === "failed" && !film?.problem?.code?.startsWith("analysis");
  for (const id of ["people", "look", "run"]) $(id).hidden = state !== "ready";
  if (state === "analyzing") drawProgress($("film-progress"), $("film-stage"), $("film-left"), film.progress);
  if (state === "uploading") {
    $("film-stage").textContent = `Uploading ${uploading}`;
    $("film-left").textContent = "";
  }
  $("stopped-title").textContent = state === "failed" ? "This cannot be used" : "Cancelled";
  if (state === "failed") {
    $("stopped-why").textContent = [film.problem.message, film.problem.hint].filter(Boolean).join(" ");
  } else if (state === "cancelled") {
    $("stopped-why").textContent = "The analysis was cancelled. What was found is kept.";
  }
  $("undo").disabled = !film?.can_undo;
  $("redo").disabled = !film?.can_redo;
  if (state !== "ready") {
    drawNext();
    return;
  }
  const key = JSON.stringify([film.id, film.people, film.sources, film.engine, film.blend]);
  if (key !== redraw) {
    redraw = key;
    drawPeople();
    drawSettings();
    drawRunSettings();
  }
  const nobody = !film.people.some((one) => one.sources.length);
  $("start").disabled = nobody;
  $("start-why").hidden = !nobody;
  drawFrame();
  drawNext();
}

// What is to be done next, and where; nothing once that is on screen.
const inView = new Set();
const watcher = new IntersectionObserver((entries) => {
  for (const one of entries) inView[one.isIntersecting ? "add" : "delete"](one.target.id);
  drawNext();
});
for (const id of ["cards", "start", "results-title"]) watcher.observe($(id));

function nextStep() {
  const film = page.film;
  if (film?.state !== "ready") return null;
  if (!film.people.some((one) => one.sources.length)) return ["people", "cards", "Next: drop a photo onto a person"];
  if (page.ran !== redraw) return ["run", "start", "Next: make the result"];
  return ["results", "results-title", page.runs.some((one) => one.state === "running") ? "See how far the result is" : "See the result"];
}

function drawNext() {
  const step = nextStep();
  $("next").hidden = !step || inView.has(step[1]);
  if (step) Object.assign($("next-link"), { href: `#${step[0]}`, textContent: step[2] });
}

page.schedule = (wait) => {
  clearTimeout(timer);
  timer = setTimeout(refresh, wait);
};

async function refresh() {
  let busy = false;
  try {
    const state = await ask("/api/state");
    const last = state.films.at(-1);
    if (!page.film && last) page.film = { id: last.id, name: last.name, state: "analyzing", progress: {} };
    if (page.film) {
      const asked = page.film.id, before = taken;
      const found = await ask(`/api/films/${asked}`);
      // Meanwhile it may have been closed, or an edit answered with something newer.
      if (page.film?.id === asked && taken === before) page.take(found);
    }
    page.runs = state.runs;
    drawRuns(state.runs);
    drawNext();
    $("folders").hidden = !state.files.length;
    if ($("film-path").options.length !== state.files.length) {
      $("film-path").replaceChildren(...state.files.map((path) => element("option", { value: path, textContent: path })));
    }
    busy = page.film?.state === "analyzing" || state.runs.some((run) => run.state === "running");
  } catch (error) {
    complain(error.message);
  }
  page.schedule(busy ? BUSY : IDLE);
}

$("film-file").addEventListener("change", (event) => {
  if (event.target.files.length) upload(event.target.files[0]);
});
droppable($("film-drop"), (files) => upload(files[0]));
$("film-take").addEventListener("click", () => {
  const form = new FormData();
  form.append("path", $("film-path").value);
  doing(async () => page.take(await ask("/api/films", { method: "POST", body: form })));
});
$("film-cancel").addEventListener("click", () => doing(() => ask(`/api/films/${page.film.id}/cancel`, { method: "POST" })));
$("film-again").addEventListener("click", () => doing(() => ask(`/api/films/${page.film.id}/analyze`, { method: "POST" })));
$("film-other").addEventListener("click", () => $("film-close").click());
$("film-close").addEventListener("click", () =>
  doing(async () => {
    const { id } = page.film;
    page.film = null;
    redraw = "";
    forgetFrame();
    await ask(`/api/films/${id}`, { method: "DELETE" });
    draw();
    $("film-file").focus();
  }));
$("message-close").addEventListener("click", () => complain(""));
$("start").addEventListener("click", () => (page.ran = redraw));
$("undo").addEventListener("click", () => edit({ kind: "undo" }));
$("redo").addEventListener("click", () => edit({ kind: "redo" }));
refresh();
