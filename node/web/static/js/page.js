// Going from page to page without loading all anew: links and forms of this app are fetched, and what differs is put in
// place. Anything unusual is left to the browser.

// markup is the one way from text to markup. All of it was made by our own server, which escapes what others wrote.
const markup = window.trustedTypes
  ? window.trustedTypes.createPolicy("muster", { createHTML: (text) => text })
  : { createHTML: (text) => text };

const parts = ["rail", "sidebar", "main"];

// parse reads an answer of our server as a document.
export function parse(text) {
  return new DOMParser().parseFromString(markup.createHTML(text), "text/html");
}

// ask fetches an address of the app. It fails on anything that is not a page of it.
export async function ask(address, options = {}) {
  const answer = await fetch(address, { credentials: "same-origin", ...options });
  const type = answer.headers.get("Content-Type") || "";
  if (!type.startsWith("text/html")) throw new Error("not a page");
  const place = answer.redirected ? "" : new URL(address, location.href).hash; // which an answer's address lacks
  return { address: answer.url + place, document: parse(await answer.text()), status: answer.status };
}

// word returns a text of the page in the person's language.
export function word(name) {
  return document.getElementById("words").content.querySelector(`[data-word="${name}"]`)?.textContent ?? name;
}

// announce has a screen reader say something, where the focus tells nothing of it.
export function announce(text) {
  const region = document.getElementById("announce");
  region.textContent = "";
  setTimeout(() => { region.textContent = text; }, 100); // the same text again is said again
}

// toast says something for a while. An action is a button beside it.
export function toast(text, action, seconds = 6) {
  const box = document.createElement("div");
  box.className = "toast";
  box.append(Object.assign(document.createElement("span"), { textContent: text }));
  if (action) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: action.text });
    button.addEventListener("click", () => { box.remove(); action.do(); });
    box.append(button);
  }
  document.getElementById("toasts").append(box);
  setTimeout(() => box.remove(), seconds * 1000);
}

// show puts a fetched page in the place of this one.
export function show(page, { push = true, focus = true } = {}) {
  const next = page.document;
  for (const name of ["lang", "dir", "data-theme"]) {
    const value = next.documentElement.getAttribute(name);
    if (value === null) document.documentElement.removeAttribute(name);
    else document.documentElement.setAttribute(name, value);
  }
  document.body.className = next.body.className;
  document.body.dataset.org = next.body.dataset.org ?? "";
  document.body.dataset.keys = next.body.dataset.keys ?? "";
  wear(next.getElementById("skin"));
  document.title = next.title;
  for (const id of parts) {
    const now = document.getElementById(id), then = next.getElementById(id);
    if (now && then) now.replaceWith(document.adoptNode(then));
  }
  if (push && page.address !== location.href) history.pushState(null, "", page.address);
  // An answer that was led to does not say its hash, so the page says which message it leads to.
  const target = (location.hash && document.getElementById(location.hash.slice(1))) || document.querySelector("#main [data-here]");
  if (target) target.scrollIntoView();
  else if (focus) scrollTo(0, 0);
  if (focus) (target ?? document.querySelector("#main [autofocus]") ?? document.getElementById("main"))?.focus();
  // No page was loaded, which is what a screen reader would tell: the title says where one is, and a notice what was done.
  if (focus) announce([document.querySelector("#main > .notice")?.textContent, document.title].filter(Boolean).join(". "));
  document.dispatchEvent(new CustomEvent("muster:page"));
}

// wear puts another skin on, without a moment of none: the one before goes when the next has come, however many are on their way.
export function wear(skin) {
  const worn = [...document.querySelectorAll("link#skin")], now = worn.at(-1);
  if (skin?.getAttribute("href") === now?.getAttribute("href")) return;
  if (!skin) { for (const link of worn) link.remove(); return; }
  const link = document.adoptNode(skin);
  link.addEventListener("load", () => { for (const before of worn) before.remove(); }, { once: true });
  document.head.append(link);
}

let going = 0;

// go leads to an address of the app.
export async function go(address, options = {}) {
  const mine = ++going;
  document.documentElement.setAttribute("aria-busy", "true");
  try {
    const page = await ask(address, options.fetch);
    if (mine === going) show(page, options);
  } catch {
    if (mine !== going) return;
    if (options.fetch?.method === "POST") toast(word(navigator.onLine ? "failed" : "offline"));
    else location.assign(address);
  } finally {
    if (mine === going) document.documentElement.removeAttribute("aria-busy");
  }
}

function ours(url) { return url.origin === location.origin && !url.pathname.startsWith("/v1/") && !url.pathname.startsWith("/static/"); }

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (link.target || link.hasAttribute("download") || "plain" in link.dataset) return;
  const url = new URL(link.href);
  if (!ours(url) || (url.hash && url.pathname === location.pathname && url.search === location.search)) return;
  event.preventDefault();
  go(url.href);
});

document.addEventListener("submit", (event) => {
  const form = event.target, by = event.submitter;
  if (event.defaultPrevented || "plain" in form.dataset || form.method === "dialog") return;
  const url = new URL(by?.getAttribute("formaction") ?? form.getAttribute("action") ?? location.href, location.href);
  if (!ours(url) || form.enctype === "multipart/form-data") return;
  event.preventDefault();
  const fields = new URLSearchParams(new FormData(form, by));
  if (form.method === "get") {
    url.search = fields;
    go(url.href);
    return;
  }
  for (const button of form.querySelectorAll("button")) button.disabled = true;
  go(url.href, { fetch: { method: "POST", body: fields } })
    .finally(() => { for (const button of form.querySelectorAll("button")) button.disabled = false; });
});

addEventListener("popstate", () => go(location.href, { push: false }));
