// The face of a new search: pick its box on the photograph; the button says what will be searched. region.js draws one.

const photo = document.getElementById("photo");
const boxes = document.getElementById("boxes");
const why = document.getElementById("why");
const radios = [...document.querySelectorAll("input[type=radio][name=face]")];

// ------------------------------------------------------------ picking

const mark = () => {
  for (const box of boxes.querySelectorAll(".box")) {
    const radio = radios[Number(box.dataset.face) - 1];
    box.classList.toggle("picked", radio.checked);
  }
  for (const person of why.querySelectorAll("input[name=person]")) {  // nobody is searched twice
    person.disabled = radios.some((radio) => radio.checked && person.value === `${why.dataset.probe}:${radio.value}`);
  }
};
const pick = (radio) => {
  radio.checked = true;
  radio.closest("label").scrollIntoView({ block: "nearest" });
  mark();
};
for (const radio of radios) {
  radio.addEventListener("change", mark);
  const label = radio.closest("label");
  const box = boxes.querySelector(`[data-face="${radio.value}"]`);
  label.addEventListener("pointerenter", () => box.classList.add("picked"));
  label.addEventListener("pointerleave", mark);
}
mark();

photo.addEventListener("point", ({ detail: at }) => {
  const under = [...boxes.querySelectorAll(".box")].filter((box) => {
    const side = (name) => Number(box.querySelector(".over").getAttribute(name));
    return at.x >= side("x") && at.y >= side("y") && at.x <= side("x") + side("width") && at.y <= side("y") + side("height");
  });
  const smallest = under.sort((left, right) => left.querySelector(".over").getAttribute("width") - right.querySelector(".over").getAttribute("width"))[0];
  if (smallest) pick(radios[Number(smallest.dataset.face) - 1]);
});

// ------------------------------------------------------------ what will be searched

const sources = [...why.querySelectorAll("input[name=source]")];
const count = () => {
  const picked = sources.filter((source) => source.checked);
  const faces = picked.reduce((sum, source) => sum + Number(source.dataset.faces), 0);
  const words = (number, singular, plural) => `${number.toLocaleString("en")} ${number === 1 ? singular : plural}`;
  document.getElementById("picked").textContent = words(picked.length, "source", "sources");
  const compared = document.getElementById("compared");  // absent if no search can run
  if (compared) compared.textContent = `${words(faces, "face", "faces")} will be compared`;
  sources[0]?.setCustomValidity(picked.length ? "" : "Choose at least one source.");
};
for (const source of sources) source.addEventListener("change", count);
count();
