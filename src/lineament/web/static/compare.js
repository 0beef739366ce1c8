// Probe and candidate: zoomed and moved together; side by side, faded or blinking; with a grid.

const stage = document.getElementById("stage");
const panes = [...stage.querySelectorAll(".pane")];
const groups = panes.map((pane) => pane.querySelector("g"));
const images = panes.map((pane) => pane.querySelector("image"));
const over = panes[1];
const SIDE = 256;  // units of the drawing that holds each picture
const slider = document.getElementById("fade");
const modes = [...document.querySelectorAll("[data-mode][aria-pressed]")];
const grid = document.getElementById("grid");
const MAX_SCALE = 8;
const STEP = 1.5;
const view = { scale: 1, x: 0, y: 0 };  // x and y in sides of a pane, so that both move equally at any size
let turns = 0;

// ------------------------------------------------------------ zoom and pan

const apply = () => {
  const free = 1 - view.scale;
  view.x = Math.min(0, Math.max(free, view.x));
  view.y = Math.min(0, Math.max(free, view.y));
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
const turnZoom = () => zoom(view.scale >= 4 ? 1 : view.scale * 2);
const pan = (x, y) => {
  view.x += x;
  view.y += y;
  apply();
};
const inPane = (event) => {
  const pane = event.target.closest(".pane") ?? panes[0];
  const frame = pane.getBoundingClientRect();
  return { x: (event.clientX - frame.left) / frame.width, y: (event.clientY - frame.top) / frame.height, side: frame.width };
};

document.getElementById("in").addEventListener("click", () => zoom(view.scale * STEP));
document.getElementById("out").addEventListener("click", () => zoom(view.scale / STEP));
document.getElementById("zoom").addEventListener("click", turnZoom);
stage.addEventListener("dblclick", (event) => zoom(view.scale >= 4 ? 1 : view.scale * 2, inPane(event)));
stage.addEventListener("wheel", (event) => {
  if (!event.ctrlKey && !event.metaKey && view.scale === 1) return;  // the wheel scrolls the page until the picture is zoomed
  event.preventDefault();
  zoom(view.scale * Math.exp(-event.deltaY / 300), inPane(event));
}, { passive: false });

const pointers = new Map();
stage.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  pointers.set(event.pointerId, event);
  stage.setPointerCapture(event.pointerId);
  stage.classList.add("held");
});
stage.addEventListener("pointermove", (event) => {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const { width: side } = panes[0].getBoundingClientRect();
  if (pointers.size === 2) {
    const other = [...pointers.values()].find((pointer) => pointer.pointerId !== event.pointerId);
    const distance = (pointer) => Math.hypot(pointer.clientX - other.clientX, pointer.clientY - other.clientY) || 1;
    zoom((view.scale * distance(event)) / distance(before));
  } else {
    pan((event.clientX - before.clientX) / side, (event.clientY - before.clientY) / side);
  }
  pointers.set(event.pointerId, event);
});
const release = (event) => {
  pointers.delete(event.pointerId);
  stage.classList.toggle("held", pointers.size > 0);
};
stage.addEventListener("pointerup", release);
stage.addEventListener("pointercancel", release);

// ------------------------------------------------------------ modes

const fade = () => { over.style.opacity = String(Number(slider.value) / 100); };
const show = (mode) => {
  stage.dataset.mode = mode;
  for (const button of modes) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
  document.getElementById("slide").classList.toggle("on", mode === "fade");
  slider.disabled = mode !== "fade";
  clearInterval(turns);
  over.style.opacity = "";
  if (mode === "fade") fade();
  if (mode === "blink") {
    turns = setInterval(() => { over.style.opacity = over.style.opacity === "0" ? "1" : "0"; }, 700);
  }
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
  z: turnZoom,
  "+": () => zoom(view.scale * STEP),
  "=": () => zoom(view.scale * STEP),
  "-": () => zoom(view.scale / STEP),
  0: () => zoom(1),
  s: () => show("side"),
  f: () => toggle("fade"),
  b: () => toggle("blink"),
  g: toggleGrid,
  e: toggleLevel,
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
  const arrow = ARROWS[event.key];
  if (arrow && view.scale > 1) pan(arrow[0] * 0.1, arrow[1] * 0.1);
  else if (event.key === "ArrowLeft") go("earlier");
  else if (event.key === "ArrowRight") go("later");
  else if (KEYS[event.key]) KEYS[event.key]();
  else return;
  event.preventDefault();
});

apply();
