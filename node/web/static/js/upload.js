// The queue of files that the node takes in, one after the other. It goes on while a person goes from page to page, and by itself
// when the node was away: the node says where a file stands. What a reload makes a browser forget goes on when the person chooses
// the file again. Each change is told by an event muster:upload, whose detail is the entry.

const pauses = [1, 2, 5, 15, 30]; // seconds between tries, as long as the node is not reached
const head = 64 << 10; // bytes of the beginning that a file is told by
const queue = new Map(); // entries by the upload's id; those that wait for their turn in order
let working = false;

// An entry: what the node said last of the upload, the file, and its state: waiting, sending, broken (goes on by itself), failed
// (why says the reason) or complete.
function tell(entry, state, why = "") {
  Object.assign(entry, { state, why });
  document.dispatchEvent(new CustomEvent("muster:upload", { detail: entry }));
}

// find returns the entry of an upload that this page has the file of.
export function find(id) { return queue.get(id); }

// fingerprint is what a file is told by when it is chosen again, beside name and size.
export async function fingerprint(file) {
  const start = await file.slice(0, head).arrayBuffer();
  if (!crypto.subtle) return String(file.lastModified);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", start));
  return `${file.lastModified}-${[...hash].map((b) => b.toString(16).padStart(2, "0")).join("")}`;
}

// begin has the node make an upload for a draft, and puts the file into the queue.
export async function begin(org, draft, file) {
  const request = { org, draft, name: file.name, size: file.size, fingerprint: await fingerprint(file) };
  const answer = await fetch("/v1/uploads/begin", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(request) });
  const said = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(said.error), { reason: said.reason });
  return goOn(said, file);
}

// goOn puts a file into the queue whose upload was begun before.
export function goOn(upload, file) {
  const entry = { upload, file, loaded: upload.offset };
  queue.set(upload.id, entry);
  tell(entry, "waiting");
  work();
  return entry;
}

// cancel takes an upload out of the queue and has the node forget it.
export async function cancel(id) {
  const entry = queue.get(id);
  queue.delete(id);
  entry?.request?.abort();
  await fetch(`/v1/uploads/${encodeURIComponent(id)}`, { method: "DELETE" });
}

async function work() {
  if (working) return;
  working = true;
  for (let next; (next = [...queue.values()].find((entry) => entry.state === "waiting"));) await send(next);
  working = false;
}

async function send(entry) {
  const { id } = entry.upload;
  for (let tries = 0; queue.get(id) === entry;) {
    const before = entry.upload.offset;
    try {
      entry.upload = await stands(id);
      entry.loaded = entry.upload.offset;
      tell(entry, "sending");
      if (!entry.upload.complete) entry.upload = await put(entry);
      if (entry.upload.complete) { tell(entry, "complete"); queue.delete(id); return; }
    } catch (error) {
      if (queue.get(id) !== entry) return; // cancelled
      if (error.gone || !(await readable(entry.file))) { tell(entry, "failed", error.gone ? "gone" : "changed"); queue.delete(id); return; }
    }
    if (entry.upload.offset > before) tries = 0;
    tell(entry, "broken");
    await pause(pauses[Math.min(tries++, pauses.length - 1)]);
  }
}

// stands asks the node how far an upload is.
async function stands(id) {
  const answer = await fetch(`/v1/uploads/${encodeURIComponent(id)}`);
  if (answer.status === 404) throw Object.assign(new Error("gone"), { gone: true });
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.json();
}

// put sends all that is missing. XMLHttpRequest tells how far it is, which fetch does not.
function put(entry) {
  return new Promise((resolve, reject) => {
    const { id, offset } = entry.upload, request = new XMLHttpRequest();
    request.open("PATCH", `/v1/uploads/${encodeURIComponent(id)}?offset=${offset}`);
    request.upload.addEventListener("progress", (event) => { entry.loaded = offset + event.loaded; tell(entry, "sending"); });
    request.addEventListener("loadend", () => {
      entry.request = null;
      if (request.status === 200) resolve(JSON.parse(request.responseText));
      else reject(Object.assign(new Error(request.statusText), { gone: request.status === 404 }));
    });
    entry.request = request;
    request.send(entry.file.slice(offset));
  });
}

async function readable(file) {
  try { await file.slice(0, 1).arrayBuffer(); return true; } catch { return false; }
}

// pause ends after some seconds, or once there is news of the node.
function pause(seconds) {
  return new Promise((resolve) => {
    setTimeout(resolve, seconds * 1000);
    document.addEventListener("muster:event", () => resolve(), { once: true });
  });
}
