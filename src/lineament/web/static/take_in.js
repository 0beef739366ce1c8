// Files and folders that are dropped: listed, sent part by part, and followed until they are taken in.
// The server acknowledges each part once it is on its disk; whatever breaks off, sending goes on at the first part that
// it does not have.

const LISTED = 500;      // files in a page of the list
const TOGETHER = 100;    // small files in one request
const AT_ONCE = 2;       // requests at a time
const LONGEST_WAIT = 30; // seconds
const SAID_EVERY = 15e3; // milliseconds between two progress reports for a screen reader
const EVERY = 1000;

const root = document.getElementById("take-in");
const $ = (id) => document.getElementById(id);
const PART = Number(root.dataset.part);
const address = root.dataset.address;
const area = $("drop");

let csrf = root.dataset.csrf;
let drop = root.dataset.drop ?? "";
let standing = null;
let queue = [];            // files to send: { path, file, number, sent }
let offering = false;
let sending = 0;           // requests on their way
let stopped = false;
let paused = false;
let began = 0;
let sentSince = 0;         // bytes since then
let saidAt = 0;
let acknowledged = 0;      // requests with parts that were answered
let told = 0;              // how many of them the newest standing knows of
let unreadable = [];       // numbers of files that cannot be read any more
let shownRefusals = -1;

const number = (value) => value.toLocaleString("en-GB");
const size = (bytes) => bytes < 1e6 ? `${number(Math.ceil(bytes / 1e3))} kB` : bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
const length = (seconds) => seconds < 100 ? `${Math.round(seconds)} s` : seconds < 6000 ? `${Math.round(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h ${Math.round(seconds % 3600 / 60)} min`;
const counted = (many, one, several) => `${number(many)} ${many === 1 ? one : several}`;
const files = (many) => counted(many, "file", "files");
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

const say = (words, at_once = true) => {
  if (!at_once && Date.now() - saidAt < SAID_EVERY) return;
  saidAt = Date.now();
  if ($("said").textContent !== words) $("said").textContent = words;
};

const tell = (words, level = "warn") => {
  $("trouble").className = `note ${level}`;
  if ($("trouble").textContent !== words) $("trouble").textContent = words;
  $("trouble").hidden = !words;
};

const gauge = (id, part, words) => {
  const width = Math.max(0, Math.min(100, Math.round(1000 * part) / 10));
  $(id).setAttribute("aria-valuenow", width);
  $(id).setAttribute("aria-valuetext", words);
  $(id).querySelector("rect").setAttribute("width", width);
  $(`${id}-line`).textContent = words;
};

// ---------------------------------------------------------------- asking the server

class Ended extends Error {}

// Asks until there is an answer; throws Ended with the reason if asking again cannot help.
const ask = async (path, makeBody) => {
  let again = false;
  for (let wait = 1; ; wait = Math.min(2 * wait, LONGEST_WAIT)) {
    if (stopped) throw new Ended("");
    let answer = null;
    try {
      const body = makeBody?.();
      body?.append("csrf", csrf);
      answer = await fetch(address + path, { method: body ? "POST" : "GET", body, credentials: "same-origin", redirect: "manual", cache: "no-store" });
    } catch {
      // the connection is lost
    }
    if (answer?.ok) {
      const found = await answer.json().catch(() => null);
      if (found) {
        tell("");
        return found;
      }
    }
    if (answer && (answer.type === "opaqueredirect" || answer.status === 403)) {
      const found = answer.status === 403 ? await answer.json().catch(() => null) : null;
      if (found) throw new Ended(found.why);
      if (await renew()) {
        if (again) throw new Ended("You may not take pictures into this source any more. What has arrived is kept.");
        again = true;
        continue;
      }
      again = false;
      tell("Your session has ended. Open the newest address from the terminal, or sign in, in another tab; then sending goes on here by itself.");
      await pause(3);
      continue;
    }
    if (answer && answer.status >= 400 && answer.status < 500 && answer.status !== 408 && answer.status !== 429) {
      const found = await answer.json().catch(() => null);
      throw new Ended(found?.why ?? "The server did not accept this. Reload the page, and drop the same files again.");
    }
    const found = answer ? await answer.json().catch(() => null) : null;
    tell(`${found?.why ?? "The connection is lost."} What has arrived is kept. Trying again in ${wait} s.`);
    await pause(wait);
  }
};

