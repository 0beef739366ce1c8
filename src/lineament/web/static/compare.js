// Probe and candidate: zoomed and moved together, each turned by itself; side by side, faded or blinking; with a grid.

const stage = document.getElementById("stage");
const panes = [...stage.querySelectorAll(".pane")];
const groups = panes.map((pane) => pane.querySelector(".view"));
const turned = panes.map((pane) => pane.querySelector(".turn"));
const images = panes.map((pane) => pane.querySelector("image"));
const over = panes[1];
const SIDE = 256;  // units of the drawing that holds each picture
const slider = document.getElementById("fade");
const modes = [...document.querySelectorAll("[data-mode][aria-pressed]")];
const grid = document.getElementById("grid");
const MAX_SCALE = 8;
const STEP = 1.5;
const view = { scale: 1, x: 0, y: 0 };  // x and y in sides of a picture, so that both move equally at any size
const degrees = [0, 0];  // clockwise, of the probe and of the candidate
let blinking = 0;

// ------------------------------------------------------------ zoom and pan

// A pane holds its square picture in the middle and may be wider; lengths are in sides of the picture.
const frameOf = (pane) => {
  const { left, top, width, height } = pane.getBoundingClientRect();
  const side = Math.min(width, height) || 1;
  return { left: left + (width - side) / 2, top: top + (height - side) / 2, side, besides: (width / side - 1) / 2, above: (height / side - 1) / 2 };
};
// A picture that is smaller than its pane stays in the middle; a larger one leaves nothing of the pane empty.
const held = (at, margin) => {
  const room = 1 + 2 * margin;
  return view.scale <= room ? (1 - view.scale) / 2 : Math.min(-margin, Math.max(1 + margin - view.scale, at));
};
const apply = () => {
  const { besides, above } = frameOf(panes[0]);
  view.x = held(view.x, besides);
  view.y = held(view.y, above);
  for (const group of groups) {
    group.setAttribute("transform", `translate(${view.x * SIDE} ${view.y * SIDE}) scale(${view.scale})`);
  }
  stage.classList.toggle("zoomed", view.scale > 1);
  document.getElementById("scale").textContent = `${Number(view.scale.toFixed(1))}×`;
  document.getElementById("out").disabled = view.scale <= 1;
  document.getElementById("in").disabled = view.scale >= MAX_SCALE;
};
const zoom = (scale, at = { x: 0.5, y: 0.5 }) => {
  const next = Math.min(MAX_SCALE, Math.max(1, scale));
  view.x = at.x - ((at.x - view.x) * next) / view.scale;
  view.y = at.y - ((at.y - view.y) * next) / view.scale;
  view.scale = next;
  apply();
};
const stepZoom = () => zoom(view.scale >= 4 ? 1 : view.scale * 2);
const pan = (x, y) => {
  view.x += x;
  view.y += y;
  apply();
};
const inPicture = (point, pane) => {
  const frame = frameOf(pane);
  return { x: (point.clientX - frame.left) / frame.side, y: (point.clientY - frame.top) / frame.side };
};
const paneOf = (event) => event.target.closest?.(".pane") ?? panes[0];

document.getElementById("in").addEventListener("click", () => zoom(view.scale * STEP));
document.getElementById("out").addEventListener("click", () => zoom(view.scale / STEP));
document.getElementById("zoom").addEventListener("click", stepZoom);
stage.addEventListener("dblclick", (event) => zoom(view.scale >= 4 ? 1 : view.scale * 2, inPicture(event, paneOf(event))));
// Over the pictures the wheel zooms from the first moment; elsewhere it scrolls the page. A pinch on a touchpad is a wheel with ctrl.
const LINE = 16;
stage.addEventListener("wheel", (event) => {
  event.preventDefault();
  const by = event.deltaY * (event.deltaMode ? LINE : 1);
  zoom(view.scale * Math.exp(-by / (event.ctrlKey ? 100 : 300)), inPicture(event, paneOf(event)));
}, { passive: false });
addEventListener("resize", apply);

const pointers = new Map();
let touchedPane = panes[0];
stage.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  if (!pointers.size) touchedPane = paneOf(event);
  pointers.set(event.pointerId, event);
  stage.setPointerCapture(event.pointerId);
  stage.classList.add("held");
});
stage.addEventListener("pointermove", (event) => {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const { side } = frameOf(touchedPane);
  const moved = [(event.clientX - before.clientX) / side, (event.clientY - before.clientY) / side];
  pointers.set(event.pointerId, event);
  if (pointers.size !== 2) {
    pan(...moved);
    return;
  }
  const other = [...pointers.values()].find((pointer) => pointer.pointerId !== event.pointerId);
  const distance = (pointer) => Math.hypot(pointer.clientX - other.clientX, pointer.clientY - other.clientY) || 1;
  const middle = { clientX: (event.clientX + other.clientX) / 2, clientY: (event.clientY + other.clientY) / 2 };
  pan(moved[0] / 2, moved[1] / 2);  // what lies between two fingers stays between them
  zoom((view.scale * distance(event)) / distance(before), inPicture(middle, touchedPane));
});
const release = (event) => {
  pointers.delete(event.pointerId);
  stage.classList.toggle("held", pointers.size > 0);
};
stage.addEventListener("pointerup", release);
stage.addEventListener("pointercancel", release);
// One finger scrolls the page until the pictures are zoomed; two never do.
for (const kind of ["touchstart", "touchmove"]) {
  stage.addEventListener(kind, (event) => { if (event.touches.length > 1) event.preventDefault(); }, { passive: false });
}

