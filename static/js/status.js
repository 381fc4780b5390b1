// The system page: takes each second's picture from the live stream and puts its figures in place of the old ones.
// All words stand in the page; this only fills in figures and shows or hides what applies.

import { choose, clock, listen } from "./stream.js";

const root = document.getElementById("system");
const limit = Number(root.dataset.limit);
const language = document.documentElement.lang;

const seconds = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1, useGrouping: false });

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

listen({
  ticket: root.dataset.ticket,
  show,
  tell: (state) => choose(root.querySelectorAll("[data-channel]"), "channel", state),
});
