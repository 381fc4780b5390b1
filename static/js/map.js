// The map page: draws the table beside it as a picture. Going into an area is following its link in the table.

import { drawMap } from "./map_chart.js";

const root = document.querySelector("[data-map]");
const box = root.querySelector("[data-box]");
const told = root.querySelector("[data-told]");

function write(text) {
  told.textContent = text;
}

function readTable() {
  return [...document.querySelectorAll("[data-area]")].map((row) => ({
    id: row.dataset.area,
    name: row.querySelector("[data-name]").textContent,
    count: row.dataset.count,
    step: Number(row.dataset.step),
    word: row.querySelector("[data-word]").textContent,
    href: row.querySelector("[data-name]").href,
  }));
}

// The fragment says that the picture had the focus, so that it has it again on the next page and on the way back.
function go(href) {
  location.assign(document.activeElement === box ? `${href}#${box.id}` : href);
}

function draw() {
  const areas = readTable();
  const up = document.querySelector("a[rel=up]");
  box.hidden = false;
  const map = drawMap(box, {
    borders: JSON.parse(document.getElementById("borders").textContent),
    cells: areas,
    targets: areas,
    label: (one, isWide) => (isWide ? `${one.name}\n${one.count}` : one.count),
    tell: (one) => `${one.name}\n${root.dataset.figure}: ${one.count} (${one.word})`,
    open: (one) => go(one.href),
    up: () => up && go(up.href),
    announce: write,
  });
  map.show(areas.map((one) => [one.id, one.step]));
  root.querySelector("[data-keys]").hidden = false;
  if (location.hash === `#${box.id}`) box.focus();
}

const loading = root.querySelector("[data-loading]");
loading.hidden = false;
try {
  draw();
} catch (fault) {
  box.hidden = true;
  root.querySelector("[data-failed]").hidden = false;
  throw fault;
} finally {
  loading.hidden = true;
}
