// Writing: drafts saved while one types, files taken in with progress, a preview, mentions, undo.
import { ask, toast, word } from "./page.js";

const saveAfter = 800; // milliseconds without a key

function wire(form) {
  if (form.dataset.wired) return;
  form.dataset.wired = "1";
  const text = form.querySelector("textarea"), files = form.querySelector("[data-files]");
  const words = (name) => form.querySelector("[data-words]").content.querySelector(`[data-word="${name}"]`).textContent;
  let timer = null, saving = Promise.resolve(), busy = 0;

  // Drafts.
  const save = async () => {
    timer = null;
    const data = new FormData(form);
    const draft = {
      org: document.body.dataset.org, to: String(data.get("to") ?? "").split(",").map((t) => t.trim()).filter(Boolean), subject: String(data.get("subject") ?? ""),
      text: String(data.get("text")), reply: String(data.get("reply") ?? ""), forward: data.getAll("forward"), mentions: [],
      attachments: [...files.querySelectorAll("[data-upload]")].map((item) => JSON.parse(item.dataset.upload)),
    };
    const id = form.elements.draft.value;
    if (id) draft.id = id;
    else if (!draft.text && !draft.subject && draft.attachments.length === 0) return;
    const answer = await fetch("/v1/drafts", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(draft) });
    if (!answer.ok) return;
    const saved = await answer.json();
    if (!form.elements.draft.value) form.elements.draft.value = saved.id ?? "";
    const sign = form.querySelector("[data-saved]");
    sign.textContent = sign.dataset.text;
  };
  const later = () => {
    form.querySelector("[data-saved]").textContent = "";
    clearTimeout(timer);
    timer = setTimeout(() => { saving = saving.then(save, save); }, saveAfter);
  };
  form.addEventListener("input", later);
  // What waits to be saved must not come back after the message was sent.
  form.addEventListener("submit", (event) => {
    if (busy > 0) { event.preventDefault(); event.stopImmediatePropagation(); toast(words("uploading")); return; }
    clearTimeout(timer);
  }, true);

  // Files.
  const take = (file) => {
    const item = document.createElement("li"), name = document.createElement("bdi"), bar = document.createElement("progress");
    const remove = Object.assign(document.createElement("button"), { type: "button", className: "link", textContent: words("remove") });
    name.textContent = file.name;
    bar.max = file.size || 1;
    bar.value = 0;
    bar.setAttribute("aria-label", `${file.name}: ${words("uploading")}`);
    item.append(name, " ", bar, " ", remove);
    files.append(item);
    let request = null;
    const begin = () => {
      busy++;
      request = new XMLHttpRequest();
      request.open("POST", `/v1/uploads?name=${encodeURIComponent(file.name)}`);
      request.upload.addEventListener("progress", (event) => { bar.value = event.loaded; });
      request.addEventListener("loadend", () => {
        busy--;
        if (request.status === 200) {
          const upload = JSON.parse(request.responseText);
          item.dataset.upload = JSON.stringify(upload);
          item.append(Object.assign(document.createElement("input"), { type: "hidden", name: "attachment", value: upload.id }));
          bar.remove();
          later();
        } else if (item.isConnected) {
          let reason = words("failed");
          try { reason = JSON.parse(request.responseText).error; } catch { /* the connection broke off */ }
          const again = Object.assign(document.createElement("button"), { type: "button", className: "link", textContent: words("again") });
          const why = Object.assign(document.createElement("span"), { className: "tagged alarm", textContent: reason });
          again.addEventListener("click", () => { again.remove(); why.remove(); bar.value = 0; begin(); });
          item.append(why, " ", again);
        }
      });
      request.send(file);
    };
    remove.addEventListener("click", () => { item.remove(); if (request?.readyState !== 4) request?.abort(); later(); });
    begin();
  };
  const attach = form.querySelector("[data-attach]");
  attach.hidden = false;
  attach.querySelector("input").addEventListener("change", (event) => {
    for (const file of event.target.files) take(file);
    event.target.value = "";
  });
  for (const item of files.querySelectorAll("[data-remove]")) item.addEventListener("click", () => { item.closest("li").remove(); later(); });
  form.addEventListener("dragover", (event) => { event.preventDefault(); form.classList.add("dropping"); });
  form.addEventListener("dragleave", () => form.classList.remove("dropping"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("dropping");
    for (const file of event.dataTransfer.files) take(file);
  });
  text.addEventListener("paste", (event) => { for (const file of event.clipboardData.files) { event.preventDefault(); take(file); } });

  // Preview.
  const button = form.querySelector("[data-show-preview]"), preview = form.querySelector("[data-preview]");
  button.hidden = false;
  const show = async () => {
    const page = await ask("/preview", { method: "POST", body: new URLSearchParams({ text: text.value }) });
    preview.replaceChildren(...page.document.getElementById("preview").childNodes);
  };
  button.addEventListener("click", () => {
    preview.hidden = !preview.hidden;
    button.setAttribute("aria-pressed", String(!preview.hidden));
    if (!preview.hidden) show().catch(() => toast(word("failed")));
  });
  text.addEventListener("input", () => { if (!preview.hidden) show().catch(() => {}); });

  // Mentions: after an @ the names that begin like what follows.
  const offered = form.querySelector("[data-mentions]");
  const names = () => [...document.querySelectorAll("[data-person]")].map((p) => p.dataset.person);
  text.addEventListener("input", () => {
    const before = text.value.slice(0, text.selectionStart), at = before.match(/@([^@\n]{1,64})$/u);
    const fitting = at ? [...new Set(names())].filter((n) => n.toLowerCase().startsWith(at[1].toLowerCase())).slice(0, 6) : [];
    offered.hidden = fitting.length === 0;
    offered.replaceChildren(...fitting.map((name) => {
      const item = document.createElement("li");
      const pick = Object.assign(document.createElement("button"), { type: "button", className: "plain", textContent: `@${name}` });
      pick.addEventListener("click", () => {
        text.setRangeText(`@${name} `, text.selectionStart - at[0].length, text.selectionStart, "end");
        offered.hidden = true;
        text.focus();
        later();
      });
      item.append(pick);
      return item;
    }));
  });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); form.requestSubmit(form.querySelector("[data-send]")); }
  });
}

function all() {
  for (const form of document.querySelectorAll("[data-composer]")) wire(form);
  for (const form of document.querySelectorAll("form[data-undo]")) { // until it is too late
    const left = new Date(form.dataset.undo) - Date.now();
    if (left <= 0) form.remove();
    else setTimeout(() => form.remove(), left);
  }
}

document.addEventListener("muster:page", all);
all();
