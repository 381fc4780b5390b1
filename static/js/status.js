// The system page: takes each second's picture from the live stream and puts its figures in place of the old ones.
// All words stand in the page; this only fills in figures and shows or hides what applies.

const root = document.getElementById("system");
const limit = Number(root.dataset.limit);
const language = document.documentElement.lang;
// Longer without a picture than this, the connection counts as lost even when the browser has not noticed.
const PATIENCE_MS = 5000;
const RECONNECT_MS = 2000;

const seconds = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1, useGrouping: false });
const clock = new Intl.DateTimeFormat("sv-SE", {
  timeZone: "Asia/Shanghai", dateStyle: "short", timeStyle: "medium",
});

function showChannel(state) {
  for (const words of root.querySelectorAll("[data-channel]")) {
    // Set only on a change: the line is read aloud by screen readers.
    const hidden = words.dataset.channel !== state;
    if (words.hidden !== hidden) words.hidden = hidden;
  }
}

function showProcesses(ages) {
  for (const row of root.querySelectorAll("[data-process]")) {
    const age = ages[row.dataset.process] ?? null;
    row.classList.toggle("is-silent", age === null || age > limit);
    row.querySelector("[data-age]").textContent = age === null ? root.dataset.never : seconds.format(age);
  }
}

function show(picture) {
  const at = root.querySelector(".as-of time");
  at.textContent = clock.format(new Date(picture.at));
  at.dateTime = picture.at;
  showProcesses(picture.processes);
  for (const figure of root.querySelectorAll("[data-outbox]")) {
    figure.textContent = picture.outbox[figure.dataset.outbox];
  }
  const since = picture.outbox.unknown_since;
  root.querySelector("[data-unknown-since]").textContent = since ? clock.format(new Date(since)) : "—";
  if (picture.block) {
    root.querySelector('[data-block="number"]').textContent = picture.block.number;
    root.querySelector('[data-block="sealed_at"]').textContent = clock.format(new Date(picture.block.sealed_at));
  }
}

let stream = null;
let lastPictureAt = 0;

// Every connection needs a fresh address: its ticket lives for a minute, and so is no use to whoever reads it in a log.
async function connect() {
  let url;
  try {
    const answer = await fetch(root.dataset.ticket, { cache: "no-store", redirect: "manual" });
    if (answer.type === "opaqueredirect" || answer.status === 403) {
      // Signed out, or not in the role any more: trying again would change nothing.
      showChannel("closed");
      return;
    }
    ({ url } = await answer.json());
  } catch {
    lose();
    return;
  }
  lastPictureAt = performance.now();
  stream = new EventSource(url);
  stream.addEventListener("message", (message) => {
    lastPictureAt = performance.now();
    show(JSON.parse(message.data));
    showChannel("live");
  });
  stream.addEventListener("error", lose);
}

function lose() {
  stream?.close();
  stream = null;
  showChannel("lost");
  setTimeout(connect, RECONNECT_MS);
}

setInterval(() => {
  if (stream && performance.now() - lastPictureAt > PATIENCE_MS) lose();
}, 1000);
connect();
