// A list grows as one scrolls: the link with data-more leads to its next page, whose items are put behind those that are here
// before the person is at the end of them. Without this the link is followed in the usual way.
import { ask } from "./page.js";

const fetching = new WeakSet(); // links
const ahead = "1200px"; // how far below what is seen the next page is fetched

const watching = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) more(entry.target);
}, { rootMargin: `0px 0px ${ahead} 0px` });

async function more(link) {
  if (fetching.has(link)) return;
  fetching.add(link);
  watching.unobserve(link);
  try {
    const page = await ask(link.href, { headers: { "Muster-Live": "1" } });
    const list = link.closest("section")?.querySelector("[data-list]");
    if (page.status !== 200 || !list || !link.isConnected) return; // the person can follow the link
    grow(list, link, page.document);
  } catch { /* the same */ } finally { fetching.delete(link); }
}

// grow puts what a page lists behind what is here. What came meanwhile may have moved an item here that is there too.
function grow(list, link, page) {
  const here = new Set([...list.children].map(key));
  const next = page.querySelector("[data-more]");
  for (const item of [...page.getElementById(link.closest("section").id).querySelector("[data-list]").children]) {
    if (!here.has(key(item))) list.append(document.adoptNode(item));
  }
  list.dataset.grown = "1";
  if (next) link.replaceWith(document.adoptNode(next));
  else link.remove();
  document.dispatchEvent(new CustomEvent("muster:page"));
}

// key tells items apart: by where they lead.
function key(item) { return item.querySelector("[data-item]")?.getAttribute("href"); }

// keep has a part of a page that was fetched again keep what the list had grown by: what of it is older than all that was
// fetched, since what is not either stands there too or belongs no more.
export function keep(now, then) {
  const old = now.querySelector("[data-list][data-grown]"), list = then.querySelector("[data-list]");
  const last = list?.lastElementChild?.querySelector("time")?.dateTime;
  if (!old || !last) return;
  const fetched = new Set([...list.children].map(key));
  const tail = [...old.children].filter((item) => !fetched.has(key(item)) && item.querySelector("time").dateTime <= last);
  list.append(...tail.map((item) => item.cloneNode(true)));
  list.dataset.grown = "1";
  const link = now.querySelector("[data-more]"), first = then.querySelector("[data-more]");
  if (link && first) first.replaceWith(link.cloneNode(true));
  else if (!link) first?.remove();
}

function all() {
  watching.disconnect();
  for (const link of document.querySelectorAll("[data-more]")) watching.observe(link);
}

document.addEventListener("muster:page", all);
all();
