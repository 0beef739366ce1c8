// Every form of the pages. A form is sent without leaving its page, so nothing typed or chosen is lost whatever comes
// back, or if nothing does; and what is typed is kept as a draft in this tab until it was accepted (docs/adr/0029).

const PREFIX = "draft ";
const HERE = "/back-to-form"; // says that one is signed in, and has the token of the session
const ASKS = {
  "/sign-in": "Sign in in a new tab",
  "/second-factor": "Show your second factor in a new tab",
  "/step-up": "Show your second factor in a new tab",
  "/locked": "Unlock in a new tab",
};
const who = document.body.dataset.who ?? ""; // a tag of the account, which says nothing by itself

// ------------------------------------------------------------ drafts

const forms = () => [...document.querySelectorAll("form[method=post]")];
const actionOf = (form) => form.getAttribute("action");

const keyOf = (form) => {
  const alike = forms().filter((other) => actionOf(other) === actionOf(form));
  return `${PREFIX}${who} ${form.dataset.draft ?? `${actionOf(form)} ${alike.indexOf(form)}`}`;
};

const NEVER = ["password", "file", "hidden", "submit", "button", "image", "reset"];
const fieldsOf = (form) =>
  [...form.elements].filter(
    (field) =>
      field.matches("input[name], select[name], textarea[name]") &&
      !NEVER.includes(field.type) &&
      field.autocomplete !== "one-time-code",
  );
const ticked = (field) => field.type === "checkbox" || field.type === "radio";

const differs = (field) => {
  if (ticked(field)) return field.checked !== field.defaultChecked;
  if (!field.matches("select")) return field.value !== field.defaultValue;
  return field.selectedIndex !== Math.max(0, [...field.options].findIndex((option) => option.defaultSelected));
};

let signedOut = false;

const keep = (form) => {
  if (!who || signedOut || form.dataset.accepted || form.matches("[data-undrafted]")) return;
  const fields = fieldsOf(form);
  if (!fields.some(differs)) {
    sessionStorage.removeItem(keyOf(form));
    return;
  }
  const values = {};
  for (const field of fields) {
    values[field.name] ??= [];
    values[field.name].push(ticked(field) ? [field.value, field.checked] : field.value);
  }
  try {
    sessionStorage.setItem(keyOf(form), JSON.stringify(values));
  } catch {
    // the storage is full: the page itself still has what was typed
  }
};

const restore = (form) => {
  const stored = who && sessionStorage.getItem(keyOf(form));
  if (!stored) return [];
  const values = JSON.parse(stored);
  const seen = {};
  const changed = [];
  for (const field of fieldsOf(form)) {
    const place = (seen[field.name] = (seen[field.name] ?? -1) + 1);
    const value = values[field.name]?.[place];
    if (field.closest("[data-decided]")) continue; // the address says what is chosen
    const before = ticked(field) ? field.checked : field.value;
    if (ticked(field)) field.checked = (values[field.name] ?? []).find(([own]) => own === field.value)?.[1] ?? field.checked;
    else if (value !== undefined && (!field.matches("select") || [...field.options].some((option) => option.value === value))) field.value = value;
    if (before === (ticked(field) ? field.checked : field.value)) continue;
    changed.push(field);
    for (let around = field.closest("details"); around; around = around.parentElement.closest("details")) around.open = true;
  }
  return changed;
};

const forget = (mine) => {
  for (const key of Object.keys(sessionStorage)) {
    if (key.startsWith(PREFIX) && !(mine && key.startsWith(`${PREFIX}${mine} `))) sessionStorage.removeItem(key);
  }
};

if (who) forget(who); // somebody else was signed in in this tab
const restored = document.getElementById("problem") ? [] : forms().flatMap(restore);
addEventListener("DOMContentLoaded", () => {
  for (const field of restored) for (const name of ["input", "change"]) field.dispatchEvent(new Event(name, { bubbles: true }));
});
for (const name of ["input", "change"]) {
  document.addEventListener(name, ({ target }) => {
    if (target.form?.matches("form[method=post]")) keep(target.form);
  });
}
addEventListener("pagehide", () => forms().forEach(keep)); // what scripts filled in, too

addEventListener("beforeunload", (event) => {
  const waiting = [...document.querySelectorAll("form[method=post] input[type=file]")].some((input) => input.files.length && !input.form.dataset.accepted);
  if (waiting) event.preventDefault(); // no draft can hold a file
});