// Takes the token of the session that the browser has now from the page itself; returns whether the page opens.
const renew = async () => {
  try {
    const answer = await fetch(address, { credentials: "same-origin", redirect: "manual", cache: "no-store" });
    const found = answer.ok ? (await answer.text()).match(/ data-csrf="([\w-]+)"/) : null;
    if (found) csrf = found[1];
    return found !== null;
  } catch {
    return false;
  }
};

const form = (fields) => {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  return body;
};

// ---------------------------------------------------------------- what was dropped

const entriesOf = (reader) => new Promise((resolve, reject) => reader.readEntries(resolve, reject));
const fileOf = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));

const walk = async (entry, found) => {
  if (entry.isFile) {
    try {
      found.push({ path: entry.fullPath.replace(/^\//, ""), file: await fileOf(entry) });
    } catch {
      found.push({ path: entry.fullPath.replace(/^\//, ""), file: null });
    }
    if (found.length % 500 === 0) $("doing").textContent = `Reading the list: ${files(found.length)}`;
  } else if (entry.isDirectory) {
    const reader = entry.createReader();
    try {
      for (let some = await entriesOf(reader); some.length; some = await entriesOf(reader)) {
        for (const inner of some) await walk(inner, found);
      }
    } catch {
      found.push({ path: entry.fullPath.replace(/^\//, ""), file: null }); // counted as a file that cannot be read
    }
  }
};

const MANIFEST = /\.(csv|tsv|jsonl|ndjson|parquet)$/i;

// Side-cars come before the pictures of their folder, and tables that were dropped by themselves before everything.
const rank = ({ path }) => {
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (!path.includes("/") && MANIFEST.test(name)) return 0;
  return /\.(json|xmp)$/i.test(name) || name === "captures.csv" ? 1 : 2;
};
const folder = ({ path }) => path.slice(0, Math.max(path.lastIndexOf("/"), 0));
const inOrder = (first, second) =>
  (rank(first) === 0 ? 0 : 1) - (rank(second) === 0 ? 0 : 1) ||
  (folder(first) < folder(second) ? -1 : folder(first) > folder(second) ? 1 : 0) ||
  rank(first) - rank(second) ||
  (first.path < second.path ? -1 : 1);

// ---------------------------------------------------------------- listing and sending

const take = async (gather) => {
  if (offering) {
    tell("The list of what was dropped before is still being read. Drop this again in a moment.");
    return;
  }
  offering = true;
  stopped = false;
  tell("");
  $("earlier").hidden = true;
  $("finished").hidden = true;
  $("progress").hidden = false;
  $("doing").textContent = "Reading the list";
  say("Reading the list of files");
  try {
    const found = (await gather()).sort(inOrder);
    if (!found.length) {
      tell("There was no file in what was dropped. Drop pictures, or a folder that holds some.");
      say("");
      $("progress").hidden = !drop;
      return;
    }
    standing = await ask("", () => form({}));
    use(standing.drop);
    for (let at = 0; at < found.length; at += LISTED) {
      const some = found.slice(at, at + LISTED);
      const list = JSON.stringify(some.map(({ path, file }) => [path, file?.size ?? 0, file?.lastModified ?? 0]));
      const last = at + LISTED >= found.length ? "yes" : "no";
      const { files: known } = await ask(`/${drop}/list`, () => form({ last, list: new Blob([list]) }));
      known.forEach(([its, received, bytes, why], place) => {
        const { path, file } = some[place];
        if (why !== null || received === bytes) return;
        if (file === null) unreadable.push(its);
        else queue.push({ path, file, number: its, sent: received });
      });
      $("doing").textContent = `Listing ${files(Math.min(at + LISTED, found.length))} of ${number(found.length)}`;
    }
    began = performance.now();
    sentSince = 0;
    say(`Sending ${files(queue.length)}`);
    send();
    follow();
  } catch (error) {
    end(error);
  } finally {
    offering = false;
  }
};

const end = (error) => {
  if (!(error instanceof Ended)) throw error;
  queue = [];
  if (error.message) tell(error.message, "stop");
};

// Takes the next parts off the queue: one of a large file, or several small files.
const nextParts = () => {
  const parts = [];
  let bytes = 0;
  while (queue.length && parts.length < TOGETHER) {
    const next = queue[0];
    const many = Math.min(PART, next.file.size - next.sent);
    if (parts.length && bytes + many > PART) break;
    queue.shift();
    parts.push({ ...next, many });
    bytes += many;
  }
  return parts;
};

const sendSome = async (parts) => {
  const ready = [];
  for (const part of parts) {
    try {
      ready.push({ ...part, content: await part.file.slice(part.sent, part.sent + part.many).arrayBuffer() });
    } catch {
      unreadable.push(part.number);
    }
  }
  const lost = unreadable.splice(0);
  const { received } = await ask(`/${drop}/parts`, () => form({
    parts: JSON.stringify(ready.map((part) => [part.number, part.sent, part.content.byteLength])),
    unreadable: JSON.stringify(lost),
    content: new Blob(ready.map((part) => part.content)),
  }));
  acknowledged += 1;
  const now = new Map(received);
  for (const part of ready) {
    const sent = now.get(part.number) ?? 0;
    sentSince += Math.max(0, sent - part.sent);
    if (sent < part.file.size) queue.unshift({ path: part.path, file: part.file, number: part.number, sent });
  }
};

const send = async () => {
  while (!paused && !stopped && sending < AT_ONCE && (queue.length || unreadable.length)) {
    const parts = nextParts();
    sending += 1;
    sendSome(parts).catch(end).finally(() => {
      sending -= 1;
      show();
      send();
    });
  }
};

const isSending = () => sending > 0 || queue.length > 0 || offering;
const isUntold = () => acknowledged !== told; // the newest standing is older than what has arrived

addEventListener("beforeunload", (event) => {
  if (isSending() && !stopped) event.preventDefault();
});

// ---------------------------------------------------------------- following what is taken in

const use = (id) => {
  drop = id;
  $("stop").action = `${address}/${id}/stop`;
};

let following = false;
const follow = async () => {
  if (following) return;
  following = true;
  try {
    while (drop && !stopped) {
      const before = acknowledged;
      const answer = await fetch(`${address}/${drop}`, { credentials: "same-origin", redirect: "manual", cache: "no-store" }).catch(() => null);
      if (answer?.ok) {
        standing = await answer.json();
        told = before;
        csrf = standing.csrf;
        show();
        if (standing.over) break;
      }
      await pause(document.hidden ? 5 : EVERY / 1000);
    }
  } finally {
    following = false;
  }
};

const counts = () => standing?.run?.counts ?? {};
const seen = () => standing?.run?.seen ?? 0;
const beside = () => counts().side_car ?? 0;

const show = () => {
  if (!standing) return;
  if (standing.over) {
    finish();
    return;
  }
  $("progress").hidden = false;
  const { arrived } = standing;
  const gone = arrived.files + arrived.refused;
  gauge("sent", standing.bytes ? arrived.bytes / standing.bytes : 0, `${number(gone)} of ${files(standing.files)}, ${size(arrived.bytes)} of ${size(standing.bytes)}`);
  const done = seen() + beside();
  const refused = counts().refused ?? 0;
  gauge("taken", standing.files ? done / standing.files : 0, `${number(done)} of ${files(standing.files)}, ${counted(standing.run?.faces ?? 0, "new face", "new faces")}${refused ? `, ${number(refused)} refused` : ""}`);
  $("pause").hidden = !isSending();
  $("pause").textContent = paused ? "Go on sending" : "Pause sending";
  $("leaving").hidden = !isSending();
  const words = paused ? "Paused" : offering ? $("doing").textContent : isSending() || isUntold() ? "Sending" : gone < standing.files ? "Waiting for the rest" : standing.why ? "It could not all be taken in" : "Everything has arrived and is being taken in; you may leave this page";
  $("doing").textContent = words;
  const seconds = (performance.now() - began) / 1000;
  const rate = began && isSending() && !paused && seconds > 2 ? sentSince / seconds : 0;
  const pace = rate > 0 ? [`Sending ${size(rate)} a second, ${length((standing.bytes - arrived.bytes) / rate)} left.`] : [];
  if (standing.job?.line && !standing.job.ended) pace.push(`Taking in: ${standing.job.line}.`);
  $("pace").textContent = pace.join(" ");
  area.classList.add("small");
  if (standing.why && !isSending()) tell(standing.why, "stop");
  earlier(gone);
  refusals();
  say(`${words}. ${number(gone)} sent, ${number(done)} taken in, of ${files(standing.files)}.`, false);
};

// What is said of a drop that began before this page was opened.
const earlier = (gone) => {
  if (isSending() || isUntold() || paused || gone >= standing.files) {
    $("earlier").hidden = true;
    return;
  }
  const missing = standing.files - gone;
  $("earlier").textContent = `Of ${files(standing.files)} that were dropped earlier, ${number(gone)} ${gone === 1 ? "has arrived and is" : "have arrived and are"} kept. Drop the same files again: only the ${missing === 1 ? "one that is missing is" : `${number(missing)} that are missing are`} sent.`;
  $("earlier").hidden = false;
};

const refusals = () => {
  const found = standing.refusals;
  if (found.length === shownRefusals) return;
  shownRefusals = found.length;
  $("refused").hidden = !found.length;
  const many = counts().refused ?? 0;
  $("refused-count").textContent = many > found.length ? `the first ${found.length} of ${number(many)}` : `${number(many)}`;
  $("refusals").replaceChildren(...found.map(([name, why]) => {
    const row = document.createElement("tr");
    for (const [label, text, kind] of [["File", name, "th"], ["Why", why, "td"]]) {
      const cell = document.createElement(kind);
      if (kind === "th") cell.scope = "row";
      cell.dataset.label = label;
      const words = document.createElement("bdi");
      words.textContent = text;
      cell.append(words);
      row.append(cell);
    }
    return row;
  }));
};

const OUTCOMES = [
  ["enrolled", "Pictures with faces"], ["too_weak", "Only faces that are too weak to compare"], ["no_face", "Without a face"],
  ["already_there", "There already"], ["another_place", "There already, from another place"], ["less_good", "Frames of which a better one is kept"],
  ["erased_before", "Erased before, so not taken again"], ["past_retention", "Older than the source may keep"],
  ["side_car", "Read as side-cars"], ["hinted", "Faces found only where metadata mark one"], ["unused_mark", "Marks of faces that gave none"],
  ["no_picture", "Without a picture"], ["refused", "Refused"],
];

const finish = () => {
  const was = $("finished").hidden;
  area.classList.remove("small");
  $("progress").hidden = true;
  $("earlier").hidden = true;
  $("finished").hidden = false;
  $("finished-heading").textContent = `${counted(seen(), "picture", "pictures")} seen, ${counted(standing.run?.faces ?? 0, "new face", "new faces")} taken in`;
  $("outcome").replaceChildren(...OUTCOMES.filter(([name]) => counts()[name]).map(([name, words]) => {
    const line = document.createElement("div");
    const term = document.createElement("dt");
    const value = document.createElement("dd");
    term.textContent = words;
    value.textContent = number(counts()[name]);
    line.append(term, value);
    return line;
  }));
  if (standing.run) $("run").href = `${root.dataset.source}/runs/${standing.run.id}`;
  refusals();
  drop = "";
  queue = [];
  if (was) {
    say($("finished-heading").textContent);
    if (document.activeElement === document.body) $("finished-heading").focus();
  }
};

// ---------------------------------------------------------------- the page

addEventListener("dragover", (event) => {
  event.preventDefault();
  area.classList.add("over");
});
addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) area.classList.remove("over");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  area.classList.remove("over");
  // the list is empty once this returns, so every entry is asked for now
  const entries = [...event.dataTransfer.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
  take(async () => {
    const found = [];
    for (const entry of entries) {
      if (entry instanceof File) found.push({ path: entry.name, file: entry });
      else if (entry) await walk(entry, found);
    }
    return found;
  });
});
for (const id of ["files", "folder"]) {
  $(id).addEventListener("change", (event) => {
    const chosen = [...event.target.files].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
    event.target.value = "";
    take(async () => chosen);
  });
}
$("pause").addEventListener("click", () => {
  paused = !paused;
  began = performance.now();
  sentSince = 0;
  show();
  say(paused ? "Paused" : "Sending");
  send();
});
$("stop").addEventListener("submit", (event) => {
  if (!drop || !confirm("Stop? What is taken in stays; what has arrived and is not taken in yet is deleted.")) {
    event.preventDefault();
    return;
  }
  $("stop").querySelector("[name=csrf]").value = csrf;
  stopped = true;
  queue = [];
});

if (drop) follow();
