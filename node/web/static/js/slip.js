// Words that are shown once: printed on request, and gone from a page that a browser may keep.

function offer() {
  for (const button of document.querySelectorAll("[data-print]")) button.hidden = false;
}

document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-print]")) print();
});
addEventListener("pagehide", () => {
  for (const secret of document.querySelectorAll("[data-secret]")) secret.replaceChildren();
  for (const field of document.querySelectorAll("[data-secret-field], input[type=password]")) field.value = "";
});
// A page that the browser kept all the same is fetched anew.
addEventListener("pageshow", (event) => {
  if (event.persisted && document.querySelector("[data-secret]")) location.reload();
});
document.addEventListener("muster:page", offer);
offer();
