// How hard a new passphrase is to guess, said while it is typed. Nothing of it leaves the page. passphrase.go judges the
// minimum alike. It is an estimate that rather says too little: words count as words, repeats and rows hardly at all.

let common = null;

const wordBits = 12, letterBits = 4.7, digitBits = 3.3, otherBits = 4; // of a word from some thousands, a letter, …
const levels = [35, 48, 64]; // bits from which it is fair, good, strong

// counting returns the characters of a text that do not go on with a repeat or a row.
function counting(text) {
  let last = -1, step = 0;
  return [...text.toLowerCase()].filter((c) => {
    const code = c.codePointAt(0), now = code - last;
    const counts = last < 0 || Math.abs(now) > 1 || (now !== step && now !== 0);
    last = code;
    step = now;
    return counts;
  });
}

function bits(text) {
  const words = new Set();
  let sum = 0;
  for (const part of text.toLowerCase().match(/\p{L}+|\p{N}+|[^\p{L}\p{N}]+/gu) ?? []) {
    const n = counting(part).length;
    if (words.has(part)) { sum += 1; continue; }
    words.add(part);
    if (/\p{L}/u.test(part)) sum += Math.min(n * letterBits, wordBits + Math.max(0, n - 8) * 1.5);
    else if (/\p{N}/u.test(part)) sum += n * digitBits;
    else sum += /^[\s_-]+$/u.test(part) ? 0.5 : n * otherBits;
  }
  return sum;
}

// judge returns a number of 0 to 4 and the name of its words.
function judge(text) {
  const lower = text.toLowerCase(), stem = lower.replace(/\P{L}+$/u, "");
  if ([...text].length < 10) return [0, "short"];
  if (common?.has(lower) || common?.has(stem)) return [0, "common"];
  if (counting(text).length < 8) return [0, "simple"];
  const level = levels.filter((least) => bits(text) >= least).length;
  return [level + 1, ["weak", "fair", "good", "strong"][level]];
}

function say(field) {
  const box = document.getElementById(field.dataset.strength);
  const words = document.querySelector('template[data-words="strength"]');
  if (!box || !words) return;
  box.hidden = field.value === "";
  const [level, name] = judge(field.value);
  box.querySelector("meter").value = level;
  const text = words.content.querySelector(`[data-word="${name}"]`).textContent, says = box.querySelector("[role=status]");
  if (says.textContent !== text) says.textContent = text;
}

document.addEventListener("input", (event) => {
  if (event.target.matches?.("[data-strength]")) say(event.target);
});
document.addEventListener("focusin", async (event) => {
  const field = event.target;
  if (common || !field.matches?.("[data-strength]")) return;
  common = new Set();
  const answer = await fetch(field.dataset.common, { credentials: "same-origin" }).catch(() => null);
  if (answer?.ok) common = new Set((await answer.text()).split("\n").filter(Boolean));
  say(field);
});
