// The queue, and what came out: players, report, measurement.

import { $, ask, button, doing, drawProgress, element, page, send, shape, tell } from "./page.js";

const STATES = { waiting: "waits", running: "being made", paused: "paused", done: "done", failed: "failed", cancelled: "cancelled", interrupted: "interrupted" };
const STOPPED = ["failed", "cancelled", "interrupted"];
const APART = 0.08; // seconds that both players may be apart
const CURVES = ["one", "two", "three"];
const WIDE = 420, HIGH = 130, LEFT = 44, BOTTOM = 20;
const runs = new Map();
let started = false; // a run, which is to be brought into view once it is listed
let kind = ""; // of the film whose suffixes are offered

export function drawRunSettings() {
  if (kind === page.film.kind) return;
  kind = page.film.kind;
  const picture = kind === "picture";
  const offered = picture
    ? [[".png", "PNG: without loss"], [".jpg", "JPEG: small"], [".webp", "WebP: for the web"]]
    : [[".mp4", "MP4: plays everywhere"], [".mkv", "Matroska: holds everything"], [".webm", "WebM: for the web"], [".mov", "QuickTime"]];
  $("suffix").replaceChildren(...offered.map(([value, textContent]) => element("option", { value, textContent })));
  $("run-text").textContent = picture
    ? "Only the faces change. Resolution, colors and metadata stay."
    : "Only the faces change. Sound, subtitles and times stay.";
}

export function drawRuns(found) {
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
  if (started && found.length) {
    started = false;
    $("results").scrollIntoView({ block: "nearest" });
    $("results-title").focus({ preventScroll: true });
  }
}

function runItem(first) {
  const id = first.id, base = `/api/runs/${id}`;
  const title = element("h3");
  const stage = element("label", { htmlFor: `bar-${id}` });
  const bar = element("progress", { id: `bar-${id}`, max: 1 });
  const rest = element("p", { className: "quiet" });
  const buttons = element("div", { className: "row" });
  const shown = element("div", { className: "shown" });
  const item = element("li", { className: "card" }, title, stage, bar, rest, shown, buttons);
  let state = "";
  const act = (text, action, method = "POST") =>
    button(text, () => doing(() => ask(method === "DELETE" ? base : `${base}/${action}`, { method })));
  const update = (run) => {
    const name = run.kind === "measure" ? `Quality of ${run.title}` : run.title;
    title.textContent = `${name}: ${STATES[run.state]}`;
    const going = run.state === "running" || run.state === "paused";
    bar.hidden = stage.hidden = !going;
    if (going) drawProgress(bar, stage, rest, run.progress);
    else rest.textContent = resting(run);
    rest.classList.toggle("bad", run.state === "failed");
    if (run.state === state) return;
    if (state) tell(`${name}: ${STATES[run.state]}`);
    state = run.state;
    const list = [];
    if (state === "running" && run.can_pause) list.push(act("Pause", "pause"));
    if (state === "paused") list.push(act("Go on", "go_on"));
    if (going || state === "waiting") list.push(act("Cancel", "cancel"));
    if (STOPPED.includes(state)) list.push(act("Go on", "go_on"));
    shown.replaceChildren();
    if (state === "done" && run.kind === "measure") {
      list.push(element("a", { className: "link", href: `${base}/page`, textContent: "Download the page with the worst frames" }));
      drawTold(shown, base, quality);
    } else if (state === "done") {
      list.push(element("a", { className: "link strong", href: `${base}/result?save=true`, textContent: "Download" }));
      if (!run.still) list.push(act("Measure the quality", "measure"));
      shown.append(run.still ? pictures(run, base) : players(run, base));
      drawTold(shown, base, report);
    }
    if (!going && state !== "waiting") list.push(act("Delete", "", "DELETE"));
    buttons.replaceChildren(...list);
  };
  return { item, update };
}

