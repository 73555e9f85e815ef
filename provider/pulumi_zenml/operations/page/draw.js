// Time lines and the load, as SVG: one path for each kind of mark.

const SVG = 'http://www.w3.org/2000/svg';
const HEIGHT = 30;
const MIDDLE = HEIGHT / 2;
const PITCH = 4;
const BAR = 3;

function draw(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

const box = (x, y, width, height) => `M${x} ${y}h${width}v${height}h${-width}z`;

// Each kind of mark has a shape of its own, so that it does not depend on its colour. Marks that
// share pixels are shown as the worst of them: the first in this list.
const MARKS = {
  failed: { words: 'failed', path: (x) => box(x, 3, BAR, 24) },
  missed: { words: 'missed, no run', path: (x) => box(x + 0.5, 9.5, BAR - 1, 11) },
  running: { words: 'in progress', path: (x) => box(x, 9, BAR, 12) },
  other: { words: 'stopped', path: (x) => box(x, 13, BAR, 4) },
  succeeded: { words: 'succeeded', path: (x) => box(x, 9, BAR, 12) },
  coming: { words: 'coming', path: (x) => `M${x + 1.5} 10v10` },
};
const KINDS = Object.keys(MARKS);
const KIND_OF = { s: 'succeeded', f: 'failed', p: 'running', o: 'other' };

/** The part of time that is shown: around the moment when the report was taken. */
const view = { reach: 0, width: 0 };
const from = () => Math.max(data.start, data.taken - view.reach);
const until = () => Math.min(data.end, data.taken + view.reach);
const place = (time) => ((time - from()) / (until() - from())) * view.width;

/** One row's time line. */
function timeline(row) {
  const picture = draw('svg', {
    viewBox: `0 0 ${view.width} ${HEIGHT}`,
    preserveAspectRatio: 'none',
    role: 'img',
    'aria-label': inWords(row),
  });
  picture.append(draw('path', { class: 'base', d: `M0 ${MIDDLE}H${view.width}` }));
  picture.append(draw('path', { class: 'grid', d: gridPath() }));
  const cells = new Map();
  const put = (kind, time) => {
    if (time < from() || time > until()) return;
    const cell = Math.min(Math.floor(place(time) / PITCH), Math.ceil(view.width / PITCH) - 1);
    const worst = KINDS[Math.min(KINDS.indexOf(kind), KINDS.indexOf(cells.get(cell) ?? 'coming'))];
    cells.set(cell, worst);
  };
  let busy = '';
  for (const run of runsOf(row)) {
    put(KIND_OF[run.result], run.time);
    if (run.result === 'p') {
      const x = Math.max(0, place(run.time));
      busy += box(x, MIDDLE - 1.5, Math.max(0, place(data.taken) - x), 3);
    }
  }
  unfold(row.gaps).forEach((time) => put('missed', time));
  unfold(row.fires).forEach((time) => put('coming', time));
  if (busy) picture.append(draw('path', { class: 'mark running', d: busy }));
  const paths = Object.fromEntries(KINDS.map((kind) => [kind, '']));
  for (const [cell, kind] of cells) paths[kind] += MARKS[kind].path(cell * PITCH);
  for (const kind of KINDS) {
    if (paths[kind]) picture.append(draw('path', { class: `mark ${kind}`, d: paths[kind] }));
  }
  picture.append(draw('path', { class: 'now', d: `M${place(data.taken)} 0V${HEIGHT}` }));
  return picture;
}

/** The same for screen readers. */
function inWords(row) {
  const runs = runsOf(row).filter((run) => run.time >= from());
  const gaps = unfold(row.gaps).filter((time) => time >= from()).length;
  const parts = Object.entries(RESULTS)
    .map(([letter, word]) => [runs.filter((run) => run.result === letter).length, word])
    .filter(([count]) => count)
    .map(([count, word]) => `${count} ${word}`);
  if (gaps) parts.push(`${gaps} missed`);
  const past = parts.length ? `${counted(runs.length, 'run')}: ${parts.join(', ')}` : 'no runs';
  const coming = unfold(row.fires).filter((time) => time <= until()).length;
  return `${past}; ${coming || 'none'} coming`;
}

/** The times to name on the axis: whole days, or hours of a day, of the zone in use. */
function ticks() {
  const span = until() - from();
  const room = Math.max(2, Math.floor(view.width / 72));
  const steps = [1, 2, 3, 6, 12].map((hours) => hours * HOUR);
  const days = [1, 2, 3, 5, 7, 14].map((count) => count * DAY);
  const step = [...steps, ...days].find((it) => span / it <= room) ?? 14 * DAY;
  const found = [];
  const at = new Date(from() * 1000);
  const utc = zone === 'utc';
  if (utc) at.setUTCHours(0, 0, 0, 0);
  else at.setHours(0, 0, 0, 0);
  while (at.getTime() / 1000 <= until()) {
    const time = at.getTime() / 1000;
    if (time > from()) found.push({ time, text: step < DAY ? clock(time) : weekday(time), midnight: clock(time) === '00:00' });
    const day = step >= DAY;
    if (utc && day) at.setUTCDate(at.getUTCDate() + step / DAY);
    else if (day) at.setDate(at.getDate() + step / DAY);
    else if (utc) at.setUTCHours(at.getUTCHours() + step / HOUR);
    else at.setHours(at.getHours() + step / HOUR);
  }
  return found;
}

let grid = { key: '', path: '' };
function gridPath() {
  const key = `${zone} ${view.reach} ${view.width}`;
  if (grid.key !== key) {
    grid = { key, path: ticks().map((it) => `M${place(it.time).toFixed(1)} 0V${HEIGHT}`).join('') };
  }
  return grid.path;
}

/** The names of times above the time lines, and where now is. */
function drawAxis(axis) {
  axis.querySelectorAll('.tick, .now').forEach((it) => it.remove());
  const now = place(data.taken);
  for (const tick of ticks()) {
    const x = place(tick.time);
    if (x < 24 || x > view.width - 24 || Math.abs(x - now) < 46) continue;
    const label = make('span', { class: 'tick' }, tick.midnight ? weekday(tick.time) : tick.text);
    label.style.left = `${(100 * x) / view.width}%`;
    axis.append(label);
  }
  const label = make('span', { class: 'now' }, 'now');
  label.style.left = `${(100 * now) / view.width}%`;
  axis.append(label);
}

/** A legend's picture of one kind of mark. */
function sample(kind) {
  const picture = draw('svg', { viewBox: `0 0 ${BAR + 2} ${HEIGHT}`, class: 'sample', 'aria-hidden': 'true' });
  picture.append(draw('path', { class: `mark ${kind}`, d: MARKS[kind].path(1) }));
  return picture;
}

const LEVELS = 5;

/** The minutes of a day, an hour a line, as dark as many schedules start there. */
function heat(load) {
  const most = Math.max(...load);
  const picture = draw('svg', { viewBox: '0 0 60 24', preserveAspectRatio: 'none', 'aria-hidden': 'true' });
  const paths = Array.from({ length: LEVELS + 1 }, () => '');
  for (let here = 0; here < 1440; here += 1) {
    const minute = (((here - offsetMinutes()) % 1440) + 1440) % 1440;
    const level = load[minute] === 0 ? 0 : Math.max(1, Math.ceil((LEVELS * load[minute]) / Math.max(most, LEVELS)));
    paths[level] += box(here % 60, Math.floor(here / 60), 0.86, 0.86);
  }
  paths.forEach((path, level) => {
    if (path) picture.append(draw('path', { class: `heat-${level}`, d: path }));
  });
  const cursor = draw('rect', { class: 'cursor', width: 0.86, height: 0.86, visibility: 'hidden' });
  picture.append(cursor);
  return { picture, cursor };
}
