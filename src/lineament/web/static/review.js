// The review of a candidate by keyboard: a digit assesses a feature and goes on, a letter decides, Enter commits.

const form = document.getElementById("decide");
const rows = [...(form?.querySelectorAll(".feature") ?? [])];
const ASSESSMENTS = ["similar", "different", "cannot tell", "not visible"];
const RESTS = { m: "similar", d: "different", v: "not visible" };
const OUTCOMES = { l: "lead", i: "inconclusive", x: "excluded", c: "cannot be compared" };
const WRITTEN = new Set(["lead", "inconclusive"]);  // they need grounds in words

// ------------------------------------------------------------ the checklist

const assessed = (row) => row.querySelector("input:checked");
const choose = (row, value) => { row.querySelector(`input[value="${value}"]`).checked = true; };
const unassessed = () => rows.filter((row) => !assessed(row));
const outcome = (value) => form.querySelector(`input[name="outcome"][value="${value}"]`);
let here = 0;

const mark = (at) => {
  rows[here].classList.remove("here");
  here = (at + rows.length) % rows.length;
  rows[here].classList.add("here");
  rows[here].scrollIntoView({ block: "nearest" });
};
const goOn = () => {
  const following = [...rows.slice(here + 1), ...rows.slice(0, here)].find((row) => !assessed(row));
  if (following) mark(rows.indexOf(following));
};
const tell = () => {
  const left = unassessed().length;
  document.getElementById("left").textContent = left ? `${left} of ${rows.length} left.` : "All assessed.";
};
// If every feature that is visible differs, only an exclusion follows from that.
const assessRest = (value) => {
  for (const row of unassessed()) choose(row, value);
  const visible = new Set(rows.map((row) => assessed(row).value).filter((each) => each !== "not visible"));
  const isChosen = form.querySelector('input[name="outcome"]:checked');
  if (!isChosen && visible.size === 1 && visible.has("different")) outcome("excluded").checked = true;
  changed();
};
const changed = () => {
  tell();
  form.dispatchEvent(new Event("input", { bubbles: true }));  // so that the draft is kept
};

// ------------------------------------------------------------ keys

const decide = (value) => {
  outcome(value).checked = true;
  changed();
  if (WRITTEN.has(value)) form.elements.grounds.focus();
};
const commit = () => form.requestSubmit();

const onKey = (event) => {
  if (event.defaultPrevented || event.metaKey || event.altKey) return;
  const typing = event.target.closest("textarea, select, dialog, input:not([type=radio]):not([type=range])");
  if (event.key === "Enter") {
    const isCommit = typing ? event.ctrlKey && typing.form === form : !event.target.closest("a, button, summary");
    if (!isCommit) return;
    event.preventDefault();
    commit();
    return;
  }
  if (typing || event.ctrlKey || event.shiftKey) return;
  const digit = Number(event.key);
  if (digit >= 1 && digit <= ASSESSMENTS.length) {
    choose(rows[here], ASSESSMENTS[digit - 1]);
    changed();
    goOn();
  } else if (event.key in RESTS) assessRest(RESTS[event.key]);
  else if (event.key in OUTCOMES) decide(OUTCOMES[event.key]);
  else if (event.key === "ArrowDown" || event.key === "ArrowUp") mark(here + (event.key === "ArrowDown" ? 1 : -1));
  else return;
  event.preventDefault();
};

if (form && !form.closest("details:not([open])")) rows[0].classList.add("here");
if (form) {
  tell();
  form.addEventListener("change", tell);
  for (const row of rows) row.addEventListener("focusin", () => mark(rows.indexOf(row)));
  for (const button of form.querySelectorAll("[data-rest]")) button.addEventListener("click", () => assessRest(button.dataset.rest));
  document.addEventListener("keydown", (event) => {
    if (!form.closest("details:not([open])")) onKey(event);
  });
}