// ------------------------------------------------------------ sending

const ask = (method, address, body = null) =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // parses a page without making markup from text
    request.open(method, address);
    request.setRequestHeader("lineament-form", "1"); // a redirect comes back as a header, so that no page is read twice
    request.addEventListener("readystatechange", () => {
      if (request.readyState !== XMLHttpRequest.HEADERS_RECEIVED) return;
      request.responseType = (request.getResponseHeader("content-type") ?? "").startsWith("text/html") ? "document" : "blob";
    });
    request.addEventListener("load", () => resolve(request));
    for (const name of ["error", "abort", "timeout"]) request.addEventListener(name, reject);
    request.send(body);
  });

const bodyOf = (form, button) => {
  for (const copy of form.querySelectorAll("input[data-copies]")) {
    copy.value = document.querySelector(`input[name="${copy.dataset.copies}"]:checked`)?.value ?? "";
  }
  const data = new FormData(form);
  if (button?.name) data.append(button.name, button.value);
  return form.getAttribute("enctype") === "multipart/form-data" ? data : new URLSearchParams(data);
};

const send = async (form, button, again = false) => {
  const shown = button?.textContent;
  form.dataset.sent = "yes";
  form.setAttribute("aria-busy", "true");
  if (form.dataset.working && button) button.textContent = form.dataset.working;
  document.getElementById("unsent")?.remove();
  let answer = null;
  try {
    answer = await ask("POST", button?.getAttribute("formaction") ?? actionOf(form), bodyOf(form, button));
    await take(form, button, answer, again);
  } catch (error) {
    if (answer) throw error;
    say(form, button, "Lineament did not answer.");
  } finally {
    if (!form.dataset.accepted) {
      delete form.dataset.sent;
      form.removeAttribute("aria-busy");
      if (form.dataset.working && button) button.textContent = shown;
    }
  }
};

const take = async (form, button, answer, again) => {
  const page = answer.responseType === "document" ? answer.response : null;
  const to = answer.getResponseHeader("lineament-to");
  const needs = answer.getResponseHeader("lineament-needs");
  if (to) accept(form, () => go(to));
  else if (answer.status < 300) accept(form, () => save(answer));
  else if (needs === "token" && !again) await renew(form, button);
  else if (needs in ASKS) say(form, button, "", page, needs);
  else if (page?.getElementById("problem")) explain(form, page);
  else say(form, button, `Lineament did not answer (${answer.status}).`, page);
};

const accept = (form, then) => {
  sessionStorage.removeItem(keyOf(form));
  form.dataset.accepted = "yes";
  if (actionOf(form) === "/sign-out") {
    signedOut = true;
    forget("");
  }
  then();
};

const go = (to) => {
  const there = new URL(to, location.href);
  if (there.pathname + there.search === location.pathname + location.search) {
    history.replaceState(null, "", there);
    location.reload();
  } else location.assign(there);
};

const save = (answer) => {
  const name = /filename\*=UTF-8''([^;]+)/.exec(answer.getResponseHeader("content-disposition") ?? "")?.[1];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(answer.response);
  link.download = name ? decodeURIComponent(name) : /filename="([^"]+)"/.exec(answer.getResponseHeader("content-disposition") ?? "")?.[1] ?? "file";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  document.getElementById("problem")?.remove(); // what was wrong before is right now
  unmark();
  for (const form of forms()) for (const mark of ["sent", "accepted"]) delete form.dataset[mark];
};

// The session has another key than the page: get the token of the session, and send the form once more.
const renew = async (form, button) => {
  const answer = await ask("GET", who ? HERE : location.href);
  const page = answer.responseType === "document" ? answer.response : null;
  const path = new URL(answer.responseURL).pathname;
  if (who && path in ASKS) say(form, button, "You are not signed in any more.", null, path);
  else if (page === null || answer.status >= 300) say(form, button, `Lineament did not answer (${answer.status}).`, page);
  else if ((page.body.dataset.who ?? "") !== who) say(form, button, "Somebody else is signed in in this browser now, so nothing was sent.");
  else {
    renewTokens(page);
    delete form.dataset.sent;
    await send(form, button, true);
  }
};

const renewTokens = (page) => {
  const token = page.querySelector("input[name=csrf]")?.value;
  if (token) for (const field of document.querySelectorAll("input[name=csrf]")) field.value = token;
};

