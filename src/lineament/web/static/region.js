// A region of a picture: drag over it, or type its sides; a click without dragging is the event "point" of the picture.

const photo = document.getElementById("photo");
const boxes = document.getElementById("boxes");
const drawn = document.getElementById("drawn");
const region = document.getElementById("region");

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
  if (clicked) photo.dispatchEvent(new CustomEvent("point", { detail: inPicture(event) }));
  from = null;
});
photo.addEventListener("pointercancel", () => { from = null; });
photo.querySelector("img").draggable = false;
