// A button with data-copy="ID" copies the text of an element. It is shown only where the browser lets a page copy.
import { toast } from "./page.js";

function offer() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("button[data-copy]")) button.hidden = false;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("button[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
    toast(button.dataset.done);
  } catch { toast(button.dataset.failed); }
});
document.addEventListener("muster:page", offer);
offer();
