// A button with data-scan="FIELD-ID" reads a QR code with the camera and puts what it says into the field. It is shown only
// where the browser can read codes by itself; elsewhere the line is pasted. No picture leaves the page.

const every = 200; // milliseconds between two looks
let able = null; // a promise of whether this browser reads QR codes

async function can() {
  if (!("BarcodeDetector" in window) || !navigator.mediaDevices?.getUserMedia) return false;
  try { return (await BarcodeDetector.getSupportedFormats()).includes("qr_code"); } catch { return false; }
}

async function offer() {
  const buttons = document.querySelectorAll("button[data-scan]");
  if (buttons.length === 0 || !(await (able ??= can()))) return;
  for (const button of buttons) button.hidden = false;
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
    (found === null ? button : field).focus();
  });
  sheet.showModal();
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
    if (!sheet.open) { for (const track of stream.getTracks()) track.stop(); return; }
    video.srcObject = stream;
    await video.play();
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    while (sheet.open && found === null) {
      found = (await detector.detect(video))[0]?.rawValue ?? null;
      if (found === null) await new Promise((resolve) => setTimeout(resolve, every));
    }
  } catch {
    status.textContent = button.dataset.failed;
    return;
  }
  if (found === null || !sheet.open) return;
  field.value = found;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  sheet.close();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button[data-scan]");
  if (button) scan(button);
});
document.addEventListener("muster:page", offer);
offer();
