// The preview of a skin follows the form at once. Its style is made by the node, of the fields alone.
function fields(form) {
  const data = new FormData(form);
  data.delete("image");
  data.delete("do");
  return new URLSearchParams(data);
}

document.addEventListener("input", (event) => {
  const form = event.target.closest?.("form[data-skin]");
  if (!form || event.target.type === "file") return;
  if (event.target.type === "color") document.getElementById(`own-${event.target.id}`).checked = true;
  const now = [...document.querySelectorAll("#preview-style")].at(-1), next = now.cloneNode();
  next.href = `${form.dataset.skin}?${fields(form)}`;
  next.addEventListener("load", () => { // those before it have been overtaken; there may be one after it
    while (next.previousElementSibling?.id === next.id) next.previousElementSibling.remove();
  }, { once: true });
  now.after(next);
});
