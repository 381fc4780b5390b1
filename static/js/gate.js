// The gate: finds codes by camera or scanner, asks the server about each once, and shows the answer.
// All words stand in the page or come from the server; this shows, hides and fills in.

const root = document.getElementById("gate");
const video = document.getElementById("camera");
const field = document.getElementById("text");
const typed = document.getElementById("typed");
const panel = document.getElementById("result");
const comparison = document.getElementById("compare");
const csrf = typed.querySelector("[name=csrfmiddlewaretoken]").value;

// A code that stays in view is one scan.
const SAME_CODE_MS = 3000;
const ADMITTED_SHOWN_MS = 4000;
const LOOK_EVERY_MS = 100;
const PATIENCE_MS = 5000;
const RETRY_EVERY_MS = 2000;
const RETRY_FOR_MS = 30000;
const ANSWER_WITHIN_MS = 5000;
const WIDEST = 960;
// Mean brightness (0 to 255) below which a picture shows nothing.
const DARK = 14;
// Of a code on a phone, and of one on paper.
const CODE_LENGTHS = new Set([48, 120]);
const SLOW_MS = 400;
const ASK_NETWORK_EVERY_MS = 3000;
const BACK_SHOWN_MS = 8000;

const clock = new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Shanghai", timeStyle: "medium" });
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Notices

function notice(name, shown) {
  const one = document.querySelector(`[data-notice="${name}"]`);
  // Set only on a change: the line is read aloud by screen readers.
  if (one.hidden === shown) one.hidden = !shown;
}

// Without the network nothing is decided: the page says so at once, looks for the network, and says when it is back.

let isGone = false;
let back = 0;

function gone() {
  if (isGone) return;
  isGone = true;
  clearTimeout(back);
  notice("back", false);
  notice("offline", true);
  lookForNetwork();
}

function found() {
  if (!isGone) return;
  isGone = false;
  notice("offline", false);
  notice("back", true);
  back = setTimeout(() => notice("back", false), BACK_SHOWN_MS);
}

async function lookForNetwork() {
  while (isGone) {
    await pause(ASK_NETWORK_EVERY_MS);
    try {
      const options = { method: "HEAD", cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(ANSWER_WITHIN_MS) };
      const response = await fetch(location.pathname, options);
      if (response.type === "opaqueredirect") notice("signed-out", true);
      if (response.ok || response.type === "opaqueredirect") found();
    } catch {
      // Still gone.
    }
  }
}

window.addEventListener("offline", gone);

function problem(text) {
  document.querySelector("[data-problem]").textContent = text;
  notice("problem", Boolean(text));
}

// Sound: only after a touch may a browser make one.

let sound = null;

function tone(frequency, from, seconds, shape) {
  const source = sound.createOscillator();
  const volume = sound.createGain();
  source.type = shape;
  source.frequency.value = frequency;
  volume.gain.value = 0.5;
  source.connect(volume).connect(sound.destination);
  source.start(sound.currentTime + from);
  source.stop(sound.currentTime + from + seconds);
}

function signal(admitted) {
  navigator.vibrate?.(admitted ? 80 : [300, 120, 300]);
  if (!sound) return;
  if (admitted) {
    tone(880, 0, 0.1, "sine");
    tone(1320, 0.12, 0.16, "sine");
  } else {
    tone(196, 0, 0.35, "square");
    tone(147, 0.4, 0.45, "square");
  }
}

// The answer on the screen

let closing = 0;

function isHeld() {
  return !comparison.hidden || (!panel.hidden && panel.dataset.admitted === "false");
}

function show(answer) {
  clearTimeout(closing);
  panel.dataset.admitted = String(answer.admitted);
  panel.dataset.result = answer.result;
  panel.className = `gate-result ${answer.look}`;
  for (const shape of panel.querySelectorAll("[data-look]")) shape.hidden = shape.dataset.look !== answer.look;
  document.getElementById("result-verdict").textContent = answer.verdict;
  document.getElementById("result-headline").textContent = answer.headline;
  document.getElementById("result-name").textContent = answer.masked_name;
  document.getElementById("result-advice").textContent = answer.advice;
  document.getElementById("result-repeat").hidden = !answer.repeat;
  const next = document.getElementById("result-next");
  next.hidden = !answer.next;
  next.href = answer.next ?? "";
  panel.hidden = false;
  // A scanner types and presses Enter: that must not wipe a refusal away.
  field.readOnly = !answer.admitted;
  signal(answer.admitted);
  if (!answer.repeat) remember(answer);
  if (answer.admitted) closing = setTimeout(close, ADMITTED_SHOWN_MS);
}