function resting(run) {
  if (run.problem) return run.problem;
  if (run.state === "waiting") return "Others run first.";
  if (run.state === "cancelled" || run.state === "interrupted") return "What was done is kept: it can go on.";
  return run.state === "done" && run.kind === "swap" ? `${(run.bytes / 1e6).toFixed(1)} MB` : "";
}

function figure(caption, content) {
  return element("figure", {}, content, element("figcaption", { textContent: caption }));
}

function pictures(run, base) {
  const one = (kind, alt) => element("img", { src: `${base}/${kind}`, alt });
  return element("div", { className: "films" },
    figure("Original", one("original", `${run.title} as it was`)), figure("Result", one("result", `Result of ${run.title}`)));
}

// The result leads, the original follows without sound.
function players(run, base) {
  const result = element("video", { controls: true, src: `${base}/result#t=0.001`, preload: "metadata" });
  const original = element("video", { muted: true, src: `${base}/original#t=0.001`, preload: "metadata", tabIndex: -1 });
  result.setAttribute("aria-label", `Result of ${run.title}`);
  original.setAttribute("aria-label", `Original of ${run.title}, follows the result`);
  const follow = () => {
    if (Math.abs(original.currentTime - result.currentTime) > APART || result.paused) original.currentTime = result.currentTime;
  };
  result.addEventListener("play", () => original.play().catch(() => {}));
  result.addEventListener("pause", () => original.pause());
  result.addEventListener("ratechange", () => (original.playbackRate = result.playbackRate));
  for (const event of ["seeking", "seeked", "timeupdate", "pause"]) result.addEventListener(event, follow);
  for (const one of [result, original]) {
    one.addEventListener("error", () =>
      one.replaceWith(element("p", { className: "unplayable", textContent: "This browser cannot play files of this kind. Downloaded, it plays elsewhere." })));
  }
  return element("div", { className: "films" }, figure("Original, in step with the result", original), figure("Result", result));
}

async function drawTold(place, base, draw) {
  try {
    place.append(...draw(await ask(`${base}/told`)));
  } catch (error) {
    place.append(element("p", { className: "bad", textContent: error.message }));
  }
}

function table(caption, head, rows) {
  const cells = (kind, some) => some.map((one) => (one instanceof Node ? element(kind, {}, one) : element(kind, { textContent: one })));
  const heads = cells("th", head);
  for (const one of heads) one.scope = "col";
  return element("div", { className: "wide", tabIndex: 0, role: "group", ariaLabel: caption }, element("table", {},
    element("caption", { className: "unseen", textContent: caption }),
    element("thead", {}, element("tr", {}, ...heads)),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...cells("td", row))))));
}

function report(told) {
  const swapped = told.people.filter((one) => one.gets);
  const alone = told.people.length - swapped.length;
  const seconds = Object.values(told.seconds).reduce((sum, one) => sum + one, 0);
  const facts = [
    told.frames > 1 ? `${told.swapped} of ${told.frames} frames show a swapped face.` : "",
    alone ? `${alone} ${alone === 1 ? "person keeps" : "people keep"} their own face.` : "Everybody got another face.",
    `It took ${seconds.toFixed(1)} s with the engine ${told.engine} on ${told.device}${told.encoder ? `, encoded by ${told.encoder}` : ""}.`,
  ];
  const box = element("details", {}, element("summary", { textContent: "What was done" }),
    table("Who got what", ["person", "gets", "frames"], swapped.map((one) => [one.name, one.gets, String(one.frames)])),
    element("p", { textContent: facts.filter(Boolean).join(" ") }));
  if (told.notes.length) {
    box.append(element("h4", { textContent: "Done otherwise than asked, or worth knowing" }),
      element("ul", { className: "advice" }, ...told.notes.map((one) => element("li", { textContent: one }))));
  }
  return [box];
}

