// On every page: the keys, copying of identifiers, the blur that is remembered, and buttons that say they work.

const typing = (target) => target.closest?.("input:not([type=checkbox], [type=radio], [type=range]), select, textarea, dialog");

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const act = KEYS[event.key];
  if (act && act() !== false) event.preventDefault();
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
    const above = [...document.querySelectorAll(".crumbs a")].at(-1);
    if (!above) return false;
    location.assign(above.href);
  },
};

document.getElementById("help")?.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  KEYS["?"]();
});

// Identifiers: pressed, they are on the clipboard.
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    const shown = button.textContent;
    button.textContent = "copied";
    setTimeout(() => { button.textContent = shown; }, 1200);
  });
}

// The blur: as the case wants it, until somebody says otherwise in this tab.
const veil = document.getElementById("veil");
if (veil) {
  const key = `veil ${veil.defaultChecked}`;
  const said = sessionStorage.getItem(key);
  if (said !== null) veil.checked = said === "on";
  veil.addEventListener("change", () => sessionStorage.setItem(key, veil.checked ? "on" : "off"));
}

// A form that is under way is not sent twice, and says that it works.
for (const form of document.querySelectorAll("form[method=post]:not([target])")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    if (form.dataset.working && event.submitter) event.submitter.textContent = form.dataset.working;
  });
}
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