// ------------------------------------------------------------ what came back

const make = (kind, text, more = {}) => Object.assign(document.createElement(kind), { textContent: text, ...more });
const top = () => document.querySelector("main .head, main h1") ?? document.querySelector("main").firstElementChild;

// Nothing was done: say what happened, that all is still here, and what to do.
const say = (form, button, title, page = null, needs = "") => {
  const heading = title || page?.querySelector(".failure h1")?.textContent || "This was not done.";
  const reason = page?.querySelector(".failure h1 + p")?.textContent ?? "";
  const chosen = [...form.querySelectorAll("input[type=file]")].some((input) => input.files.length);
  const words = make("p", "");
  words.append(make("strong", /[.!?]$/.test(heading) ? heading : `${heading}.`), ` ${reason} What you typed${chosen ? " and the file you chose are" : " is"} still here.`);
  const notice = make("div", "", { id: "unsent", className: "note stop unsent", tabIndex: -1 });
  notice.setAttribute("role", "alert");
  const acts = make("p", "", { className: "acts" });
  if (needs) acts.append(make("a", ASKS[needs], { href: `${needs}?next=${HERE}`, target: "_blank", rel: "noopener" }), ", then come back here:");
  const retry = make("button", "Try again", { type: "button", className: "plain" });
  retry.addEventListener("click", () => send(form, button));
  acts.append(retry);
  notice.append(words, acts);
  document.getElementById("unsent")?.remove();
  top().before(notice);
  notice.scrollIntoView({ block: "center" });
  notice.focus();
};

// The form was not accepted: show what is wrong, beside the fields; everything else stays as it is.
const explain = (form, page) => {
  renewTokens(page);
  for (const [id, put] of [["problem", (part) => top().before(part)], ["against", (part) => top().after(part)]]) {
    const part = page.getElementById(id);
    document.getElementById(id)?.remove();
    if (part) put(document.adoptNode(part));
  }
  unmark();
  const wrong = mark(form, page);
  refresh(form, page);
  for (const field of form.elements) if (field.type === "password" || field.autocomplete === "one-time-code") field.value = "";
  for (let around = wrong?.closest("details"); around; around = around.parentElement.closest("details")) around.open = true;
  (wrong ?? document.getElementById("problem")).focus();
};

const unmark = () => {
  for (const field of document.querySelectorAll("main [aria-invalid]")) field.removeAttribute("aria-invalid");
  for (const hint of document.querySelectorAll("main [data-wrong]")) {
    hint.hidden = true;
    hint.textContent = "";
  }
};

const mark = (form, page) => {
  let first = null;
  for (const name of new Set([...page.querySelectorAll("[aria-invalid]")].map((field) => field.name))) {
    const said = page.querySelector(`[data-wrong="${CSS.escape(name)}"]:not([hidden])`);
    const hint = form.querySelector(`[data-wrong="${CSS.escape(name)}"]`) ?? (said && document.getElementById(said.id));
    if (hint && said) {
      hint.textContent = said.textContent;
      hint.hidden = false;
    }
    for (const field of [...form.elements].filter((own) => own.name === name)) {
      field.setAttribute("aria-invalid", "true");
      if (hint) field.setAttribute("aria-describedby", `${(field.getAttribute("aria-describedby") ?? "").replace(hint.id, "")} ${hint.id}`.trim());
      first ??= field;
    }
  }
  return first;
};

const refresh = (form, page) => {
  const place = forms().filter((other) => actionOf(other) === actionOf(form)).indexOf(form);
  const sent = [...page.querySelectorAll("form[method=post]")].filter((other) => actionOf(other) === actionOf(form))[place];
  if (!sent) return;
  for (const [name, value] of Object.entries(sent.dataset)) form.dataset[name] = value;
  for (const field of form.querySelectorAll("input[type=hidden]:not([data-copies])")) {
    const now = [...sent.elements].find((own) => own.name === field.name && own.type === "hidden");
    if (now) field.value = now.value;
  }
};

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || !form.matches("form[method=post]:not([target], [data-native])")) return;
  event.preventDefault();
  if (!form.dataset.sent) send(form, event.submitter);
});
addEventListener("pageshow", () => {
  for (const form of forms()) for (const name of ["sent", "accepted"]) delete form.dataset[name];
});
