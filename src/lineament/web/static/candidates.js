// The candidate list: sorted and filtered in this tab, and walked through by keyboard. The record keeps its own order.

const list = document.getElementById("candidates");
const cards = [...(list?.querySelectorAll(":scope > [data-place]") ?? [])];
const line = document.getElementById("from-here");
const arrange = document.getElementById("arrange");
let links = cards.map((card) => card.querySelector(".candidate"));

// ------------------------------------------------------------ sorting and filtering

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const RECORDED = { sort: "place", source: "", since: "", until: "", reliable: false, unseen: false, undecided: false };
const SORTED_BY = {
  strangers: (card) => Number(card.dataset.strangers),
  score: (card) => -Number(card.dataset.score),
  day: (card) => -Number((card.dataset.day ?? "").replaceAll("-", "")),
};
const place = `arranged ${location.pathname}`;
const seen = new Set(list?.dataset.seen.split(" "));
const field = (name) => document.getElementById(name);

const chosen = () => ({
  sort: field("sort").value,
  source: field("source")?.value ?? "",
  since: field("since").value.trim(),
  until: field("until").value.trim(),
  reliable: field("reliable").checked,
  unseen: field("unseen").checked,
  undecided: field("undecided").checked,
});
const choose = (choice) => {
  for (const name of ["sort", "source", "since", "until"]) if (field(name)) field(name).value = choice[name];
  for (const name of ["reliable", "unseen", "undecided"]) field(name).checked = choice[name];
};
const isShown = (card, choice) => {
  const { day = "", source = "" } = card.dataset;
  if (choice.source && source !== choice.source) return false;
  if (DAY.test(choice.since) && (!day || day < choice.since)) return false;
  if (DAY.test(choice.until) && (!day || day > choice.until)) return false;
  if (choice.unseen && seen.has(card.dataset.name)) return false;
  if (choice.undecided && !("undecided" in card.dataset)) return false;
  return !choice.reliable || "reliable" in card.dataset;
};
const inOrder = (sort) => [...cards].sort((left, right) => {
  const first = sort === "source" ? (left.dataset.source ?? "").localeCompare(right.dataset.source ?? "")
    : sort === "place" ? 0 : SORTED_BY[sort](left) - SORTED_BY[sort](right);
  return first || left.dataset.place - right.dataset.place;
});
// The line stands where all that follow are expected of at least one stranger; in other orders there is no such place.
const placeLine = (shown, sort) => {
  if (!line) return;
  const short = shown.findLastIndex((card) => Number(card.dataset.strangers) < 1);
  const first = shown[short + 1];
  line.hidden = !first || ["day", "source"].includes(sort);
  if (!line.hidden) first.before(line);
};
const arrangeAll = () => {
  const choice = chosen();
  for (const name of ["since", "until"]) {
    field(name).setAttribute("aria-invalid", String(choice[name] !== "" && !DAY.test(choice[name])));
  }
  const ordered = inOrder(choice.sort);
  list.append(...ordered);
  for (const card of cards) card.hidden = !isShown(card, choice);
  const shown = ordered.filter((card) => !card.hidden);
  placeLine(shown, choice.sort);
  links = shown.map((card) => card.querySelector(".candidate"));
  const hidden = cards.length - shown.length;
  const words = [];
  if (choice.sort !== "place") words.push(`by ${field("sort").selectedOptions[0].textContent}`);
  if (hidden) words.push(`${hidden} of ${cards.length} candidates hidden`);
  field("arranged").textContent = words.length ? `· ${words.join(" · ")}` : "";
  if (JSON.stringify(choice) === JSON.stringify(RECORDED)) sessionStorage.removeItem(place);
  else sessionStorage.setItem(place, JSON.stringify(choice));
};

if (arrange) {
  const stored = sessionStorage.getItem(place);
  if (stored !== null) {
    choose({ ...RECORDED, ...JSON.parse(stored) });
    arrange.open = true;
    arrangeAll();
  }
  arrange.addEventListener("input", arrangeAll);
  field("as-recorded").addEventListener("click", () => {
    choose(RECORDED);
    arrangeAll();
  });
}

// ------------------------------------------------------------ arrows move as the list is laid out, enter follows

const step = (key) => {
  const at = links.indexOf(document.activeElement);
  if (at < 0) return links[0];
  if (key === "ArrowLeft") return links[at - 1];
  if (key === "ArrowRight") return links[at + 1];
  const here = links[at].getBoundingClientRect();
  const row = (link) => Math.round(link.getBoundingClientRect().top);
  const beyond = links.filter((link) => (key === "ArrowDown" ? row(link) > row(links[at]) : row(link) < row(links[at])));
  const rows = beyond.map(row);
  const nearest = key === "ArrowDown" ? Math.min(...rows) : Math.max(...rows);
  const inRow = beyond.filter((link) => row(link) === nearest);
  const away = (link) => Math.abs(link.getBoundingClientRect().left - here.left);
  return inRow.sort((left, right) => away(left) - away(right))[0];
};

document.addEventListener("keydown", (event) => {
  if (!event.key.startsWith("Arrow") || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  if (event.target.closest("input, textarea, select, dialog")) return;
  const next = links.length && step(event.key);
  if (!next) return;
  event.preventDefault();
  next.focus();
  sessionStorage.setItem(`at ${location.pathname}`, next.pathname);
});

for (const link of links) {
  link.addEventListener("click", () => sessionStorage.setItem(`at ${location.pathname}`, link.pathname));
}

// Coming back from a comparison, return to the same candidate.
const last = sessionStorage.getItem(`at ${location.pathname}`);
if (document.activeElement === document.body) links.find((link) => link.pathname === last)?.focus({ preventScroll: false });
