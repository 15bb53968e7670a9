// The files of a message that is being written: chosen, dropped or pasted, each with how far it is.
import { toast } from "./page.js";
import { begin, cancel, find, fingerprint, goOn } from "./upload.js";

const reasons = ["uploads-many", "file-large", "drafts-many"]; // why the node does not take a file, as far as it can be helped

// files makes a composer of an organization take files. words says texts, draft makes sure that there is a draft and returns its id, changed is
// called when the draft is to name others. It returns what the draft names, and whether something is on its way.
export function files(form, { org, words, draft, changed }) {
  const list = form.querySelector("[data-files]");
  const attach = form.querySelector("[data-attach]"), input = attach.querySelector("input");
  const percent = new Intl.NumberFormat(document.documentElement.lang, { style: "percent" });

  // show brings an item up to what the queue says of it.
  const show = (item, entry) => {
    const bar = item.querySelector("progress"), how = item.querySelector("[data-how]");
    item.dataset.state = entry.state;
    if (entry.state === "complete") return whole(item, entry.upload);
    bar.value = entry.loaded;
    if (entry.state === "sending") how.textContent = percent.format(entry.loaded / (entry.upload.size || 1));
    else how.textContent = words(entry.state === "failed" ? entry.why : entry.state);
  };
  const whole = (item, upload) => {
    item.querySelector("progress").remove();
    item.querySelector("[data-how]").textContent = "";
    item.querySelector("[data-again]")?.remove();
    item.append(Object.assign(document.createElement("input"), { type: "hidden", name: "attachment", value: upload.id }));
    item.dataset.upload = upload.id;
    changed();
  };
  document.addEventListener("muster:upload", function heard(event) {
    if (!form.isConnected) { document.removeEventListener("muster:upload", heard); return; }
    const item = list.querySelector(`[data-partial="${CSS.escape(event.detail.upload.id)}"]`);
    if (item && !item.dataset.upload) show(item, event.detail);
  });

  // begun makes the item of a file that is new.
  const begun = (file) => {
    const item = document.createElement("li"), name = document.createElement("bdi"), bar = document.createElement("progress"), how = document.createElement("small");
    Object.assign(item.dataset, { name: file.name, size: file.size, state: "waiting" });
    name.textContent = file.name;
    bar.max = file.size || 1;
    bar.value = 0;
    bar.setAttribute("aria-label", `${file.name}: ${words("uploading")}`);
    how.dataset.how = "";
    how.textContent = words("waiting");
    const remove = Object.assign(document.createElement("button"), { type: "button", className: "link", textContent: words("remove") });
    remove.setAttribute("aria-label", `${words("remove")}: ${file.name}`);
    remove.dataset.remove = "";
    item.append(name, " ", bar, " ", how, " ", remove);
    list.append(item);
    return item;
  };
  const start = async (item, file) => {
    try {
      const entry = await begin(org, await draft(), file);
      if (!item.isConnected && form.isConnected) { await cancel(entry.upload.id); return; } // removed meanwhile
      item.dataset.partial = entry.upload.id;
      show(item, find(entry.upload.id) ?? entry);
    } catch (error) {
      const again = Object.assign(document.createElement("button"), { type: "button", className: "link", textContent: words("again") });
      item.dataset.state = "failed";
      item.querySelector("[data-how]").textContent = reasons.includes(error.reason) ? words(error.reason) : words("failed");
      again.addEventListener("click", () => { again.remove(); item.dataset.state = "waiting"; start(item, file); });
      item.append(again);
    }
  };
  // take goes on with what stopped, if the file is the same, or begins.
  const take = async (file) => {
    for (const item of list.querySelectorAll('[data-state="stopped"]')) {
      if (item.dataset.name !== file.name || Number(item.dataset.size) !== file.size) continue;
      if (item.dataset.fingerprint !== await fingerprint(file)) { toast(words("other")); continue; }
      goOn({ id: item.dataset.partial, offset: Number(item.dataset.offset), size: file.size }, file);
      return;
    }
    start(begun(file), file);
  };
  const takeAll = async (all) => { for (const file of [...all]) await take(file); };

  attach.hidden = false;
  input.addEventListener("change", () => { takeAll(input.files).finally(() => { input.value = ""; }); });
  list.addEventListener("click", (event) => {
    if (event.target.closest("[data-again]")) input.click();
    if (!event.target.closest("[data-remove]")) return;
    const item = event.target.closest("li"), id = item.dataset.upload ?? item.dataset.partial;
    item.remove();
    if (id) cancel(id).catch(() => {});
    changed();
  });
  form.addEventListener("dragover", (event) => { event.preventDefault(); form.classList.add("dropping"); });
  form.addEventListener("dragleave", () => form.classList.remove("dropping"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("dropping");
    takeAll(event.dataTransfer.files);
  });
  form.querySelector("textarea").addEventListener("paste", (event) => {
    if (event.clipboardData.files.length > 0) { event.preventDefault(); takeAll(event.clipboardData.files); }
  });
  for (const item of list.querySelectorAll("[data-partial]")) { // of before this page was shown
    const entry = find(item.dataset.partial);
    if (entry) show(item, entry);
    else item.querySelector("[data-again]").hidden = false;
  }

  return {
    named: () => [...list.querySelectorAll("[data-upload]")].map((item) => ({ id: item.dataset.upload, name: item.dataset.name, size: Number(item.dataset.size) })),
    busy: () => list.querySelector('[data-state]:not([data-state="complete"])') !== null,
  };
}