function close() {
  clearTimeout(closing);
  panel.hidden = true;
  field.readOnly = false;
}

function remember(answer) {
  const list = document.getElementById("recent");
  const row = document.querySelector(`[data-row="${answer.look}"]`).content.firstElementChild.cloneNode(true);
  const time = row.querySelector("time");
  time.dateTime = answer.scanned_at;
  time.textContent = clock.format(new Date(answer.scanned_at));
  row.querySelector("[data-name]").textContent = answer.masked_name || "—";
  row.querySelector("[data-headline]").textContent = answer.headline;
  list.prepend(row);
  while (list.children.length > 10) list.lastElementChild.remove();
  document.getElementById("recent-none").hidden = true;
}

panel.addEventListener("click", close);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !panel.hidden) close();
});

// A paper proves nothing about who holds it: the guard compares first, and the scan is decided by what they press.

let compared = null;

function compare(scan, shown) {
  compared = scan;
  document.getElementById("compare-name").textContent = shown.masked_name;
  document.getElementById("compare-kind").textContent = shown.kind;
  document.getElementById("compare-four").textContent = shown.last_four;
  for (const one of comparison.querySelectorAll("[data-document]")) one.hidden = (one.dataset.document === "known") !== Boolean(shown.kind);
  comparison.hidden = false;
  field.readOnly = true;
  comparison.focus();
}

comparison.addEventListener("click", (event) => {
  const pressed = event.target.closest("[data-holder]");
  if (!pressed) return;
  comparison.hidden = true;
  field.readOnly = false;
  // The paper is still in view: that is no new scan.
  lastSeenAt = performance.now();
  // Without the document nothing is decided.
  if (pressed.dataset.holder) decide({ ...compared, lane: "paper", is_holder: pressed.dataset.holder === "yes" });
});

// Asking the server

let isAsking = false;

function draw() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Returns the answer; null when there was none, so that the same scan is sent again.
async function ask(scan) {
  const options = {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": csrf },
    body: JSON.stringify({ ...scan, sent_at: new Date().toISOString() }),
    cache: "no-store",
    redirect: "manual",
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  };
  try {
    const response = await fetch(root.dataset.scan, options);
    if (response.type === "opaqueredirect") return { notice: "signed-out" };
    if (response.status >= 500) return null;
    const isJson = (response.headers.get("Content-Type") ?? "").startsWith("application/json");
    if (!isJson) return { notice: "too-old" };
    const answer = await response.json();
    return response.ok ? { answer } : { message: answer.message };
  } catch {
    return null;
  }
}

function check(token) {
  if (isAsking || isHeld()) return;
  // Drawn once: however often it is sent, it is one scan.
  decide({ lane: "token", token, nonce: draw(), scanned_at: new Date().toISOString() });
}

async function decide(scan) {
  isAsking = true;
  problem("");
  notice("lost", false);
  const slow = setTimeout(() => notice("asking", true), SLOW_MS);
  const until = performance.now() + RETRY_FOR_MS;
  let outcome = await ask(scan);
  clearTimeout(slow);
  notice("asking", false);
  while (!outcome && performance.now() < until) {
    notice("waiting", true);
    await pause(RETRY_EVERY_MS);
    outcome = await ask(scan);
  }
  notice("waiting", false);
  isAsking = false;
  if (outcome) found();
  if (outcome?.answer) {
    if (outcome.answer.compare) compare(scan, outcome.answer.compare);
    else show(outcome.answer);
    return;
  }
  signal(false);
  if (!outcome) {
    notice("lost", true);
    gone();
  } else if (outcome.notice) notice(outcome.notice, true);
  else problem(outcome.message);
}

let lastText = "";
let lastSeenAt = -SAME_CODE_MS;

function seen(texts) {
  if (!texts.length || isAsking || isHeld()) return;
  const text = texts.find((one) => CODE_LENGTHS.has(one.length)) ?? texts[0];
  const isSame = text === lastText && performance.now() - lastSeenAt < SAME_CODE_MS;
  lastText = text;
  lastSeenAt = performance.now();
  if (!isSame) check(text.slice(0, 500));
}

// Scanner gun: a keyboard that types the code and presses Enter. Nothing is stripped: a space is part of a code.

typed.hidden = false;
typed.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = field.value;
  if (field.readOnly || !text) return;
  field.value = "";
  check(text);
});
const isTouch = matchMedia("(pointer: coarse)").matches;
// Focused for the scanner without opening the screen's keyboard; a touch on the field opens it.
if (isTouch) {
  field.inputMode = "none";
  field.addEventListener("pointerdown", () => { field.inputMode = "text"; });
  field.addEventListener("blur", () => { field.inputMode = "none"; });
}
document.addEventListener("keydown", (event) => {
  const isTyping = document.activeElement.matches("input, select, textarea");
  // No code begins with a space: that presses the button that is in focus.
  const isText = event.key.length === 1 && event.key !== " ";
  if (!isTyping && isText && !event.ctrlKey && !event.metaKey && !event.altKey) field.focus();
});

