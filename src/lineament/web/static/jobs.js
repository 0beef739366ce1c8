// Keeps the progress of jobs and runs on a page up to date until all of them have ended.
// It pauses while the page is hidden, and five minutes after the last key or click, so that an idle session still locks.

const EVERY = 1000;
const LONGEST_WAIT = 30e3; // between two attempts while the server cannot be reached
const SAID_EVERY = 15e3;   // between two progress reports for a screen reader
const AWAKE = 5 * 60 * 1000;

const page = document.querySelector("[data-progress]");
const said = page?.querySelector("[data-said]");
let touched = Date.now();
let saidAt = Date.now();
let every = EVERY;
let timer = 0;

const showField = (field, text) => {
  if (field.textContent !== text) field.textContent = text;
  const row = field.closest("[data-row]");
  if (row) row.hidden = text === "0";
};

const show = (job) => {
  const place = page.querySelector(`[data-job="${CSS.escape(job.id)}"]`);
  if (!place || place.dataset.standing !== job.standing) return false;
  for (const field of place.querySelectorAll("[data-field]")) {
    if (job[field.dataset.field] !== undefined) showField(field, job[field.dataset.field]);
  }
  const gauge = place.querySelector(".gauge");
  if (gauge && job.width !== null) {
    gauge.hidden = false;
    gauge.setAttribute("aria-valuenow", job.width);
    gauge.setAttribute("aria-valuetext", job.line);
    gauge.querySelector("rect").setAttribute("width", job.width);
  }
  return true;
};

const say = (jobs) => {
  const first = page.querySelector("[data-live]")?.dataset.job;
  const line = jobs.find((job) => job.id === first)?.line;
  if (!said || !line || Date.now() - saidAt < SAID_EVERY) return;
  saidAt = Date.now();
  if (said.textContent !== line) said.textContent = line;
};

// Whether something may be typed or chosen in a form of the page, which a reload would interrupt.
const isBusy = () => document.activeElement?.matches("input, select, textarea") ?? false;

const look = async () => {
  timer = 0;
  if (document.hidden || Date.now() - touched > AWAKE) return;
  try {
    const answer = await fetch(page.dataset.progress, { credentials: "same-origin", redirect: "error", cache: "no-store" });
    if (!answer.ok) throw new Error(answer.statusText);
    const { jobs } = await answer.json();
    const known = jobs.map(show);
    const live = [...page.querySelectorAll("[data-live]")].every((place) => jobs.some((job) => job.id === place.dataset.job));
    if (!(live && known.every(Boolean)) && !isBusy()) {
      location.reload();
      return;
    }
    say(jobs);
    every = EVERY;
  } catch {
    every = Math.min(2 * every, LONGEST_WAIT); // the server cannot be reached for a moment
  }
  wait();
};

const wait = () => {
  if (!timer && page.querySelector("[data-live]")) timer = setTimeout(look, every);
};

const wake = () => {
  touched = Date.now();
  wait();
};

if (page) {
  for (const name of ["keydown", "pointerdown", "pointermove", "focus"]) addEventListener(name, wake, { passive: true });
  document.addEventListener("visibilitychange", wake);
  wait();
}
