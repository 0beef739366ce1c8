// The photograph of a new search: dropped, pasted or chosen; shown, and its size checked before it is sent.

const form = document.querySelector("form.photograph");
const drop = document.getElementById("drop");
const input = document.getElementById("photograph");
const preview = document.getElementById("preview");
const picture = document.getElementById("preview-picture");
const wrong = document.getElementById("photograph-wrong");
const chosen = document.getElementById("photograph-chosen");
const go = document.getElementById("go");

if (form) {
  const most = Number(form.dataset.most);

  const show = () => {
    const file = input.files[0];
    URL.revokeObjectURL(picture.src);
    preview.hidden = true;
    wrong.hidden = true;
    chosen.textContent = "";
    input.setCustomValidity("");
    if (!file) return;
    chosen.textContent = `${file.name}, ${file.size < 1e6 ? `${Math.ceil(file.size / 1e3)} kB` : `${(file.size / 1e6).toFixed(1)} MB`}`;
    if (file.size > most) {
      wrong.textContent = `This file is larger than the ${Math.floor(most / 1e6)} MB that are read; scale the picture down first.`;
      wrong.hidden = false;
      input.setCustomValidity(wrong.textContent);
      return;
    }
    picture.src = URL.createObjectURL(file);
    picture.onload = () => { preview.hidden = false; };
    picture.onerror = () => { chosen.append(". This browser cannot show it before it is sent; it is read all the same"); };  // HEIC or TIFF
    go.focus();
  };

  const take = (files) => {
    const file = [...files].find((candidate) => candidate.type.startsWith("image/") || candidate.type === "") ?? files[0];
    if (!file) return false;
    if (files.length > 1 && form.dataset.batch) {
      sendAll([...files]);
      return true;
    }
    if (input.disabled || input.matches(":disabled")) return false;
    const before = input.files[0];
    choose(file);
    const others = [...files].filter((other) => other !== file);
    if (others.length) tell(`${files.length} files were dropped; one photograph is searched at a time. “${file.name}” is chosen.`, others[0], "Choose");
    else if (before) tell(`“${file.name}” is chosen instead of “${before.name}”.`, before, "Take back");
    return true;
  };

  // Send several files one after another to a batch; each is kept as soon as it has arrived.
  const sendAll = async (files) => {
    if (go.disabled || go.matches(":disabled")) return;
    input.value = "";
    const kinds = [...form.querySelectorAll("[name=kind]")];
    const kind = kinds.find((one) => one.checked);
    const lacking = form.elements.case.value ? (kind ? null : kinds[0]) : form.elements.case;
    if (lacking) {
      chosen.textContent = "";
      wrong.textContent = `Say ${lacking === kinds[0] ? "where the photographs come from" : "which case they belong to"}, then drop the ${files.length} files again.`;
      wrong.hidden = false;
      lacking.focus();
      return;
    }
    wrong.hidden = true;
    go.disabled = true;
    let address = "/batches";
    const failed = [];
    const began = Date.now();
    for (const [at, file] of files.entries()) {
      const left = at ? Math.ceil((Date.now() - began) / 1000 / at * (files.length - at)) : 0;
      chosen.textContent = `Sending ${at + 1} of ${files.length}: ${file.name}${left ? `, ${left} s left` : ""}. Stay on this page until all are sent.`;
      const data = new FormData();
      data.set("csrf", form.elements.csrf.value);
      data.set("case", form.elements.case.value);
      data.set("kind", kind.value);
      data.set("photograph", file);
      try {
        const answer = await fetch(address, { method: "POST", body: data, credentials: "same-origin" });
        if (!answer.ok) throw new Error(answer.statusText);
        if (address === "/batches") address = `${new URL(answer.url).pathname}/photographs`;
      } catch {
        failed.push(file.name);
        if (address === "/batches") break;
      }
    }
    go.disabled = false;
    if (address === "/batches") {
      wrong.textContent = "The photographs could not be sent; nothing was kept. Try again, or send one at a time.";
      wrong.hidden = false;
      return;
    }
    const batch = address.replace(/\/photographs$/, "");
    if (!failed.length) {
      location.assign(batch);
      return;
    }
    const open = Object.assign(document.createElement("a"), { href: batch, textContent: "Open the batch" });
    chosen.replaceChildren(open, " with the others.");
    wrong.textContent = `Not sent: ${failed.join(", ")}. Add them in the batch.`;
    wrong.hidden = false;
  };

  const choose = (file) => {
    const transfer = new DataTransfer();
    transfer.items.add(file);
    input.files = transfer.files;
    show();
  };

  // Say what became of another file, with a button that chooses that one instead.
  const tell = (words, other, act) => {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "link", textContent: `${act} “${other.name}”` });
    button.addEventListener("click", () => choose(other));
    chosen.append(". ", words, " ", button);
  };

  drop.addEventListener("click", (event) => {
    if (event.target === drop || event.target === picture) input.click();
  });
  // Without a script one file is sent at a time. Set only when it opens, because the field takes other room then.
  input.addEventListener("click", () => { input.multiple = Boolean(form.dataset.batch); });
  input.addEventListener("change", () => {
    if (input.files.length > 1) sendAll([...input.files]);
    else show();
  });
  if (input.files.length) show();

  addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) drop.classList.remove("over");
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(event.dataTransfer.files);
  });
  addEventListener("paste", (event) => {
    if (take(event.clipboardData.files)) event.preventDefault();
  });
}
