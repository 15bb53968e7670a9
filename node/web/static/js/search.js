// A form with data-search="ID" fills the element of that id while the person types: at once, and while an answer is awaited
// not again until it is there, with what was typed last. Sent in the usual way it does the same.
import { ask } from "./page.js";

let asking = null, again = null, left = 0;

async function find(form) {
  const mine = left;
  const url = new URL(form.action);
  for (const [name, value] of new FormData(form)) if (value) url.searchParams.set(name, value);
  try {
    const page = await ask(url.href);
    const now = document.getElementById(form.dataset.search), then = page.document.getElementById(form.dataset.search);
    if (mine !== left || !form.isConnected || !now || !then) return;
    now.replaceChildren(...[...then.childNodes].map((node) => document.adoptNode(node)));
    history.replaceState(null, "", url.href);
    document.dispatchEvent(new CustomEvent("muster:page"));
  } catch { /* the person can send the form */ }
}

// soon has the form asked, once nothing is asked any more.
function soon(form) {
  if (asking) { again = form; return; }
  asking = find(form).finally(() => {
    const next = again;
    asking = again = null;
    if (next) soon(next);
  });
}

document.addEventListener("input", (event) => {
  const form = event.target.closest?.("form[data-search]");
  if (form && !event.isComposing) soon(form);
});
document.addEventListener("compositionend", (event) => {
  const form = event.target.closest?.("form[data-search]");
  if (form) soon(form);
});
document.addEventListener("submit", (event) => {
  if (event.target.matches("form[data-search]")) { again = null; left++; }
}, true);
