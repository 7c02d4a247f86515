// The page itself: it draws what data.js makes of its data, and follows the pointer and the address.

const state = { by: "process", filter: "", at: "peak", from: null, to: null };
const element = (id) => document.getElementById(id);
let page, charts, bands, drawn, view, unit;

async function unpacked(id) {
  const bytes = Uint8Array.from(atob(element(id).textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

async function start() {
  const [library, ...data] = await Promise.all(["library", "view", "charts"].map(unpacked));
  const script = document.createElement("script");
  script.textContent = library;
  document.head.append(script);
  const [settings, raw] = data.map((text) => JSON.parse(text));
  page = settings;
  charts = raw.map(decoded);
  readAddress();
  makeControls();
  draw();
  addEventListener("hashchange", () => { readAddress(); draw(); });
  addEventListener("resize", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

// What is shown stands in the address, so that a link leads to it.

function readAddress() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  const time = (name) => (Number.isFinite(parseFloat(wanted.get(name))) ? 1000 * parseFloat(wanted.get(name)) : null);
  state.by = modes().includes(wanted.get("by")) ? wanted.get("by") : usual();
  state.filter = wanted.get("filter") || "";
  state.at = time("at") === null ? "peak" : time("at");
  [state.from, state.to] = inside(time("from"), time("to"));
}

function writeAddress() {
  const shown = new URLSearchParams({ at: state.at === "peak" ? "peak" : (state.at / 1000).toFixed(3) });
  if (state.by !== usual()) shown.set("by", state.by);
  if (state.filter) shown.set("filter", state.filter);
  if (isZoomed()) {
    shown.set("from", (state.from / 1000).toFixed(3));
    shown.set("to", (state.to / 1000).toFixed(3));
  }
  history.replaceState(null, "", `#${shown}`);
}

function modes() {
  if (page.overlay) return ["recording"];
  return ["process", "program", "kind", ...(charts[0].sources.length > 1 ? ["recording"] : [])];
}

const usual = () => (page.overlay ? "recording" : charts[0].by);
const start_ms = () => Math.min(...charts.map((chart) => chart.ms[0]));
const end_ms = () => Math.max(...charts.map((chart) => chart.end), start_ms() + 1);
const isZoomed = () => state.from > start_ms() || state.to < end_ms();
const highest = () => charts.reduce((a, b) => (b.pss[b.peak] > a.pss[a.peak] ? b : a));
const chosen_ms = () => (state.at === "peak" ? highest().ms[highest().peak] : state.at);
const chosenOf = (chart) => (state.at === "peak" ? chart.peak : instantAt(chart, state.at));

/** Return a window that lies in the whole, and is not shorter than a twentieth of a second. */
function inside(from, to) {
  const [first, last] = [start_ms(), end_ms()];
  if (from === null || to === null || to <= from) return [first, last];
  const length = Math.min(Math.max(to - from, 50), last - first);
  const left = Math.min(Math.max(from, first), last - length);
  return [left, left + length];
}

// Drawing.

async function draw() {
  const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
  const spec = structuredClone(isDark ? page.dark : page.light);
  unit = page.unit;
  bands = page.overlay ? overlaid() : bandsOf(charts[0], state.by, state.filter, page);
  fill(spec, bands.map((_, number) => fieldOf(number)));
  const host = document.createElement("div");
  element("chart").replaceChildren(host);
  const plain = { mode: "vega", ast: true, actions: false, defaultStyle: false, tooltip: false, hover: false };
  const made = await vegaEmbed(host, spec, plain);
  if (!host.isConnected) {
    made.finalize(); // Something else was asked for meanwhile.
    return;
  }
  if (drawn) drawn.finalize();
  drawn = made;
  view = made.view;
  move();
  follow(view);
  showBands();
  document.documentElement.dataset.ready = "yes";
}

function overlaid() {
  return charts.map((chart, at) => ({
    label: chart.title, colour: page.palette[at % page.palette.length][0], sizes: chart.pss,
  }));
}

function fill(spec, fields) {
  const named = (name) => spec.data.find((set) => set.name === name);
  if (page.overlay) {
    named("course").values = charts.flatMap((chart, at) => [...chart.ms, chart.end].map((t, i) => ({
      t, band: fields[at], total: chart.pss[Math.min(i, chart.pss.length - 1)] / unit,
    })));
  } else {
    named("course").values = wideRows(charts[0], bands, unit, !state.filter && state.by !== "kind");
    for (const set of spec.data) {
      for (const step of set.transform || []) if (step.type === "fold") step.fields = fields;
    }
  }
  spec.width = plotWidth();
  const signals = { from: state.from, to: state.to, top: top_bytes() / unit };
  for (const one of spec.signals) if (one.name in signals) one.value = signals[one.name];
  const colour = spec.scales.find((scale) => scale.name === "color");
  colour.domain = fields;
  colour.range = bands.map((band) => band.colour);
}

function plotWidth() {
  return Math.max(200, element("plot").clientWidth - page.margin);
}

/** Show the window: the largest size in it takes the whole height. */
function move() {
  view.signal("from", state.from).signal("to", state.to).signal("top", top_bytes() / unit).run();
  element("whole").disabled = !isZoomed();
  showChosen();
  writeAddress();
}

function top_bytes() {
  return 1.04 * Math.max(...(isZoomed() ? [] : page.tops), ...charts.map(topOf), 4096);
}

function topOf(chart) {
  const [first, last] = [instantAt(chart, state.from), instantAt(chart, state.to)];
  const withBounds = !page.overlay && !state.filter && state.by !== "kind";
  let top = 0;
  for (let at = first; at <= last; at += 1) {
    const sum = page.overlay ? chart.pss[at] : bands.reduce((total, band) => total + band.sizes[at], 0);
    const most = withBounds ? Math.min(chart.high[at], 2 * chart.pss[chart.peak]) : 0;
    top = Math.max(top, sum, most);
  }
  return top;
}

function xOf(ms) {
  return view.origin()[0] + view.scale("x")(ms);
}

function place(line, ms) {
  const [, top] = view.origin();
  line.hidden = ms < state.from || ms > state.to;
  line.style.left = `${xOf(ms)}px`;
  line.style.top = `${top}px`;
  line.style.height = `${view.height()}px`;
}

function showChosen() {
  place(element("chosen"), chosen_ms());
  element("trees").replaceChildren(...charts.flatMap((chart, at) => treeAt(chart, chosenOf(chart), at)));
}

function made(tag, text, attributes = {}) {
  const one = Object.assign(document.createElement(tag), attributes);
  if (text !== undefined) one.textContent = text;
  return one;
}

function swatch(colour) {
  const one = made("span", "", { className: "swatch" });
  one.style.background = colour || "transparent";
  return one;
}

function treeAt(chart, at, number) {
  const rows = chart.instants[at];
  const peak = at === chart.peak ? ", the peak" : "";
  const where = page.overlay ? `${chart.title}: ` : "";
  const count = rows.length === 1 ? "1 process" : `${rows.length} processes`;
  const heading = made("h2", `${where}${sizeText(chart.pss[at])} at ${timeText(chart.ms[at])}${peak}, ${count}`);
  heading.dataset.bytes = chart.pss[at];
  if (page.overlay) heading.prepend(swatch(bands[number].colour));
  const table = made("table");
  table.append(made("thead"), made("tbody"));
  const names = ["process", "PID", "PSS", "anonymous", "file", "shared"];
  if (chart.sources.length > 1) names.splice(1, 0, "recording");
  table.tHead.append(made("tr"));
  table.tHead.rows[0].append(...names.map((name) => made("th", name)));
  const colours = new Map(page.overlay ? [] : bands.map((band) => [band.key, band.colour]));
  for (const row of rows) table.tBodies[0].append(lineOf(chart, row, colours));
  return [heading, table];
}

function lineOf(chart, row, colours) {
  const line = made("tr", undefined, { className: matches(row, state.filter) ? "" : "left-out" });
  const name = made("td");
  name.style.paddingLeft = `${14 * row.of.depth}px`;
  const group = page.overlay ? null : GROUPS[state.by];
  if (group) name.append(swatch(colours.get(group(row)) || page.rest));
  name.append(row.of.name);
  const known = row.of.status === "measured";
  const sizes = row.parts.slice(0, 3).map((size) => (known && row.hasParts ? sizeText(size) : known ? "?" : ""));
  const pss = known ? `${row.estimated ? "~" : ""}${sizeText(row.pss)}` : row.of.status;
  const source = chart.sources.length > 1 ? [chart.sources[row.of.source]] : [];
  line.append(name, ...[...source, row.of.pid, pss, ...sizes].map((text) => made("td", text)));
  return line;
}

function showBands() {
  element("bands").replaceChildren(...[...bands].reverse().map((band) => {
    const one = made("span");
    one.append(swatch(band.colour), band.label);
    return one;
  }));
}

// Controls and the pointer.

function makeControls() {
  element("controls").hidden = false;
  const labels = { process: "by process", program: "by program", kind: "by kind of memory", recording: "by recording" };
  const buttons = modes().map((by) => made("button", labels[by], { type: "button", value: by }));
  const press = () => buttons.forEach((one) => one.setAttribute("aria-pressed", one.value === state.by));
  for (const one of buttons) {
    one.addEventListener("click", () => { state.by = one.value; press(); draw(); });
  }
  press();
  addEventListener("hashchange", press);
  element("by").replaceChildren(...(buttons.length > 1 ? buttons : []));
  element("filter").hidden = page.overlay;
  element("filter").value = state.filter;
  element("filter").addEventListener("input", (event) => { state.filter = event.target.value; draw(); });
  element("to-peak").addEventListener("click", () => { state.at = "peak"; move(); });
  element("whole").addEventListener("click", () => zoom(null, null));
}

function zoom(from, to) {
  [state.from, state.to] = inside(from, to);
  move();
}

/** Follow the pointer over the canvas of a view. */
function follow(current) {
  const canvas = element("chart");
  const timeAt = (event) => current.scale("x").invert(event.clientX - canvas.getBoundingClientRect().left - current.origin()[0]);
  let held = null;
  canvas.onwheel = (event) => {
    event.preventDefault();
    const [at, factor] = [timeAt(event), Math.exp(event.deltaY * 0.002)];
    zoom(at - (at - state.from) * factor, at + (state.to - at) * factor);
  };
  canvas.onpointerdown = (event) => {
    held = { x: event.clientX, from: state.from, to: state.to, moved: false };
    canvas.setPointerCapture(event.pointerId);
  };
  canvas.onpointermove = (event) => {
    if (held && Math.abs(event.clientX - held.x) > 4) held.moved = true;
    if (held && held.moved) {
      const by = ((held.x - event.clientX) * (held.to - held.from)) / current.width();
      zoom(held.from + by, held.to + by);
    }
    showValue(event, timeAt(event));
  };
  canvas.onpointerup = (event) => {
    const clicked = held && !held.moved;
    held = null;
    if (clicked) choose(timeAt(event));
  };
  canvas.ondblclick = () => zoom(null, null);
  canvas.onpointerleave = () => (element("under").hidden = element("value").hidden = true);
}

/** Choose the instant at a time; next to the line of the peak, the peak. */
function choose(ms) {
  const near = (5 * (state.to - state.from)) / view.width();
  const peak = highest().ms[highest().peak];
  state.at = Math.abs(peak - ms) <= near ? "peak" : Math.min(Math.max(ms, state.from), state.to);
  move();
}

function showValue(event, ms) {
  const box = element("value");
  const outside = ms < state.from || ms > state.to;
  element("under").hidden = box.hidden = outside;
  if (outside) return;
  place(element("under"), ms);
  box.textContent = page.overlay ? valuesAt(ms) : valueAt(event, ms);
  const area = element("plot").getBoundingClientRect();
  const [x, y] = [event.clientX - area.left, event.clientY - area.top];
  box.style.left = `${x + 14 + box.offsetWidth > area.width ? x - 14 - box.offsetWidth : x + 14}px`;
  box.style.top = `${y + 14}px`;
}

function valuesAt(ms) {
  const lines = charts.map((chart) => `${sizeText(chart.pss[instantAt(chart, ms)])}  ${chart.title}`);
  return [timeText(ms), ...lines].join("\n");
}

function valueAt(event, ms) {
  const at = instantAt(charts[0], ms);
  const y = event.clientY - element("chart").getBoundingClientRect().top - view.origin()[1];
  const size = view.scale("y").invert(y) * unit;
  let below = 0;
  const band = bands.find((one) => (below += one.sizes[at]) >= size);
  const total = bands.reduce((sum, one) => sum + one.sizes[at], 0);
  const lines = [`${timeText(charts[0].ms[at])}  ${sizeText(state.filter || state.by === "kind" ? total : charts[0].pss[at])}`];
  if (band && size >= 0) lines.push(`${band.label}  ${sizeText(band.sizes[at])}`);
  return lines.join("\n");
}

start();
