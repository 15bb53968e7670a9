// Notices of typing. A page with data-typing="MEMBER…" is of a conversation with these members: while the person writes in
// its composer they are told, if the node's settings allow it, and who of them types is shown there.

const again = 4000; // milliseconds between two notices of ours
const rest = 60000; // after the node said that nobody is told
const stays = 7000; // for how long a notice of another is shown
const typists = new Map(); // member → name and when the notice ends
let next = 0, timer = null;

const place = () => document.querySelector("#main [data-typing]");
const members = () => place()?.dataset.typing.split(" ").filter(Boolean) ?? [];

document.addEventListener("input", async (event) => {
  if (!event.target.matches?.("[data-composer] textarea") || event.target.value.trim() === "") return;
  const to = members(), now = Date.now();
  if (to.length === 0 || now < next) return;
  next = now + again;
  try {
    const answer = await fetch("/v1/typing", {
      method: "POST", credentials: "same-origin", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ org: document.body.dataset.org, to }),
    });
    const told = answer.ok ? (await answer.json()).members : [];
    if (told.length === 0) next = now + rest;
  } catch { next = now + rest; }
});

document.addEventListener("muster:event", ({ detail: event }) => {
  if (event.org !== document.body.dataset.org) return;
  const who = event.presence;
  if (event.kind === "typing" && who && members().includes(who.member)) {
    typists.set(who.member, { name: `${who.name} (${who.member.slice(0, 8)})`, until: Date.now() + stays });
    tell();
  } else if (event.kind === "message" && event.message) {
    if (typists.delete(event.message.from_member)) tell();
  }
});

// tell shows who types now, and comes back when the first notice is over.
function tell() {
  const now = Date.now(), here = place();
  for (const [member, typist] of typists) if (typist.until <= now) typists.delete(member);
  clearTimeout(timer);
  if (typists.size > 0) timer = setTimeout(tell, Math.max(Math.min(...[...typists.values()].map((t) => t.until)) - now, 50));
  if (!here) return;
  const text = members().filter((m) => typists.has(m)).map((m) => here.dataset.text.replace("{name}", () => typists.get(m).name)).join(" · ");
  if (here.textContent !== text) here.textContent = text;
}

document.addEventListener("muster:page", () => { next = 0; tell(); });
