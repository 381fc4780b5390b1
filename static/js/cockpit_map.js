// The map of the cockpit: grids coloured by how many cases are open in them, streets drawn and named to find one's way by.

/* global echarts */

// As in the legend and in cockpit.css. With gte and lte: with gt and lt a value on a border would stay unpainted.
const STEPS = [
  { gte: 0, lte: 0, color: "#22383c" },
  { gte: 1, lte: 2, color: "#7a3b1d" },
  { gte: 3, lte: 5, color: "#b4581f" },
  { gte: 6, lte: 10, color: "#e88a3a" },
  { gte: 11, color: "#ffd9a8" },
];
const LINE = "#0c1517";
const STREET = "#8fb8bb";
const INK = "#eef5f5";
// A degree of longitude is drawn as long as one of latitude at 30° N would make it.
const ASPECT = 0.866;
const NARROW = 700;

// An alert and the order opened for it are one case; either may still be without the other.
const casesOf = (row) => Math.max(row.alerts, row.orders);

function middle(ring) {
  const corners = ring.slice(0, -1);
  return [0, 1].map((axis) => corners.reduce((sum, corner) => sum + corner[axis], 0) / corners.length);
}

function optionsOf(shapes, words) {
  const grids = shapes.features.filter((one) => one.properties.level === "grid");
  const streets = shapes.features.filter((one) => one.properties.level === "street");
  echarts.registerMap("grids", { type: "FeatureCollection", features: grids });
  const names = new Map(grids.map((one) => [one.properties.id, one.properties.name]));
  return {
    animation: false,
    tooltip: {
      // HTML of its own would bring inline styles, which the page forbids.
      renderMode: "richText",
      backgroundColor: "#0c1517",
      borderColor: STREET,
      textStyle: { color: INK, fontSize: 15 },
      formatter: ({ name, data }) => [
        names.get(name),
        words.alerts.replace("{n}", data?.alerts ?? 0),
        words.orders.replace("{n}", data?.orders ?? 0),
        words.overdue.replace("{n}", data?.overdue ?? 0),
      ].join("\n"),
    },
    visualMap: { type: "piecewise", show: false, pieces: STEPS, seriesIndex: 0 },
    geo: {
      map: "grids", nameProperty: "id", aspectScale: ASPECT, preserveAspect: "contain", left: 4, right: 4, top: 4, bottom: 4,
      roam: window.innerWidth >= NARROW, scaleLimit: { min: 1, max: 12 },
      itemStyle: { areaColor: STEPS[0].color, borderColor: LINE, borderWidth: 0.8 },
      emphasis: { label: { show: false }, itemStyle: { areaColor: "inherit", borderColor: INK, borderWidth: 2.5 } },
    },
    series: [
      { type: "map", map: "grids", geoIndex: 0, nameProperty: "id", data: [] },
      {
        type: "lines", coordinateSystem: "geo", polyline: true, silent: true,
        lineStyle: { color: STREET, width: 1.6, opacity: 1 },
        data: streets.map((one) => ({ coords: one.geometry.coordinates[0] })),
      },
      {
        type: "scatter", coordinateSystem: "geo", silent: true, symbolSize: 0.1,
        label: { show: true, formatter: "{b}", color: INK, fontSize: 15, fontWeight: 600, textBorderColor: LINE, textBorderWidth: 3 },
        data: streets.map((one) => ({ name: one.properties.name, value: middle(one.geometry.coordinates[0]) })),
      },
    ],
  };
}

// Returns an object whose `show` takes the open counts of areas; `open` is called with the area that was chosen.
export function drawMap(root, open, words) {
  const box = root.querySelector("#map");
  let chart = null;
  let latest = [];

  function show(rows) {
    latest = rows;
    const data = new Map(rows.map((row) => [String(row.area), row]));
    chart?.setOption({
      series: [{ data: [...data].map(([name, row]) => ({ ...row, name, value: casesOf(row) })) }],
    });
  }

  async function begin() {
    const answer = await fetch(root.dataset.shapes);
    if (!answer.ok) return;
    const shapes = await answer.json();
    root.querySelector("[data-schematic]").hidden = !shapes.is_schematic;
    if (!shapes.features.some((one) => one.properties.level === "grid")) return;
    chart = echarts.init(box);
    chart.setOption(optionsOf(shapes, words));
    chart.on("click", ({ name }) => open(name));
    show(latest);
    new ResizeObserver(() => chart.resize()).observe(box);
  }

  begin();
  return { show };
}
