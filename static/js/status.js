// The system page: takes each second's picture from the live stream and puts its figures in place of the old ones.
// All words stand in the page; this only fills in figures and shows or hides what applies.

const root = document.getElementById("system");
const limit = Number(root.dataset.limit);
const language = document.documentElement.lang;
// Longer without a picture than this, the connection counts as lost even when the browser has not noticed.
const PATIENCE_MS = 5000;

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
  if (picture.block) {
    root.querySelector('[data-block="number"]').textContent = picture.block.number;
    root.querySelector('[data-block="sealed_at"]').textContent = clock.format(new Date(picture.block.sealed_at));
  }
}

let lastPictureAt = performance.now();
const stream = new EventSource(root.dataset.stream);
stream.addEventListener("message", (message) => {
  lastPictureAt = performance.now();
  show(JSON.parse(message.data));
  showChannel("live");
});
// The browser tries again by itself unless the stream refused, as it does with a ticket that has run out.
const showTrouble = () => showChannel(stream.readyState === EventSource.CLOSED ? "closed" : "lost");
stream.addEventListener("error", showTrouble);
setInterval(() => {
  if (performance.now() - lastPictureAt > PATIENCE_MS) showTrouble();
}, 1000);
