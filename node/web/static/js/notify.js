// Notifications by the browser, by leave. The one tab that listens to the node shows them, while no tab is seen. They name who
// wrote; what was written only if the person chose so, in this browser.
import { go, word } from "./page.js";

const able = "Notification" in window;
const chosen = (name) => localStorage.getItem(name) === "on";
const onKey = "muster.notify", textKey = "muster.notify.text";

// Each tab that is seen holds this lock with the others that are.
const seenLock = "muster-seen";
let letGo = null, waiting = false;
function watch() {
  if (!navigator.locks) return;
  if (document.hidden) { letGo?.(); letGo = null; return; }
  if (letGo || waiting) return;
  waiting = true;
  navigator.locks.request(seenLock, { mode: "shared" }, () => {
    waiting = false;
    if (document.hidden) return undefined;
    return new Promise((resolve) => { letGo = resolve; });
  });
}
document.addEventListener("visibilitychange", watch);
watch();

async function anybodySees() {
  if (!document.hidden) return true;
  if (!navigator.locks) return false;
  const { held } = await navigator.locks.query();
  return held.some((lock) => lock.name === seenLock);
}

// line keeps a text from reaching over what the system shows around it.
const line = (text) => text.replace(/[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, " ").trim();

document.addEventListener("muster:news", async ({ detail: event }) => {
  const message = event.message;
  if (!able || Notification.permission !== "granted" || !chosen(onKey)) return;
  if (!message || !["message", "introduction"].includes(event.kind) || message.sent || message.hidden || message.unread === false) return;
  if (await anybodySees()) return;
  const from = line(message.from) || word("notify-someone");
  const what = event.kind === "introduction" ? "introduction" : message.mentioned ? "mention" : "message";
  const told = chosen(textKey) && event.kind === "message" && !message.locked?.text ? line(message.text).slice(0, 160) : word(`notify-${what}`);
  const shown = new Notification(from, { body: told, tag: message.id, lang: document.documentElement.lang, dir: document.documentElement.dir });
  shown.addEventListener("click", () => {
    window.focus();
    shown.close();
    go(what === "introduction" ? `/o/${message.org}/requests` : `/o/${message.org}/m/${message.id}`);
  });
});

// offer shows in the preferences what can be chosen.
function offer() {
  const box = document.querySelector("[data-notify]");
  if (!box || !able) return;
  box.hidden = false;
  for (const part of box.querySelectorAll("[data-notify-state]")) part.hidden = part.dataset.notifyState !== Notification.permission;
  box.querySelector("[data-notify-on]").checked = chosen(onKey);
  box.querySelector("[data-notify-text]").checked = chosen(textKey);
}

document.addEventListener("click", async (event) => {
  if (!event.target.closest?.("[data-notify-ask]")) return;
  if (await Notification.requestPermission() === "granted") localStorage.setItem(onKey, "on");
  offer();
});
document.addEventListener("change", (event) => {
  const box = event.target;
  if (box.matches?.("[data-notify-on]")) localStorage.setItem(onKey, box.checked ? "on" : "off");
  if (box.matches?.("[data-notify-text]")) localStorage.setItem(textKey, box.checked ? "on" : "off");
});
document.addEventListener("muster:page", offer);
offer();
