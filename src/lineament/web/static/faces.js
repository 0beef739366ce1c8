// The face of a new search: pick its box on the photograph, or draw one; the button says what will be searched.

const photo = document.getElementById("photo");
const boxes = document.getElementById("boxes");
const drawn = document.getElementById("drawn");
const region = document.getElementById("region");
const why = document.getElementById("why");
const radios = [...document.querySelectorAll("input[name=face]")];

// ------------------------------------------------------------ picking

const mark = () => {
  for (const box of boxes.querySelectorAll(".box")) {
    const radio = radios[Number(box.dataset.face) - 1];
    box.classList.toggle("picked", radio.checked);
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

// ------------------------------------------------------------ drawing

const fields = Object.fromEntries(["x", "y", "width", "height"].map((name) => [name, region.querySelector(`[name=${name}]`)]));
const inPicture = (event) => {
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(boxes.getScreenCTM().inverse());
  const view = boxes.viewBox.baseVal;
  const clamp = (value, most) => Math.round(Math.min(Math.max(value, 0), most));
  return { x: clamp(at.x, view.width), y: clamp(at.y, view.height) };
};
const show = () => {
  for (const [name, field] of Object.entries(fields)) drawn.setAttribute(name, String(Math.max(0, Number(field.value) || 0)));
};
for (const field of Object.values(fields)) field.addEventListener("input", show);

const drawing = () => photo.classList.toggle("drawing", region.open);
region.addEventListener("toggle", drawing);
drawing();

let from = null;
photo.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  from = { ...inPicture(event), left: event.clientX, top: event.clientY };
  if (region.open) photo.setPointerCapture(event.pointerId);
});
photo.addEventListener("pointermove", (event) => {
  if (from === null || !region.open) return;
  if (Math.hypot(event.clientX - from.left, event.clientY - from.top) < 4) return;
  const to = inPicture(event);
  fields.x.value = Math.min(from.x, to.x);
  fields.y.value = Math.min(from.y, to.y);
  fields.width.value = Math.abs(to.x - from.x);
  fields.height.value = Math.abs(to.y - from.y);
  show();
});
photo.addEventListener("pointerup", (event) => {
  const clicked = from && Math.hypot(event.clientX - from.left, event.clientY - from.top) < 4;
  if (clicked) {
    const at = inPicture(event);
    const under = [...boxes.querySelectorAll(".box")].filter((box) => {
      const side = (name) => Number(box.querySelector(".over").getAttribute(name));
      return at.x >= side("x") && at.y >= side("y") && at.x <= side("x") + side("width") && at.y <= side("y") + side("height");
    });
    const smallest = under.sort((left, right) => left.querySelector(".over").getAttribute("width") - right.querySelector(".over").getAttribute("width"))[0];
    if (smallest) pick(radios[Number(smallest.dataset.face) - 1]);
  }
  from = null;
});
photo.addEventListener("pointercancel", () => { from = null; });
photo.querySelector("img").draggable = false;

// ------------------------------------------------------------ what will be searched

const sources = [...why.querySelectorAll("input[name=source]")];
const count = () => {
  const picked = sources.filter((source) => source.checked);
  const faces = picked.reduce((sum, source) => sum + Number(source.dataset.faces), 0);
  const words = (number, singular, plural) => `${number.toLocaleString("en")} ${number === 1 ? singular : plural}`;
  document.getElementById("picked").textContent = words(picked.length, "source", "sources");
  document.getElementById("compared").textContent = `${words(faces, "face", "faces")} will be compared`;
  sources[0]?.setCustomValidity(picked.length ? "" : "Choose at least one source.");
};
for (const source of sources) source.addEventListener("change", count);
count();
