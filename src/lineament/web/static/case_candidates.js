// The candidates of a case: those in one state.

const state = document.getElementById("state");
const cards = [...document.querySelectorAll("[data-state]")];

const show = () => {
  for (const card of cards) card.hidden = state.value !== "" && card.dataset.state !== state.value;
  for (const section of document.querySelectorAll(".of-search")) {
    section.hidden = !section.querySelector("[data-state]:not([hidden])");
  }
  const shown = cards.filter((card) => !card.hidden).length;
  document.getElementById("shown").textContent = state.value ? `${shown} of ${cards.length}` : "";
};

state?.addEventListener("input", show);
