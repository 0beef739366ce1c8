// Opening a case: the box for distressing pictures follows what is typed, until somebody sets it.

const place = document.getElementById("blur");
const form = place.closest("form");
const box = place.querySelector("[name=distressing]");
const said = place.querySelector("[name=said]");
const because = document.getElementById("blur-because");
const READ = ["offence", "purpose", "basis"];
const PAUSE = 300;
let timer = 0;
let newest = 0;

// The server knows the words; what is typed goes to it in a form, never in an address.
const ask = async () => {
  const asked = ++newest;
  const typed = new FormData();
  for (const name of ["csrf", ...READ]) typed.set(name, form.elements[name].value);
  try {
    const answer = await fetch(place.dataset.words, { method: "POST", body: typed, credentials: "same-origin", redirect: "error" });
    if (!answer.ok || asked !== newest) return;
    const { words } = await answer.json();
    because.textContent = words.length ? `Suggested by ${words.map((word) => `“${word}”`).join(", ")}. You decide.` : "";
    if (!said.value) box.checked = words.length > 0;
  } catch {
    // the server decides when the case is opened
  }
};

for (const name of READ) {
  form.elements[name].addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  });
}
box.addEventListener("change", () => { said.value = box.checked ? "yes" : "no"; });
if (READ.some((name) => form.elements[name].value)) ask();
