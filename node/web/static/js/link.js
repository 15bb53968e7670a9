// Links in messages: one that nothing is suspicious about opens by its click alone, without telling where it was clicked. All
// others, and all without scripts, lead to the page that says where they go.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-open]");
  if (!link || event.button !== 0) return;
  event.preventDefault();
  window.open(link.dataset.open, "_blank", "noopener,noreferrer");
}, true);
