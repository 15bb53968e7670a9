// Counts down the time of a message that is open, and takes what it says out of the page when it is over, or the page is left.
import "./page.js";

let timer = 0;

function wipe(article) {
  clearInterval(timer);
  for (const secret of article.querySelectorAll("[data-secret]")) secret.replaceChildren();
  article.remove();
}

function begin() {
  clearInterval(timer);
  const article = document.querySelector("[data-opened]");
  if (!article) return;
  const end = performance.now() + Number(article.dataset.opened) * 1000, shown = article.querySelector("[data-left]");
  const tell = () => {
    const left = Math.max(0, Math.ceil((end - performance.now()) / 1000));
    shown.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    if (left > 0) return;
    const back = article.dataset.back;
    wipe(article);
    location.replace(back + "?notice=lock.closed");
  };
  timer = setInterval(tell, 500);
  tell();
}

document.addEventListener("muster:page", begin);
addEventListener("pagehide", () => { const article = document.querySelector("[data-opened]"); if (article) wipe(article); });
addEventListener("pageshow", (event) => { if (event.persisted && location.pathname.endsWith("/opened")) location.reload(); });
begin();
