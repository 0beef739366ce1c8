// Keeps the progress of jobs on a page up to date until all of them have ended.
// It pauses while the page is hidden, and five minutes after the last key or click, so that an idle session still locks.

const EVERY = 1000;
const AWAKE = 5 * 60 * 1000;

const page = document.querySelector("[data-progress]");
let touched = Date.now();
let timer = 0;

const show = (job) => {
  const place = page.querySelector(`[data-job="${CSS.escape(job.id)}"]`);
  if (!place || place.dataset.standing !== job.standing) return false;
  for (const name of ["line", "doing", "took"]) {
    const field = place.querySelector(`[data-field=${name}]`);
    if (field && field.textContent !== job[name]) field.textContent = job[name];
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

const look = async () => {
  timer = 0;
  if (document.hidden || Date.now() - touched > AWAKE) return;
  try {
    const answer = await fetch(page.dataset.progress, { credentials: "same-origin", redirect: "error" });
    if (answer.ok) {
      const { jobs } = await answer.json();
      if (!jobs.every(show)) {
        location.reload();
        return;
      }
    }
  } catch {
    // the server cannot be reached for a moment; try again next time
  }
  wait();
};

const wait = () => {
  if (!timer && page.querySelector("[data-live]")) timer = setTimeout(look, EVERY);
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