// Camera

const canvas = document.createElement("canvas");
const paper = canvas.getContext("2d", { willReadFrequently: true });
let lastFrame = -1;
let lastLightAt = 0;

function picture() {
  const scale = Math.min(1, WIDEST / video.videoWidth);
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  paper.drawImage(video, 0, 0, canvas.width, canvas.height);
  return paper.getImageData(0, 0, canvas.width, canvas.height);
}

function isDark(image) {
  let sum = 0;
  let count = 0;
  for (let at = 0; at < image.data.length; at += 4 * 61) {
    sum += image.data[at] + image.data[at + 1] + image.data[at + 2];
    count += 3;
  }
  return sum / count < DARK;
}

async function nativeReader() {
  if (!("BarcodeDetector" in window)) return null;
  if (!(await BarcodeDetector.getSupportedFormats()).includes("qr_code")) return null;
  const detector = new BarcodeDetector({ formats: ["qr_code"] });
  return async () => (await detector.detect(canvas)).map((one) => one.rawValue);
}

async function workerReader() {
  const worker = new Worker(root.dataset.worker);
  const send = (message, transfer = []) => new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data));
    worker.onerror = () => reject(new Error("the worker does not start"));
    worker.postMessage(message, transfer);
  });
  const address = (path) => new URL(path, location.href).href;
  await send({ library: address(root.dataset.library), wasm: address(root.dataset.wasm) });
  return async (image) => {
    const { data, width, height } = image;
    return (await send({ pixels: data.buffer, width, height }, [data.buffer])).texts;
  };
}

async function look(read) {
  if (video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && video.currentTime !== lastFrame) {
    lastFrame = video.currentTime;
    const image = picture();
    if (!isDark(image)) {
      lastLightAt = performance.now();
      if (!isAsking && !isHeld()) seen(await read(image));
    }
  }
  notice("dark", performance.now() - lastLightAt > PATIENCE_MS);
}

async function watch(read) {
  for (;;) {
    try {
      await look(read);
    } catch (error) {
      // One picture that cannot be read is no reason to stop looking.
      console.warn(error);
      await pause(PATIENCE_MS / 5);
    }
    await pause(LOOK_EVERY_MS);
  }
}

async function openCamera() {
  const wanted = { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 720 } };
  const stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
  // A camera that was unplugged or taken away comes back by itself when it can.
  stream.getVideoTracks()[0].addEventListener("ended", () => keepCamera());
  video.srcObject = stream;
  await video.play();
}

// A camera that was refused is asked for by the guard alone: a browser may put its question anew each time.
let press = () => {};
document.getElementById("camera-retry").addEventListener("click", () => press());

function pressed() {
  return new Promise((resolve) => { press = resolve; });
}

async function keepCamera() {
  for (;;) {
    try {
      await openCamera();
      showCamera("");
      return;
    } catch (error) {
      const isRefused = error.name === "NotAllowedError";
      showCamera(isRefused ? "refused" : "missing");
      await (isRefused ? pressed() : Promise.race([pressed(), pause(PATIENCE_MS)]));
    }
  }
}

function showCamera(fault) {
  notice("no-camera", Boolean(fault));
  video.hidden = Boolean(fault);
  document.getElementById("aim").hidden = Boolean(fault);
  for (const one of document.querySelectorAll("[data-fault]")) one.hidden = one.dataset.fault !== fault;
  if (!fault) lastLightAt = performance.now();
}

async function stayAwake() {
  try {
    await navigator.wakeLock?.request("screen");
  } catch {
    // Battery saving may forbid it; the gate works without.
  }
}

async function start() {
  document.getElementById("start").hidden = true;
  sound = new AudioContext();
  sound.resume();
  field.focus();
  stayAwake();
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) stayAwake();
  });
  await keepCamera();
  try {
    const native = await nativeReader().catch(() => null);
    const read = native ?? (await workerReader());
    root.dataset.reader = native ? "native" : "worker";
    watch(read);
  } catch (error) {
    console.warn(error);
    notice("no-reader", true);
  }
}

document.querySelector(".gate-camera").hidden = false;
document.getElementById("start").hidden = false;
if (!navigator.onLine) gone();
document.getElementById("start-button").addEventListener("click", start);