function quality(told) {
  const verdict = told.good == null ? "Nothing could be judged."
    : told.good ? `Good in all ${told.judged} numbers that are judged.`
      : `Good in ${told.judged - told.bad.length} of ${told.judged} numbers that are judged.`;
  const parts = [element("p", { className: told.good === false ? "verdict bad" : "verdict", textContent: verdict })];
  if (told.bad.length) {
    const by = new Map();
    for (const one of told.bad) by.set(one.who, [...(by.get(one.who) ?? []), one.label]);
    parts.push(element("ul", { className: "advice" }, ...[...by].map(([who, labels]) => element("li", { textContent: `${who}: not good in ${labels.join(", ")}` }))));
  }
  for (const note of told.notes) parts.push(element("p", { className: "quiet", textContent: note }));
  for (const group of told.groups) {
    parts.push(element("h4", { textContent: group.source ? `${group.title}, as ${group.source}` : group.title }));
    if (group.plots.length) parts.push(element("div", { className: "plots" }, ...group.plots.map(plot)));
    const measured = group.numbers.filter((one) => one.value != null);
    const rows = measured.map((one) => [
      one.unit ? `${one.label} (${one.unit})` : one.label,
      Number.isInteger(one.value) ? String(one.value) : one.value.toFixed(3),
      one.good == null ? "" : element("span", { className: one.good ? "fine" : "bad", textContent: one.good ? "good" : "not good" }),
      one.range,
    ]);
    parts.push(element("details", {}, element("summary", { textContent: `All numbers of ${group.title}` }),
      table(`Numbers of ${group.title}`, ["number", "value", "verdict", "good is"], rows)));
  }
  return parts;
}

function plot({ label, seconds, curves }) {
  const known = curves.flatMap((one) => one.values.filter((value) => value != null));
  const low = Math.min(0, ...known), high = Math.max(...known) > low ? Math.max(...known) : low + 1;
  const end = Math.max(seconds.at(-1), seconds[0] + 1e-3);
  const x = (time) => LEFT + ((time - seconds[0]) / (end - seconds[0])) * (WIDE - LEFT - 6);
  const y = (value) => HIGH - BOTTOM - ((value - low) / (high - low)) * (HIGH - BOTTOM - 8);
  const means = curves.map((one) => {
    const some = one.values.filter((value) => value != null);
    return `${one.name} ${some.length ? (some.reduce((a, b) => a + b, 0) / some.length).toFixed(3) : "not measured"}`;
  });
  const svg = shape("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": `${label} over time, on average: ${means.join(", ")}` });
  for (const value of [low, (low + high) / 2, high]) {
    svg.append(shape("path", { class: "grid", d: `M${LEFT} ${y(value).toFixed(1)}H${WIDE - 6}` }));
    svg.append(shape("text", { x: LEFT - 4, y: y(value) + 4, "text-anchor": "end" }, String(Number(value.toPrecision(3)))));
  }
  svg.append(shape("text", { x: LEFT, y: HIGH - 5 }, `${seconds[0].toFixed(1)} s`));
  svg.append(shape("text", { x: WIDE - 6, y: HIGH - 5, "text-anchor": "end" }, `${end.toFixed(1)} s`));
  curves.forEach((one, index) => {
    let words = "", drawing = false;
    one.values.forEach((value, at) => {
      if (value != null) words += `${drawing ? "L" : "M"}${x(seconds[at]).toFixed(1)} ${y(value).toFixed(1)}${drawing ? "" : "h.1"}`;
      drawing = value != null;
    });
    svg.append(shape("path", { class: `curve ${CURVES[index % 3]}`, d: words }));
  });
  const legend = element("p", { className: "legend" }, ...curves.map((one, index) => element("span", { className: CURVES[index % 3], textContent: one.name })));
  return element("div", {}, element("h5", { textContent: label }), legend, svg);
}

$("start").addEventListener("click", () =>
  doing(async () => {
    await send(`/api/films/${page.film.id}/runs`, { quality: $("quality").value, suffix: $("suffix").value });
    started = true;
  }));
