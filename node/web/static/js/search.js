// A form with data-search="ID" fills the element of that id while the person types, after a short pause. Sent in the usual way
// it does the same.
import { ask } from "./page.js";

const pause = 200; // milliseconds without a key
let timer = null, asked = 0;

async function find(form) {
  const mine = ++asked;
  const url = new URL(form.action);
  for (const [name, value] of new FormData(form)) if (value) url.searchParams.set(name, value);
  try {
    const page = await ask(url.href);
    const now = document.getElementById(form.dataset.search), then = page.document.getElementById(form.dataset.search);
    if (mine !== asked || !form.isConnected || !now || !then) return;
    now.replaceChildren(...[...then.childNodes].map((node) => document.adoptNode(node)));
    history.replaceState(null, "", url.href);
    document.dispatchEvent(new CustomEvent("muster:page"));
  } catch { /* the person can send the form */ }
}

document.addEventListener("input", (event) => {
  const form = event.target.closest?.("form[data-search]");
  if (!form || event.isComposing) return;
  clearTimeout(timer);
  timer = setTimeout(() => find(form), pause);
});
document.addEventListener("submit", (event) => {
  if (event.target.matches("form[data-search]")) { clearTimeout(timer); asked++; }
}, true);
