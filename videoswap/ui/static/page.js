// What all parts of the page share: its state, elements, messages and requests. Texts are set as
// texts alone, so that no name of a file is ever taken for HTML.

export const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

// The film that is open and the runs, as the server tells them, the plan that was run last, and what
// asks for them anew.
export const page = { film: null, runs: [], ran: "", take: () => {}, schedule: () => {} };

export function element(name, properties = {}, ...children) {
  const one = Object.assign(document.createElement(name), properties);
  one.append(...children);
  return one;
}

export function shape(name, attributes, text = "") {
  const one = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
  if (text) one.textContent = text;
  return one;
}

export function button(text, work, properties = {}) {
  const one = element("button", { type: "button", textContent: text, ...properties });
  one.addEventListener("click", work);
  return one;
}

export function clock(seconds) {
  const tenths = Math.round(seconds * 10);
  const minutes = Math.floor(tenths / 600);
  return `${minutes}:${String(((tenths % 600) / 10).toFixed(1)).padStart(4, "0")}`;
}

// Estimates change from second to second, so they are not said to the second.
function roughly(seconds) {
  if (seconds < 10) return "a few seconds";
  if (seconds < 90) return `about ${10 * Math.round(seconds / 10)} seconds`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `about ${minutes} minutes` : `about ${Math.round(minutes / 60)} hours`;
}

export function complain(text) {
  $("message-text").textContent = text;
  $("message").hidden = !text;
}

export function tell(text) {
  $("news").textContent = text;
}

export function sentence(found, status) {
  const said = typeof found.message === "string" ? found.message : `It failed (${status}).`;
  return found.hint ? `${said}\n${found.hint}` : said;
}

export async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("The server does not answer. Is videoswap ui still running?");
  }
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(sentence(found, answer.status));
  return found;
}

export const send = (path, body) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

export async function doing(work) {
  try {
    complain("");
    return await work();
  } catch (error) {
    complain(error.message);
    return null;
  } finally {
    page.schedule(0);
  }
}

export function edit(wish) {
  return doing(async () => page.take(await send(`/api/films/${page.film.id}/edit`, wish)));
}

export function droppable(zone, use) {
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

const STAGES = {
  analyze: "Looking for faces", portraits: "Drawing everybody", "refine landmarks": "Looking closer",
  render: "Swapping", join: "Joining", write: "Writing", check: "Checking the result",
  "check copies": "Checking sound and subtitles", measure: "Measuring",
};

export function drawProgress(bar, title, rest, progress) {
  title.textContent = STAGES[progress.stage] ?? progress.stage ?? "Starting";
  if (progress.total) bar.value = progress.done / progress.total;
  else bar.removeAttribute("value");
  const words = [];
  if (progress.done) words.push(`${progress.done}${progress.total ? ` of ${progress.total}` : ""} ${progress.unit ?? ""}`);
  if (progress.seconds_left != null) words.push(`${roughly(progress.seconds_left)} left`);
  rest.textContent = words.join(", ");
}
