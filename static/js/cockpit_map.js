// The map of the cockpit: grids coloured by how many cases are open in them; the parts of the area shown can be gone into.

import { drawMap } from "./map_chart.js";

// The highest figures of the steps, as in the legend; above the last one there is no end.
const HIGHEST = [0, 2, 5, 10];

// An alert and the order opened for it are one case; either may still be without the other.
const casesOf = (row) => Math.max(row.alerts, row.orders);

export const within = (rows, area) => rows.filter((row) => !area || row.path.includes(`/${area}/`));
export const countCases = (rows) => rows.reduce((sum, row) => sum + casesOf(row), 0);

function stepOf(count) {
  const step = HIGHEST.findIndex((highest) => count <= highest);
  return step < 0 ? HIGHEST.length : step;
}

function tellOf(rows, words) {
  const sum = (name) => rows.reduce((total, row) => total + row[name], 0);
  return ["overdue", "orders", "alerts"].map((name) => words[name].replace("{n}", sum(name)));
}

// Returns an object whose `show` takes the open counts of areas.
export function cockpitMap(root, words) {
  const box = root.querySelector("[data-map]");
  const told = root.querySelector("[data-told]");
  const links = new Map([...root.querySelectorAll("[data-part]")].map((link) => [link.dataset.part, link]));
  let map = null;
  let cells = [];
  let rows = [];

  function show(latest) {
    rows = latest;
    const counts = new Map(rows.map((row) => [String(row.area), casesOf(row)]));
    map?.show(cells.map((one) => [one.id, stepOf(counts.get(one.id) ?? 0)]));
  }

  // The fragment says that the map had the focus, so that it has it again on the next page and on the way back.
  function go(link) {
    if (link) location.assign(document.activeElement === box ? `${link.href}#${box.id}` : link.href);
  }

  async function begin() {
    const answer = await fetch(root.dataset.shapes);
    if (!answer.ok) throw new Error(`shapes: ${answer.status}`);
    const shapes = await answer.json();
    root.querySelector("[data-schematic]").hidden = !shapes.is_schematic;
    const areas = shapes.features.map(({ geometry, properties }) => ({ ...properties, geometry }));
    cells = areas.filter((one) => one.level === "grid");
    const targets = areas.filter((one) => (links.size ? one.is_part : true));
    if (!targets.length) {
      root.querySelector("[data-borderless]").hidden = false;
      return;
    }
    box.hidden = false;
    map = drawMap(box, {
      borders: Object.fromEntries(areas.map((one) => [one.id, one.geometry])),
      cells,
      targets,
      label: (one) => `${one.name}\n${countCases(within(rows, one.id))}`,
      tell: (one) => [one.name, ...tellOf(within(rows, one.id), words)].join("\n"),
      open: (one) => go(links.get(one.id)),
      up: () => go(root.querySelector("a[rel=up]")),
      announce: (text) => { told.textContent = text; },
    });
    show(rows);
    if (location.hash === `#${box.id}` && document.activeElement === document.body) box.focus();
  }

  begin().catch((fault) => {
    box.hidden = true;
    root.querySelector("[data-failed]").hidden = false;
    throw fault;
  });
  return { show };
}
