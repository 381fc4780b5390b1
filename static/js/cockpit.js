// The cockpit: takes each picture from the live stream, puts its figures in place of the old ones and renews the links
// to their rows. All words stand in the page.

import { cockpitMap, countCases, within } from "./cockpit_map.js";
import { choose, clock, listen } from "./stream.js";

const root = document.getElementById("cockpit");
const words = JSON.parse(document.getElementById("words").textContent);
const silentAfter = Number(root.dataset.silentAfter);
const number = new Intl.NumberFormat("en");
const signed = new Intl.NumberFormat("en", { signDisplay: "always" });
const NO_DATA = "–";
const MINUTE_MS = 60_000;
// Older than this, figures are marked as old, whatever the connection says.
const OLD_MS = 3000;

let picture = JSON.parse(document.getElementById("picture").textContent);
let shownAt = performance.now();
let gridsShown = "";

const fill = (pattern, values) => pattern.replace(/\{(\w)\}/g, (_match, name) => values[name]);

function write(element, text) {
  // An element that is left alone keeps the reader's selection and place.
  if (element.textContent !== text) element.textContent = text;
}

function dueInWords(dueAt) {
  const left = new Date(dueAt) - new Date(picture.at);
  const minutes = Math.floor(Math.abs(left) / MINUTE_MS);
  const [hours, days] = [Math.floor(minutes / 60), Math.floor(minutes / 1440)];
  const time = fill(words[days ? "days" : hours ? "hours" : "minutes"], { m: minutes % 60, h: hours % 24, d: days });
  return (left < 0 ? words.late : words.left).replace("{time}", time);
}

function showFigures() {
  for (const link of root.querySelectorAll("[data-figure]")) {
    const count = picture.figures[link.dataset.figure];
    write(link.querySelector(".value"), count === null ? NO_DATA : number.format(count));
    // What is nought does not alarm.
    link.classList.toggle("is-zero", count === 0);
  }
  for (const element of root.querySelectorAll("[data-more]")) {
    const count = picture.figures[element.dataset.more];
    write(element, count === null ? NO_DATA : count === 0 ? "±0" : signed.format(count).replace("-", "−"));
    const line = element.closest("[data-compared]");
    if (line) line.hidden = count === null;
  }
  root.querySelector("[data-mark=overdue]").hidden = !picture.figures.overdue;
}

function renewLinks() {
  for (const link of root.querySelectorAll("[data-rows]")) {
    if (picture.figures[link.dataset.figure] === null) {
      link.removeAttribute("href");
      continue;
    }
    const span = link.dataset.span ? `${picture.links[link.dataset.span]}&` : "";
    link.setAttribute("href", `${link.dataset.rows}${span}${picture.links.as_of}`);
  }
}

// Puts the rows in place of those shown: what stays is kept, so that it keeps the focus. While somebody points at the
// list or has the focus in it, it keeps its order and does not jump away under the hand.
function showRows(list, kind, rows, fillIn) {
  const known = new Map([...list.children].map((element) => [element.dataset.key, element]));
  const focused = document.activeElement;
  const isHeld = list.matches(":hover") || list.contains(focused);
  const wanted = rows.map((row) => {
    const key = String(row.area && kind === "grid" ? row.area : row.ref);
    const element = known.get(key) ?? newRow(kind, row, key);
    for (const cell of element.querySelectorAll("[data-cell]")) write(cell, String(row[cell.dataset.cell]));
    fillIn(element, row);
    return element;
  });
  const places = new Map([...list.children].map((element, place) => [element, place]));
  if (isHeld) wanted.sort((one, other) => (places.get(one) ?? Infinity) - (places.get(other) ?? Infinity));
  for (const element of known.values()) {
    if (!wanted.includes(element)) element.remove();
  }
  wanted.forEach((element, place) => {
    if (list.children[place] !== element) list.insertBefore(element, list.children[place] ?? null);
  });
  // Moving an element takes the focus from it. What is gone hands it to its list.
  if (focused !== document.activeElement) {
    const heir = list.contains(focused) ? focused : list.closest("[tabindex]") ?? list.querySelector("a");
    heir?.focus({ preventScroll: true });
  }
}

