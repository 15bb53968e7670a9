// Pages stay true by themselves. One tab of the browser listens to the node and tells the others, since a browser opens few
// connections to one host. A part of a page with data-live="KIND…" is fetched anew when such a thing happens, and a page puts on
// the skin that is to be shown.
import { announce, ask, toast, wear, word } from "./page.js";
import { keep } from "./more.js";
import { isLockedPage, isShut } from "./lock.js";

const quiet = 150; // milliseconds that things may go on happening before a page is fetched
const channel = new BroadcastChannel("muster");
let waiting = null;
let kinds = new Set();

// heard takes one event of the node, in every tab.
function heard(event) {
  document.dispatchEvent(new CustomEvent("muster:event", { detail: event }));
  if (event.org && document.body.dataset.org && event.org !== document.body.dataset.org) event = { kind: "org" };
  kinds.add(event.kind);
  waiting ??= setTimeout(refresh, quiet);
}

channel.addEventListener("message", (message) => {
  if (message.data.kind === "locked") location.reload(); // nothing of what was read stays to be seen
  else heard(message.data);
});

// refresh fetches this page again and puts those parts in place that are live for what happened, and differ.
export async function refresh() {
  const what = kinds, at = location.href;
  kinds = new Set();
  waiting = null;
  const live = [...document.querySelectorAll("[data-live]")]
    .filter((part) => what.has("all") || part.dataset.live.split(" ").some((kind) => what.has(kind)));
  const dress = what.has("all") || what.has("skin");
  if (live.length === 0 && !dress) return;
  try {
    const page = await ask(at, { headers: { "Muster-Live": "1" } });
    if (location.href !== at) return;
    if (isLockedPage(page.document)) { location.reload(); return; }
    if (page.status === 401) { toast(word("signedout"), null, 60); return; }
    if (dress) wear(page.document.getElementById("skin"));
    for (const part of live) replace(part, page.document.getElementById(part.id));
    document.dispatchEvent(new CustomEvent("muster:page"));
  } catch { /* the connection is watched below */ }
}

// twin finds in a new part what an element was in the old one: by its id or address, else by its text and place among those alike.
function twin(part, then, element) {
  if (element.id) return document.getElementById(element.id);
  const href = element.getAttribute("href");
  if (href !== null) return then.querySelector(`[href="${CSS.escape(href)}"]`);
  const alike = (whole) => [...whole.querySelectorAll(element.localName)].filter((e) => e.textContent.trim() === element.textContent.trim());
  return alike(then)[alike(part).indexOf(element)];
}

// tell says which item of a list is new, for who does not see it.
function tell(part, then) {
  const items = (whole) => [...whole.querySelectorAll("[data-list] [data-item]")];
  const name = (item) => item.id || item.getAttribute("href");
  const had = new Set(items(part).map(name));
  const fresh = items(then).filter((item) => name(item) && !had.has(name(item)));
  if (fresh.length === 0) return;
  const item = fresh[part.id === "messages" ? fresh.length - 1 : 0];
  announce(item.getAttribute("aria-label") ?? item.textContent.trim().replace(/\s+/g, " ").slice(0, 120));
}

// replace puts a new part in place of an old one, unless a person is writing in it. The focus stays where it was, and what was
// unfolded stays so.
export function replace(part, then) {
  if (!then || !part.isConnected) return;
  keep(part, then);
  if (part.isEqualNode(then)) return;
  const active = part.contains(document.activeElement) ? document.activeElement : null;
  if (active?.matches("input, textarea, select")) return;
  const { scrollTop, scrollHeight, clientHeight } = part;
  const atEnd = scrollHeight - clientHeight - scrollTop < 8;
  const open = [...part.querySelectorAll("details[open] > summary")];
  part.replaceWith(document.adoptNode(then));
  for (const summary of open) twin(part, then, summary)?.parentElement.setAttribute("open", "");
  then.scrollTop = atEnd ? then.scrollHeight : scrollTop;
  if (active) {
    const next = twin(part, then, active) ?? then; // rather the part than the beginning of the page
    if (next === then) then.tabIndex = -1;
    next.focus({ preventScroll: true });
  }
  if (then.id === "messages" || then.id === "threads") tell(part, then);
}

let offline = false;

// listen is what one tab does for all, as long as it lives.
function listen() {
  const source = new EventSource("/v1/events");
  const tell = (event) => {
    channel.postMessage(event);
    heard(event);
    document.dispatchEvent(new CustomEvent("muster:news", { detail: event })); // in this tab alone
  };
  for (const kind of ["message", "introduction", "change", "mark", "state", "contact", "org", "skin", "notice", "presence", "typing", "pairing", "meeting", "backup", "restore", "around"]) {
    source.addEventListener(kind, (event) => tell(JSON.parse(event.data)));
  }
  source.addEventListener("history", (event) => tell({ ...JSON.parse(event.data), kind: "all" })); // anything may be another
  source.addEventListener("ready", () => { // whatever happened while nobody listened
    if (offline) { offline = false; document.getElementById("offline")?.remove(); }
    tell({ kind: "all" });
  });
  source.addEventListener("lagged", () => source.close());
  source.addEventListener("error", async () => {
    if (await isShut()) { channel.postMessage({ kind: "locked" }); location.reload(); return; }
    if (!offline) { offline = true; away(); }
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 2000 + Math.random() * 3000);
  });
}

// away says that the node cannot be reached, for as long as it cannot.
function away() {
  const box = Object.assign(document.createElement("div"), { id: "offline", className: "toast", textContent: word("offline") });
  document.getElementById("toasts").append(box);
}

if (document.getElementById("rail") && !document.body.classList.contains("signed-out")) {
  if (navigator.locks) navigator.locks.request("muster-listens", () => { listen(); return new Promise(() => {}); });
  else listen();
}
// A tab that was frozen or left open for days looks again when the person comes back.
document.addEventListener("visibilitychange", () => { if (!document.hidden) heard({ kind: "all" }); });
addEventListener("pageshow", (event) => { if (event.persisted) heard({ kind: "all" }); });
