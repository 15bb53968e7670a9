// Writing: drafts saved while one types, files, a preview, mentions, undo.
import { files } from "./attach.js";
import { ask, toast, word } from "./page.js";

const saveAfter = 800; // milliseconds without a key
const saveAgain = 5000; // milliseconds after the node was not reached

function wire(form) {
  if (form.dataset.wired) return;
  form.dataset.wired = "1";
  const text = form.querySelector("textarea"), { org } = document.body.dataset; // that of now: a late save comes when another may be shown
  const words = (name) => form.querySelector("[data-words]").content.querySelector(`[data-word="${name}"]`).textContent;
  let timer = null, saving = Promise.resolve();

  // Drafts.
  const save = async (empty = false) => {
    timer = null;
    const data = new FormData(form);
    const draft = {
      org, to: String(data.get("to") ?? "").split(",").map((t) => t.trim()).filter(Boolean), subject: String(data.get("subject") ?? ""),
      text: String(data.get("text")), reply: String(data.get("reply") ?? ""), forward: data.getAll("forward"), mentions: [],
      attachments: attached.named(),
    };
    const id = form.elements.draft.value;
    if (id) draft.id = id;
    else if (!draft.text && !draft.subject && draft.attachments.length === 0 && !empty) return;
    const answer = await fetch("/v1/drafts", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(draft) });
    if (!answer.ok) return;
    const saved = await answer.json();
    if (!form.elements.draft.value) {
      form.elements.draft.value = saved.id ?? "";
      if (form.isConnected && location.pathname.endsWith("/compose")) history.replaceState(null, "", `?draft=${saved.id}`); // for a reload
    }
    const sign = form.querySelector("[data-saved]");
    sign.textContent = sign.dataset.text;
  };
  const later = () => {
    form.querySelector("[data-saved]").textContent = "";
    clearTimeout(timer);
    soon(saveAfter);
  };
  const soon = (wait) => { timer = setTimeout(() => { saving = saving.then(() => save()).catch(() => soon(saveAgain)); }, wait); };
  // drafted makes sure that there is a draft, for the files.
  const drafted = async () => {
    const mine = saving.then(() => form.elements.draft.value || save(true));
    saving = mine.catch(() => {});
    await mine;
    if (!form.elements.draft.value) throw new Error(words("failed"));
    return form.elements.draft.value;
  };
  const attached = files(form, { org, words, draft: drafted, changed: later });
  form.addEventListener("input", later);
  // What waits to be saved must not come back after the message was sent.
  form.addEventListener("submit", (event) => {
    if (attached.busy()) { event.preventDefault(); event.stopImmediatePropagation(); toast(words("unfinished")); return; }
    clearTimeout(timer);
  }, true);

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