function newRow(kind, row, key) {
  const copy = root.querySelector(`template[data-row=${kind}]`).content.firstElementChild.cloneNode(true);
  copy.dataset.key = key;
  for (const link of copy.querySelectorAll("[data-rows]")) {
    link.dataset.rows = link.dataset.rows.replace("area=&", `area=${row.area}&`).replace("ref=&", `ref=${row.ref}&`);
  }
  return copy;
}

function showLists() {
  const grids = within(picture.grids, root.dataset.within);
  const first = picture.first.map((row) => ({ ...row, kind: words.kinds[row.kind], due: dueInWords(row.due_at) }));
  showRows(root.querySelector("[data-grids]"), "grid", grids, (element, row) => {
    for (const cell of element.querySelectorAll("a[data-cell]")) cell.classList.toggle("is-zero", row[cell.dataset.cell] === 0);
  });
  showRows(root.querySelector("[data-first]"), "first", first, (element, row) => {
    element.querySelector(".due").classList.toggle("late", new Date(row.due_at) < new Date(picture.at));
  });
  root.querySelector("[data-calm]").hidden = grids.length > 0;
  root.querySelector("[data-rest]").hidden = grids.length === 0;
  root.querySelector("[data-none]").hidden = first.length > 0;
  for (const link of root.querySelectorAll("[data-part]")) {
    const cases = countCases(within(picture.grids, link.dataset.part));
    const element = link.querySelector("[data-cases]");
    write(element, String(cases));
    element.classList.toggle("is-zero", cases === 0);
  }
  const counted = JSON.stringify(grids);
  if (counted === gridsShown) return;
  gridsShown = counted;
  map.show(grids);
}

function showCurve() {
  const counts = picture.curve ?? [];
  const most = Math.max(1, ...counts);
  root.querySelectorAll("[data-curve] rect").forEach((bar, place) => {
    const height = Math.ceil((counts[place] ?? 0) * 100 / most);
    bar.setAttribute("y", 100 - height);
    bar.setAttribute("height", height);
  });
  write(root.querySelector("[data-most]"), picture.curve ? number.format(Math.max(...counts)) : NO_DATA);
  write(root.querySelector("[data-curve-from]"), clock.format(new Date(picture.curve_from)).slice(-8, -3));
}

function showConsumer() {
  const silence = picture.consumer;
  const isSilent = silence === null || silence > silentAfter;
  choose(root.querySelectorAll("[data-consumer]"), "consumer", silence === null ? "never" : isSilent ? "silent" : "live");
  if (silence !== null) {
    const element = root.querySelector("[data-silence]");
    write(element, fill(element.dataset.silence, { n: Math.floor(silence) }));
  }
  for (const panel of root.querySelectorAll("[data-counted]")) panel.classList.toggle("is-old", isSilent);
}

function show(next) {
  picture = next;
  shownAt = performance.now();
  const at = root.querySelector("[data-at]");
  write(at, clock.format(new Date(picture.at)));
  at.dateTime = picture.at;
  showFigures();
  showLists();
  showCurve();
  showConsumer();
  renewLinks();
  tick();
}

// Ages are counted by this machine's own ticking, not by its clock, which may be wrong.
function tick() {
  const age = performance.now() - shownAt;
  const element = root.querySelector("[data-age]");
  write(element, `· ${fill(element.dataset.age, { n: Math.floor(age / 1000) })}`);
  root.classList.toggle("is-old", age > OLD_MS);
}

function tell(state) {
  if (state === "lost") {
    const element = root.querySelector("[data-lost]");
    write(element, element.dataset.lost.replace("{time}", clock.format(new Date(picture.at)).slice(-8)));
  }
  choose(root.querySelectorAll("[data-channel]"), "channel", state);
}

const map = cockpitMap(root, words);
map.show(within(picture.grids, root.dataset.within));
setInterval(tick, 500);
listen({ ticket: root.dataset.ticket, show, tell });
