// Times are sent in UTC; they are shown in the reader's zone and language.

function tell() {
  const language = document.documentElement.lang;
  const day = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
  const hour = new Intl.DateTimeFormat(language, { timeStyle: "short" });
  const full = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "long" });
  const today = day.format(new Date());
  for (const element of document.querySelectorAll("time[datetime]")) {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const short = day.format(at) === today ? hour.format(at) : `${day.format(at)} ${hour.format(at)}`;
    if (element.textContent !== short) element.textContent = short;
    element.title = full.format(at);
  }
}

document.addEventListener("muster:page", tell);
tell();
