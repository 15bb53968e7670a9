// Counts what is typed into a field with data-count="MOST" as the node counts it: code points of the composed text (NFC), a
// run of blanks as one.

function count(field) {
  const most = Number(field.dataset.count), line = document.getElementById(field.getAttribute("aria-describedby"));
  const used = [...field.value.normalize("NFC").trim().replace(/\s+/gu, " ")].length;
  const number = new Intl.NumberFormat(document.documentElement.lang);
  if (line) line.textContent = line.dataset.text.replace("{used}", number.format(used));
  field.setCustomValidity(used > most ? field.dataset.over : "");
  field.setAttribute("aria-invalid", String(used > most));
}

document.addEventListener("input", (event) => { if (event.target.matches?.("[data-count]")) count(event.target); });
const all = () => { for (const field of document.querySelectorAll("[data-count]")) if (field.value) count(field); };
document.addEventListener("muster:page", all);
all();
