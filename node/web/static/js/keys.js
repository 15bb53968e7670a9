// The keyboard: an element with data-key="x" is reached by x, clicked if it is a link or button, focused if it is a field. The
// help sheet lists what the page has. j and k go through the list with data-list.

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const writing = event.target.matches?.("input, textarea, select, [contenteditable]");
  if (event.key === "Escape" && writing) { event.target.blur(); return; }
  if (writing || document.body.dataset.keys === "off" || document.querySelector("dialog[open]")) return;
  if (event.key === "?") { help(); event.preventDefault(); return; }
  if (event.key === "j" || event.key === "k") { if (step(event.key === "j" ? 1 : -1)) event.preventDefault(); return; }
  const found = [...document.querySelectorAll("[data-key]")].find((e) => e.dataset.key === event.key && e.checkVisibility?.() !== false);
  if (!found) return;
  event.preventDefault();
  if (found.matches("input, textarea, select")) found.focus();
  else found.click();
});

// step moves the focus within the list of the page.
function step(by) {
  const items = [...document.querySelectorAll("[data-list] [data-item]")];
  if (items.length === 0) return false;
  const at = items.findIndex((item) => item === document.activeElement || item.contains(document.activeElement));
  const next = items[Math.min(Math.max(at + by, 0), items.length - 1)];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
  return true;
}

function help() {
  const sheet = document.getElementById("keys"), list = sheet.querySelector("dl");
  list.replaceChildren();
  for (const element of document.querySelectorAll("[data-key]")) {
    const key = Object.assign(document.createElement("kbd"), { textContent: element.dataset.key });
    const term = document.createElement("dt");
    term.append(key);
    const name = element.getAttribute("aria-label") || element.labels?.[0]?.textContent || element.textContent;
    list.append(term, Object.assign(document.createElement("dd"), { textContent: name.trim() }));
  }
  sheet.showModal();
}
