// A map by ECharts: areas coloured and patterned by how much there is in them, and areas that can be chosen by mouse,
// touch and keyboard. Colours stand in map.css; all words are the page's.

/* global echarts */

// A degree of longitude is drawn as long as one of latitude at 30° N would make it.
const ASPECT = 0.866;
const NARROW = 520;
const STEPS = [0, 1, 2, 3, 4];
// Denser from step to step, as the swatches in map.css.
const PATTERNS = [
  null,
  { symbol: "circle", symbolSize: 0.4, dashArrayX: [[8, 8], [0, 8, 8, 0]], dashArrayY: [4, 0] },
  { symbol: "rect", symbolSize: 1, dashArrayX: [1, 0], dashArrayY: [2, 7], rotation: -Math.PI / 4 },
  { symbol: "rect", symbolSize: 1, dashArrayX: [1, 0], dashArrayY: [2, 4], rotation: Math.PI / 4 },
  { symbol: "rect", symbolSize: 1, dashArrayX: [5, 3], dashArrayY: [5, 3], rotation: Math.PI / 4 },
];
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

function middle(border) {
  const ring = border.type === "MultiPolygon" ? border.coordinates[0][0] : border.coordinates[0];
  const corners = ring.slice(0, -1);
  return [0, 1].map((axis) => corners.reduce((sum, corner) => sum + corner[axis], 0) / corners.length);
}

// The nearest area in the direction of an arrow; what lies aside counts double.
function towards(key, from, targets) {
  const [right, up] = ARROWS[key];
  let [best, least] = [null, Infinity];
  for (const one of targets) {
    const [x, y] = [(one.at[0] - from.at[0]) * ASPECT, one.at[1] - from.at[1]];
    const [along, aside] = right ? [x * right, Math.abs(y)] : [y * up, Math.abs(x)];
    const far = along + 2 * aside;
    if (along > 1e-9 && far < least) [best, least] = [one, far];
  }
  return best;
}

function optionsOf(cells, targets, { colour, type, label, tell, isWide }) {
  const names = new Map(targets.map((one) => [one.id, one]));
  const own = new Set(cells.map((one) => one.id));
  const line = { borderColor: colour("line"), borderWidth: 1 };
  const outline = { areaColor: "rgba(0,0,0,0)", borderColor: colour("outline"), borderWidth: 2 };
  return {
    animation: false,
    tooltip: {
      // HTML of its own would bring inline styles, which the page forbids.
      renderMode: "richText", confine: true,
      backgroundColor: colour("ground"), borderColor: colour("outline"), padding: 10,
      textStyle: { color: colour("ink"), fontSize: type * 0.95 },
      formatter: ({ name }) => (names.has(name) ? tell(names.get(name)) : ""),
    },
    visualMap: {
      type: "piecewise", show: false, seriesIndex: 0,
      // With gte and lte: with gt and lt a value on a border would stay unpainted.
      pieces: STEPS.map((step) => ({ gte: step, lte: step, color: colour(step) })),
    },
    geo: {
      map: "areas", nameProperty: "id", aspectScale: ASPECT, preserveAspect: "contain", left: 6, right: 6, top: 6, bottom: 6,
      itemStyle: { areaColor: colour(0), ...line },
      emphasis: { label: { show: false }, itemStyle: { areaColor: "inherit", borderColor: colour("chosen"), borderWidth: 4 } },
      regions: targets.filter((one) => !own.has(one.id)).map((one) => ({
        name: one.id, itemStyle: outline,
        emphasis: { itemStyle: { areaColor: "rgba(0,0,0,0)", borderColor: colour("chosen"), borderWidth: 4 } },
      })),
    },
    series: [
      { type: "map", map: "areas", geoIndex: 0, nameProperty: "id", data: [] },
      {
        type: "scatter", coordinateSystem: "geo", silent: true, symbolSize: 0.1, itemStyle: { opacity: 1 },
        labelLayout: { hideOverlap: true },
        label: {
          show: true, formatter: ({ data }) => label(data.target, isWide), color: colour("ink"), fontWeight: 600,
          fontSize: type * (isWide ? 0.9 : 0.8), lineHeight: type * 1.2,
          // Read on any pattern.
          backgroundColor: colour("ground"), padding: [2, 5], borderRadius: 3,
        },
        data: targets.map((one) => ({ target: one, value: one.at })),
      },
    ],
  };
}

// Moves the keyboard's choice over the map. `light` shows and tells the chosen one, null for none.
function followKeys(box, targets, { light, open, up }) {
  let chosen = null;
  const choose = (one) => {
    chosen = one;
    light(one);
  };
  box.addEventListener("focus", () => choose(chosen ?? targets[0]));
  box.addEventListener("blur", () => light(null));
  box.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key in ARROWS) choose(towards(event.key, chosen, targets) ?? chosen);
    else if (event.key === "Home") choose(targets[0]);
    else if (event.key === "End") choose(targets.at(-1));
    else if (event.key === "Enter" || event.key === " ") open(chosen);
    else if (event.key === "Escape" || event.key === "Backspace") up();
    else return;
    event.preventDefault();
  });
}

// Draws the borders (id → GeoJSON) of `cells` and `targets` ({id, …}) into a box that can have the focus; `label` and
// `tell` say in words what stands on a target and what is told of it, `open` and `up` go there. `announce` takes what
// the keyboard has come to. Returns an object whose `show` takes the step of each cell: [id, 0 to 4].
export function drawMap(box, { borders, cells, targets, label, tell, open, up, announce }) {
  const style = getComputedStyle(box);
  const colour = (name) => style.getPropertyValue(`--map-${name}`).trim();
  const placed = targets.filter((one) => borders[one.id]).map((one) => ({ ...one, at: middle(borders[one.id]) }));
  const drawn = cells.filter((one) => borders[one.id]);
  const features = [...new Set([...drawn, ...placed].map((one) => one.id))].map((id) => (
    { type: "Feature", geometry: borders[id], properties: { id } }
  ));
  const patterns = PATTERNS.map((pattern, step) => pattern && { color: colour(`mark-${step}`), ...pattern });
  echarts.registerMap("areas", { type: "FeatureCollection", features });
  const chart = echarts.init(box);
  let shown = [];
  let isWide = null;

  function show(steps) {
    shown = steps;
    chart.setOption({ series: [
      { data: steps.map(([name, value]) => ({ name, value, itemStyle: { decal: patterns[value] } })) },
      { data: placed.map((one) => ({ target: one, value: one.at })) },
    ] });
  }

  function fit() {
    chart.resize();
    if (isWide === box.clientWidth >= NARROW) return;
    isWide = box.clientWidth >= NARROW;
    chart.setOption(optionsOf(drawn, placed, { colour, type: parseFloat(style.fontSize), label, tell, isWide }), true);
    show(shown);
  }

  fit();
  new ResizeObserver(fit).observe(box);
  const byId = new Map(placed.map((one) => [one.id, one]));
  chart.on("click", ({ name }) => byId.has(name) && open(byId.get(name)));
  let lit = null;
  const light = (one) => {
    if (lit) chart.dispatchAction({ type: "downplay", geoIndex: 0, name: lit.id });
    lit = one;
    if (one) chart.dispatchAction({ type: "highlight", geoIndex: 0, name: one.id });
    announce(one ? tell(one).replaceAll("\n", " · ") : "");
  };
  followKeys(box, placed, { light, open, up });
  return { show };
}
