// When the folder is locked, the page that asks for the passphrase takes the place of every other, in every tab; when it is unlocked,
// that one goes too.

const beat = 3000; // milliseconds between two looks of a page that asks for the passphrase

// isLockedPage says whether a page is the one that asks for the passphrase.
export function isLockedPage(page) { return page.querySelector("[data-locked]") !== null; }

// state asks whether the folder is locked: true, false, or null where nobody answers.
async function state() {
  try {
    const answer = await fetch("/v1/lock", { credentials: "same-origin", headers: { "Muster-Live": "1" } });
    if (answer.status === 401) return "out";
    return answer.ok ? (await answer.json()).locked : null;
  } catch { return null; }
}

// isShut says whether this browser may see nothing any more.
export async function isShut() {
  const now = await state();
  return now === true || now === "out";
}

if (isLockedPage(document)) {
  const look = async () => {
    const now = await state();
    if ((now === false || now === "out") && !document.querySelector("input:focus")?.value) location.reload();
  };
  setInterval(look, beat);
}
