// Below a field with data-scan: buttons that read a QR code with the camera, or from a picture of one, and put what it says into the
// field. A browser that reads no codes by itself gets a decoder for it, with the first code. No picture leaves the page.

const every = 200; // milliseconds between two looks
const most = 1600; // pixels of a picture's longer side that are looked at first; codes are larger than a pixel a module
let reader = null; // a promise of what reads codes

// detector returns what reads codes: the browser's own, or a decoder of ours, which has the same interface.
function detector() {
  reader ??= native().then(async (own) => own ?? new (await import("./decode.js")).BarcodeDetector({ formats: ["qr_code"] }));
  reader.catch(() => { reader = null; }); // the node was away
  return reader;
}

async function native() {
  try {
    if ((await BarcodeDetector.getSupportedFormats()).includes("qr_code")) return new BarcodeDetector({ formats: ["qr_code"] });
  } catch { /* there is none */ }
  return null;
}

function offer() {
  for (const button of document.querySelectorAll("button[data-scan]")) button.hidden = !navigator.mediaDevices?.getUserMedia;
  for (const label of document.querySelectorAll("[data-scan-picture]")) label.hidden = false;
}

// fill puts what a code says into a field.
function fill(field, text) {
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
}

// scan shows what the camera sees until there is a code in it, or the person closes it.
async function scan(button) {
  const field = document.getElementById(button.dataset.scan);
  const sheet = Object.assign(document.createElement("dialog"), { className: "scanner" });
  const title = Object.assign(document.createElement("h2"), { id: "scan-title", textContent: button.dataset.title });
  const video = Object.assign(document.createElement("video"), { playsInline: true, muted: true });
  const status = Object.assign(document.createElement("p"));
  const close = Object.assign(document.createElement("button"), { type: "button", textContent: button.dataset.close });
  status.setAttribute("role", "status");
  sheet.setAttribute("aria-labelledby", title.id);
  sheet.append(title, video, status, close);
  document.body.append(sheet);
  let stream = null, found = null;
  close.addEventListener("click", () => sheet.close());
  sheet.addEventListener("close", () => {
    for (const track of stream?.getTracks() ?? []) track.stop();
    sheet.remove();
    if (found === null) button.focus();
    else fill(field, found);
  });
  sheet.showModal();
  try {
    const [camera, codes] = await Promise.all([
      navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false }).then((granted) => (stream = granted)), detector(),
    ]);
    if (!sheet.open) { for (const track of camera.getTracks()) track.stop(); return; }
    video.srcObject = camera;
    await video.play();
    while (sheet.open && found === null) {
      found = (await codes.detect(video))[0]?.rawValue ?? null;
      if (found === null) await new Promise((resolve) => setTimeout(resolve, every));
    }
  } catch {
    status.textContent = button.dataset.failed;
    return;
  }
  if (sheet.open) sheet.close();
}

// look reads the code in a picture: of a large one a smaller copy first, then as it is.
async function look(picture) {
  const codes = await detector(), whole = await createImageBitmap(picture);
  try {
    const scale = Math.min(1, most / Math.max(whole.width, whole.height));
    for (const size of new Set([scale, Math.min(1, 2 * scale)])) {
      const canvas = Object.assign(document.createElement("canvas"), { width: Math.ceil(whole.width * size), height: Math.ceil(whole.height * size) });
      const context = canvas.getContext("2d");
      context.fillStyle = "#fff"; // where the picture is transparent
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.drawImage(whole, 0, 0, canvas.width, canvas.height);
      const found = (await codes.detect(canvas))[0]?.rawValue;
      if (found) return found;
    }
  } finally {
    whole.close();
  }
  return null;
}

async function choose(input) {
  const field = document.getElementById(input.dataset.picture), status = input.closest("[data-scan-picture]").querySelector("[role=status]");
  const [picture] = input.files;
  if (!picture) return;
  status.textContent = "";
  const found = await look(picture).catch(() => null);
  input.value = ""; // so that it is never sent, and can be chosen again
  if (found) fill(field, found);
  else status.textContent = input.dataset.none;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button[data-scan]");
  if (button) scan(button);
});
document.addEventListener("change", (event) => { if (event.target.matches?.("input[data-picture]")) choose(event.target); });
document.addEventListener("muster:page", offer);
offer();
