"use strict";
// From the data of the page to what is shown: pure functions, no document.

const KIB = 1024;
const MOST_BANDS = 30;
/** How high a chart is, more or less: what is less than this part of it cannot be seen. */
const PIXELS = 400;

function sums(differences) {
  let last = 0;
  return differences.map((difference) => (last += difference));
}

/** Return a chart with a list of rows for each instant. */
function decoded(raw) {
  const chart = { ...raw, ms: sums(raw.ms) };
  const instants = chart.ms.map(() => []);
  raw.entries.forEach(([process, ppid, depth, status], number) => {
    const [at, anon, file, shmem, rest] = raw.rows[number].map(sums);
    const [source, pid, name, program] = raw.processes[process];
    const fixed = { process, source, pid, name, program, ppid, depth, status };
    at.forEach((instant, i) => {
      const others = rest[i] >> 2;
      instants[instant].push({
        of: fixed,
        pss: KIB * (anon[i] + file[i] + shmem[i] + others),
        parts: [KIB * anon[i], KIB * file[i], KIB * shmem[i], KIB * others],
        estimated: (rest[i] & 1) !== 0,
        hasParts: (rest[i] & 2) === 0,
      });
    });
  });
  chart.instants = instants.map(treeOf);
  return chart;
}

/** Return rows depth first, children in the order of their PIDs. */
function treeOf(rows) {
  const known = new Set(rows.map((row) => `${row.of.source} ${row.of.pid}`));
  const children = new Map();
  for (const row of rows) {
    const parent = `${row.of.source} ${row.of.ppid}`;
    const key = known.has(parent) && row.of.depth > 0 ? parent : `${row.of.source}`;
    if (!children.has(key)) children.set(key, []);
    children.get(key).push(row);
  }
  const ordered = [];
  const walk = (key) => {
    const below = children.get(key) || [];
    children.delete(key);
    below.sort((a, b) => a.of.depth - b.of.depth || a.of.pid - b.of.pid);
    for (const row of below) {
      ordered.push(row);
      walk(`${row.of.source} ${row.of.pid}`);
    }
  };
  for (const source of new Set(rows.map((row) => row.of.source))) walk(`${source}`);
  return ordered;
}

function matches(row, filter) {
  return !filter || row.of.name.toLowerCase().includes(filter.toLowerCase());
}

/** Return the index of the newest instant at a time. */
function instantAt(chart, ms) {
  let low = 0;
  let high = chart.ms.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (chart.ms[middle] <= ms) low = middle;
    else high = middle;
  }
  return low;
}

const GROUPS = {
  process: (row) => row.of.process,
  program: (row) => row.of.program,
  recording: (row) => row.of.source,
};

/**
 * Return the bands of a chart from the bottom up: label, colour and bytes at each instant.
 * What is of no known kind has a band where it is more than the rounding of the others.
 */
function bandsOf(chart, by, filter, { palette, kinds, rest }) {
  const rows = chart.instants.map((instant) => instant.filter((row) => matches(row, filter)));
  if (by === "kind") {
    return kinds.map(([label, colour], kind) => ({
      label,
      colour,
      sizes: rows.map((instant) => instant.reduce((sum, row) => sum + Math.max(0, row.parts[kind]), 0)),
    })).filter((band, kind) => kind < 3 || band.sizes.some((size, at) => size * 100 > chart.pss[at]));
  }
  const groupOf = GROUPS[by];
  const present = new Set(rows.flatMap((instant) => instant.map(groupOf)));
  const all = { process: chart.order, program: chart.programs.keys(), recording: chart.sources.keys() };
  const ranking = [...all[by]].filter((key) => present.has(key));
  const shown = shownOf(ranking, rows, groupOf);
  const bands = stacked(chart, by, shown, palette);
  if (shown.length < ranking.length) {
    const others = ranking.length - shown.length;
    bands.push({ key: null, label: others === 1 ? "1 other" : `${others} others`, colour: rest });
  }
  const places = new Map(bands.map((band, place) => [band.key, place]));
  for (const band of bands) band.sizes = new Array(rows.length).fill(0);
  rows.forEach((instant, at) => {
    for (const row of instant) {
      const place = places.get(groupOf(row));
      bands[place === undefined ? bands.length - 1 : place].sizes[at] += row.pss;
    }
  });
  return bands;
}

/** Return those with a band of their own: that are ever as high as a pixel, unless none is. */
function shownOf(ranking, rows, groupOf) {
  const most = new Map();
  let top = 0;
  for (const instant of rows) {
    const sizes = new Map();
    for (const row of instant) sizes.set(groupOf(row), (sizes.get(groupOf(row)) || 0) + row.pss);
    for (const [key, size] of sizes) most.set(key, Math.max(size, most.get(key) || 0));
    top = Math.max(top, [...sizes.values()].reduce((sum, size) => sum + size, 0));
  }
  const seen = ranking.filter((key) => most.get(key) * PIXELS >= top);
  const chosen = seen.length ? seen : ranking;
  const fits = chosen.length === ranking.length && ranking.length <= MOST_BANDS;
  return fits ? chosen : chosen.slice(0, MOST_BANDS - 1);
}

/** Return bands without sizes: a hue for each program, its processes side by side in shades. */
function stacked(chart, by, shown, palette) {
  const programOf = (key) => (by === "process" ? chart.processes[key][3] : key);
  const programs = [...new Set(shown.map(programOf))];
  const place = new Map(programs.map((program, at) => [program, at]));
  const ordered = [...shown].sort((a, b) => place.get(programOf(a)) - place.get(programOf(b)) || a - b);
  const counts = new Map();
  return ordered.map((key) => {
    const program = programOf(key);
    const count = counts.get(program) || 0;
    counts.set(program, count + 1);
    const hue = place.get(program);
    const shades = palette[hue % palette.length];
    const colour = shades[(count + Math.floor(hue / palette.length)) % shades.length];
    return { key, label: labelOf(chart, by, key), colour };
  });
}

function labelOf(chart, by, key) {
  if (by !== "process") return by === "program" ? chart.programs[key] : chart.sources[key];
  const [source, pid, name] = chart.processes[key];
  return `${name} [${pid}]${chart.sources.length > 1 ? ` ${chart.sources[source]}` : ""}`;
}

/** Return the wide rows of the specification; the last is true until the end. */
function wideRows(chart, bands, unit, withBounds) {
  const rows = chart.ms.map((t, at) => {
    const row = { t, total: chart.pss[at] / unit, low: null, high: chart.pss[at] / unit };
    if (withBounds && (chart.high[at] - chart.low[at]) * 100 > chart.high[at]) {
      row.low = chart.low[at] / unit;
      row.high = chart.high[at] / unit;
    }
    bands.forEach((band, number) => (row[fieldOf(number)] = band.sizes[at] / unit));
    return row;
  });
  return [...rows, { ...rows[rows.length - 1], t: chart.end }];
}

function fieldOf(number) {
  return `b${String(number).padStart(2, "0")}`;
}

/** Return a size as memstat writes it. */
function sizeText(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let value = bytes;
  let step = 0;
  while (value >= 999.5 && (step > 0 || value >= KIB) && step < units.length - 1) {
    value /= KIB;
    step += 1;
  }
  const digits = step === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[step]}`;
}

/** Return an instant as memstat writes it. */
function timeText(ms) {
  if (ms < 59950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const rest = two(seconds % 60);
  return hours ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}
