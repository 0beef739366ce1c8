// On every page: keys, copying identifiers, and remembering the blur. Forms are sent by forms.js.

const typing = (target) => target.closest?.("input:not([type=checkbox], [type=radio], [type=range]), select, textarea, dialog");

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const action = KEYS[event.key];
  if (action && action() !== false) event.preventDefault();
});

const KEYS = {
  "/": () => {
    const find = document.getElementById("find");
    if (!find) return false;
    if (find.offsetParent === null) location.assign("/cases");
    find.select();
    find.focus();
  },
  "?": () => document.getElementById("keys")?.showModal() ?? undefined,
  n: () => location.assign(document.querySelector("[data-key=n]")?.href ?? "/search"),
  u: () => {
    const parent = [...document.querySelectorAll(".crumbs a")].at(-1);
    if (!parent) return false;
    location.assign(parent.href);
  },
};

document.getElementById("help")?.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  KEYS["?"]();
});

// Pressing an identifier copies it.
document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  const shown = button.textContent;
  button.textContent = "copied";
  setTimeout(() => { button.textContent = shown; }, 1200);
});

// The blur: as the case sets it, until somebody changes it in this tab.
const veil = document.getElementById("veil");
if (veil) {
  const key = `veil ${veil.defaultChecked}`;
  const stored = sessionStorage.getItem(key);
  if (stored !== null) veil.checked = stored === "on";
  veil.addEventListener("change", () => sessionStorage.setItem(key, veil.checked ? "on" : "off"));
}
