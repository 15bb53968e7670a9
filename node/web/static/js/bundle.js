// Bundles: the page of one that is saved looks whether the browser has taken a file, which no event of the node tells; and files
// that are taken in show how far they are.
import { announce, ask, parse, show } from "./page.js";
import { replace } from "./live.js";

const interval = 700; // milliseconds between two looks
const patience = 200; // looks that may find nothing begun, on a machine that is busy

// look fetches the part of the page that lists the files, until the browser takes none.
async function look(begun, left) {
  const now = document.getElementById("bundle-files");
  if (!now) return;
  const page = await ask(location.href, { headers: { "Muster-Live": "1" } }).catch(() => null);
  const then = page?.document.getElementById("bundle-files");
  if (!then || !now.isConnected) return;
  const sending = then.dataset.sending !== "0", more = then.dataset.files !== now.dataset.files;
  const had = now.contains(document.activeElement);
  replace(now, then);
  if (had) then.querySelector("button")?.focus({ preventScroll: true });
  document.dispatchEvent(new CustomEvent("muster:page"));
  const status = document.querySelector("#bundle-files [role=status]");
  if (more && status) announce(status.textContent);
  if (sending || (!begun && !more && left > 0)) setTimeout(look, interval, begun || sending, left - 1);
}

document.addEventListener("submit", (event) => {
  if ("save" in event.target.dataset) setTimeout(look, interval, false, patience);
});

// take sends the files and shows the page that says what came of them. What came in stays when it is stopped.
function take(form) {
  const request = new XMLHttpRequest(), part = form.querySelector("[data-progress]"), bar = part.querySelector("progress");
  const how = part.querySelector("[data-how]"), stop = form.querySelector("[data-stop]"), button = form.querySelector("button:not([type])");
  const ended = (text) => { how.textContent = text; stop.hidden = true; button.disabled = false; };
  request.upload.addEventListener("progress", (event) => {
    if (!event.lengthComputable) return;
    Object.assign(bar, { max: event.total, value: event.loaded });
    how.textContent = `${Math.floor((100 * event.loaded) / event.total)} %`;
  });
  request.upload.addEventListener("load", () => { bar.removeAttribute("value"); how.textContent = form.dataset.working; });
  request.addEventListener("load", () => show({ address: request.responseURL || form.action, document: parse(request.responseText) }));
  for (const kind of ["error", "abort"]) request.addEventListener(kind, () => { part.querySelector("progress").value = 0; ended(form.dataset.broken); });
  stop.addEventListener("click", () => request.abort(), { once: true });
  request.open("POST", form.action);
  request.send(new FormData(form));
  part.hidden = stop.hidden = false;
  button.disabled = true;
}

document.addEventListener("submit", (event) => {
  if (!("bundles" in event.target.dataset)) return;
  event.preventDefault();
  take(event.target);
});
