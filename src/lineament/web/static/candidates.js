// The candidate list by keyboard: arrows move through it as it is laid out, enter follows the link.

const links = [...document.querySelectorAll("#candidates .candidate")];

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