// ------------------------------------------------------------ turning: a picture is turned about its middle, never mirrored

const turnTo = (side, angle) => {
  degrees[side] = ((angle + 540) % 360) - 180;
  turned[side].setAttribute("transform", degrees[side] ? `rotate(${degrees[side]} ${SIDE / 2} ${SIDE / 2})` : "");
  const back = document.querySelector(`[data-side="${side}"] [data-turn="0"]`);
  back.textContent = `${degrees[side]}°`.replace("-", "−");
  back.setAttribute("aria-label", `${side ? "The candidate" : "The probe"} is turned by ${back.textContent}; turn it back`);
  back.disabled = degrees[side] === 0;
};
const turn = (side, by) => turnTo(side, by ? degrees[side] + by : 0);
for (const turner of document.querySelectorAll("[data-side]")) {
  const side = Number(turner.dataset.side);
  for (const button of turner.querySelectorAll("[data-turn]")) {
    button.addEventListener("click", () => {
      turn(side, Number(button.dataset.turn));
      if (button.disabled) turner.querySelector("button").focus();  // a disabled button would lose the focus
    });
  }
}
// Alt turns the probe. With it a keyboard may give another letter, but it is the same key.
const TURNS = { KeyR: 90, Comma: -1, Period: 1 };
const BY_LETTER = { r: "KeyR", ",": "Comma", ".": "Period", ";": "Comma", ":": "Period" };
const turnByKey = (event) => {
  const key = BY_LETTER[event.key.toLowerCase()] ?? (event.altKey ? event.code : "");
  if (!(key in TURNS)) return false;
  turn(event.altKey ? 0 : 1, key === "KeyR" && event.shiftKey ? -TURNS[key] : TURNS[key]);
  return true;
};

// ------------------------------------------------------------ modes

const fade = () => { over.style.opacity = String(Number(slider.value) / 100); };
const show = (mode) => {
  stage.dataset.mode = mode;
  for (const button of modes) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
  document.getElementById("slide").classList.toggle("on", mode === "fade");
  slider.disabled = mode !== "fade";
  clearInterval(blinking);
  over.style.opacity = "";
  if (mode === "fade") fade();
  if (mode === "blink") {
    blinking = setInterval(() => { over.style.opacity = over.style.opacity === "0" ? "1" : "0"; }, 700);
  }
  apply();
};
const toggle = (mode) => show(stage.dataset.mode === mode ? "side" : mode);
const level = document.getElementById("level");
const toggleLevel = () => {
  const on = level.getAttribute("aria-pressed") !== "true";
  level.setAttribute("aria-pressed", String(on));
  stage.classList.toggle("raw", !on);
  for (const image of images) image.setAttribute("transform", on ? image.dataset.level : "");
};
const toggleGrid = () => grid.setAttribute("aria-pressed", String(stage.classList.toggle("grid")));

for (const button of modes) button.addEventListener("click", () => show(button.dataset.mode));
slider.addEventListener("input", fade);
grid.addEventListener("click", toggleGrid);
level.addEventListener("click", toggleLevel);

// ------------------------------------------------------------ keys

const go = (id) => {
  const link = document.getElementById(id);
  if (link) location.assign(link.href);
};
const ARROWS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const KEYS = {
  z: stepZoom,
  "+": () => zoom(view.scale * STEP),
  "=": () => zoom(view.scale * STEP),
  "-": () => zoom(view.scale / STEP),
  0: () => zoom(1),
  s: () => show("side"),
  f: () => toggle("fade"),
  b: () => toggle("blink"),
  g: toggleGrid,
  e: toggleLevel,
  t: () => degrees.forEach((_, side) => turn(side, 0)),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.target.closest("input:not([type=range]), textarea, select, dialog")) return;
  if (turnByKey(event)) {
    event.preventDefault();
    return;
  }
  if (event.altKey || (event.target.closest("input") && event.key in ARROWS)) return;
  const arrow = ARROWS[event.key];
  if (arrow && view.scale > 1) pan(arrow[0] * 0.1, arrow[1] * 0.1);
  else if (event.key === "ArrowLeft") go("earlier");
  else if (event.key === "ArrowRight") go("later");
  else if (KEYS[event.key]) KEYS[event.key]();
  else return;
  event.preventDefault();
});

apply();
