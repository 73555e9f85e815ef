// The page: what is shown, and what the reader can change about it.

const $ = (id) => document.getElementById(id);
const rows = data.rows.map((row, index) => ({ ...row, index, findings: [], element: null, drawn: '' }));
data.findings.forEach((finding) => finding.rows.forEach((index) => rows[index].findings.push(finding)));
for (const row of rows) {
  // A crowded minute concerns several rows, so no row counts it.
  row.own = row.findings.filter((it) => it.rows.length === 1);
  row.worst = Math.min(3, ...row.own.map((it) => SEVERITIES.indexOf(it.severity)));
  row.text = [row.name, row.pipeline, row.project, row.stack, row.flavor, row.owner, row.nativeId, row.cadence, row.drift, ...row.own.map((it) => it.code)].join('\n').toLowerCase();
}
const chosen = { words: [], stack: '', flavor: '', state: '', only: false, minute: null };

// The width of a time line on paper, where everything is drawn.
const PAPER = 300;

// ---- head

function head() {
  const worst = SEVERITIES.map((it) => data.findings.filter((finding) => finding.severity === it).length);
  const [errors, warnings, notes] = worst;
  const fleet = counted(rows.length, 'schedule');
  if (!rows.length) $('verdict').textContent = 'No schedules here yet';
  else if (data.findings.length) $('verdict').textContent = `${counted(data.findings.length, 'finding')} in ${fleet}`;
  else if (data.unreachable.length) $('verdict').textContent = `No findings in what could be read of ${fleet}`;
  else $('verdict').textContent = rows.length === 1 ? 'The one schedule is fine' : `All ${number(rows.length)} schedules are fine`;
  const count = (value, label, kind = '') =>
    make('div', { class: kind }, make('dt', {}, label), make('dd', {}, value));
  $('counts').replaceChildren(
    count(number(data.schedules), 'in ZenML'),
    count(number(data.counterparts), 'in orchestrators'),
    count(`${data.drift} %`, 'schedule drift', data.drift > 0 ? 'bad' : ''),
    count(number(errors), errors === 1 ? 'error' : 'errors', errors ? 'bad' : ''),
    count(number(warnings), warnings === 1 ? 'warning' : 'warnings', warnings ? 'warn' : ''),
    count(number(notes), notes === 1 ? 'note' : 'notes'),
  );
  if (data.unreachable.length) {
    $('unreachable').hidden = false;
    $('unreachable').replaceChildren(
      make('p', {}, make('strong', {}, 'Not everything could be read.'), ' Schedules there are unknown, not missing.'),
      make('ul', {}, ...data.unreachable.map((it) =>
        make('li', {}, make('strong', { class: 'name' }, it.name), it.flavor ? ` (${it.flavor})` : ` (${it.kind})`, `: ${it.reason}`))),
    );
  }
}

function taken() {
  const utc = new Date(data.taken * 1000).toISOString().slice(0, 16).replace('T', ' ');
  const before = zone;
  zone = 'local';
  const here = viewer === 'UTC' ? '' : ` (${timeInWords(data.taken)} in ${viewer})`;
  zone = before;
  const where = data.where ? ` from ${data.where}` : '';
  const scope = data.scope.length ? `, only ${data.scope.join(', ')}` : '';
  $('taken').textContent = `Taken ${utc} UTC${here}${where}${scope}`;
}

// ---- findings

function findings() {
  const body = $('findings').querySelector('.body');
  const shown = data.findings.filter(isFindingShown);
  $('findings').hidden = !data.findings.length;
  count('findings', shown.length, data.findings.length);
  const codes = [...new Set(shown.map((it) => it.code))];
  body.replaceChildren(...codes.map((code) => group(shown.filter((it) => it.code === code))));
  if (!shown.length) body.append(make('p', { class: 'nothing' }, 'No findings among these schedules.'));
}

function isFindingShown(finding) {
  if (finding.rows.length) return finding.rows.some((index) => isShown(rows[index]));
  const text = Object.values(finding).join('\n').toLowerCase();
  return (
    chosen.minute === null && !chosen.state &&
    (!chosen.stack || finding.stack === chosen.stack) &&
    (!chosen.flavor || finding.flavor === chosen.flavor) &&
    chosen.words.every((word) => text.includes(word))
  );
}

const opened = new Set();
const FIRST = 5;

function group(found) {
  const { code, severity, meaning } = found[0];
  const all = opened.has(code) || found.length <= FIRST + 1;
  const list = make('ul', {}, ...(all ? found : found.slice(0, FIRST)).map(finding));
  const more = all ? null : make('button', {
    type: 'button',
    class: 'plain more',
    on: { click: () => { opened.add(code); findings(); } },
  }, `Show the other ${number(found.length - FIRST)}`);
  return make('article', { class: `group ${severity}`, 'data-code': code },
    make('h3', {},
      make('span', { class: 'severity' }, SEVERITY_WORDS[severity]), ' ',
      make('span', { class: 'meaning' }, sentence(meaning)), ' ',
      make('code', {}, code), ' ',
      found.length > 1 ? make('span', { class: 'count' }, number(found.length)) : null),
    list, more);
}

function finding(it) {
  const one = it.rows.length === 1 ? rows[it.rows[0]] : null;
  const name = one
    ? make('a', { class: 'name', href: `#row-${one.index}`, on: { click: (event) => { event.preventDefault(); reveal(one); } } }, it.schedule)
    : make('span', { class: it.rows.length > 1 ? 'names' : 'name' }, it.schedule);
  const place = [it.project === 'default' ? '' : it.project, it.stack, it.flavor].filter(Boolean).join(' · ');
  return make('li', { class: 'finding' },
    make('div', { class: 'about' }, it.schedule ? name : null, make('p', { class: 'place' }, place)),
    make('div', { class: 'said' }, make('p', {}, sentence(it.message)), it.fix ? fix(it.fix) : null));
}

function fix(text) {
  return make('div', { class: 'fix' }, make('code', {}, text),
    make('button', { type: 'button', class: 'copy', 'aria-label': 'Copy the command', on: { click: (event) => copy(event.currentTarget, text) } }, 'Copy'));
}

async function copy(button, text) {
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without leave for the clipboard: select it, as a person would.
    const range = document.createRange();
    range.selectNodeContents(button.previousElementSibling);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    done = document.execCommand('copy');
  }
  button.textContent = done ? 'Copied' : 'Selected';
  $('said').textContent = done ? 'Copied the command' : 'Selected the command';
  setTimeout(() => { button.textContent = 'Copy'; }, 1500);
}

// ---- schedules

function build(row) {
  const problems = SEVERITIES.map((severity) => [severity, row.own.filter((it) => it.severity === severity).length])
    .filter(([, count]) => count)
    .map(([severity, count]) => make('span', { class: `badge ${severity}` }, counted(count, SEVERITY_WORDS[severity].toLowerCase())));
  const state = stateOf(row);
  const where = [row.stack, row.flavor === row.stack ? '' : row.flavor].filter(Boolean).join(' · ');
  const button = make('button', { type: 'button', class: 'name', 'aria-expanded': 'false', on: { click: () => toggle(row) } }, row.name);
  row.line = make('div', { role: 'cell', class: 'line' });
  row.lastCell = make('div', { role: 'cell', class: 'last' });
  row.nextCell = make('div', { role: 'cell', class: 'next' });
  row.button = button;
  row.element = make('div', { role: 'row', class: 'row', id: `row-${row.index}` },
    make('div', { role: 'cell', class: 'who' },
      make('div', { class: 'title' }, button, ...problems, state ? make('span', { class: 'badge' }, state) : null),
      make('p', { class: 'cadence' }, row.cadence),
      make('p', { class: 'place' }, where)),
    row.line, row.lastCell, row.nextCell);
  showTimes(row);
  return row.element;
}

function showTimes(row) {
  const result = RESULTS[RESULT_OF[row.lastResult] ?? 'o'];
  const key = RESULT_OF[row.lastResult] ?? 'o';
  row.lastCell.replaceChildren(...(row.last === null
    ? [make('span', { class: 'label' }, 'Last run '), make('span', { class: 'quiet' }, 'none')]
    : [make('span', { class: 'label' }, 'Last run '), make('span', { class: 'time' }, timeInWords(row.last)), ' ', make('span', { class: `result ${KIND_OF[key]}` }, key === 'o' ? row.lastResult : result)]));
  row.nextCell.replaceChildren(
    make('span', { class: 'label' }, 'Next '),
    row.next === null ? make('span', { class: 'quiet' }, row.there === 'unknown' ? 'unknown' : 'none') : make('span', { class: 'time' }, timeInWords(row.next)));
}

function drawRow(row) {
  const wanted = `${zone} ${view.reach} ${view.width}`;
  if (row.drawn === wanted || !view.width) return;
  row.drawn = wanted;
  row.line.replaceChildren(timeline(row));
}

// Only what is near the screen is drawn.
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    entry.target.near = entry.isIntersecting;
    if (entry.isIntersecting) drawRow(rows[Number(entry.target.id.slice(4))]);
  }
}, { rootMargin: '600px' });

function redraw() {
  view.width = Math.round($('axis').clientWidth);
  drawAxis($('axis'));
  rows.filter((row) => row.element?.near).forEach(drawRow);
}

function toggle(row, open = row.button.getAttribute('aria-expanded') !== 'true') {
  row.button.setAttribute('aria-expanded', String(open));
  row.detail?.remove();
  row.detail = open ? detail(row) : null;
  if (open) row.element.append(row.detail);
  row.element.classList.toggle('open', open);
}

function detail(row) {
  const facts = [
    ['Pipeline', row.pipeline], ['Project', row.project], ['Stack', row.stack], ['Orchestrator', row.flavor],
    ['State', stateOf(row) || 'active'],
    ['Drift', row.drift], ['Owner', row.owner], ['Native id', row.nativeId], ['Native cadence', row.native],
    ['Linked by', row.link === 'name' ? 'name alone' : row.link],
  ].filter(([, value]) => value).map(([label, value]) => {
    const shown = label === 'Native id' && row.url ? link(row.url, value) : value;
    return make('div', {}, make('dt', {}, label), make('dd', {}, shown));
  });
  const gaps = unfold(row.gaps);
  const fires = unfold(row.fires);
  const missed = gaps.length > 10 ? gaps.slice(-10) : gaps;
  return make('div', { role: 'cell', class: 'detail', 'aria-colspan': '4' },
    row.findings.length ? make('div', { class: 'own' }, make('h4', {}, 'Findings'), make('ul', {}, ...row.findings.map(brief))) : null,
    make('dl', { class: 'facts' }, ...facts),
    column('Last runs', row.recent.map((run, index) => {
      const at = runsOf(row)[index];
      const address = data.runPage.replace('{project}', encodeURIComponent(row.projectId)).replace('{run}', encodeURIComponent(run.id));
      return make('li', {}, timeInWords(at.time), ' ', make('span', { class: `result ${KIND_OF[at.result]}` }, run.status), ' ', make('span', { class: 'mono' }, link(address, run.name)));
    }), 'No runs in this time.', row.moreRuns ? `${number(row.moreRuns)} older runs of this time are not on this page.` : ''),
    column('Missed', missed.reverse().map((time) => make('li', {}, timeInWords(time))), 'No run is missing.', gaps.length > 10 ? `and ${number(gaps.length - 10)} earlier` : ''),
    column('Coming', fires.slice(0, 10).map((time) => make('li', {}, timeInWords(time))), 'It will not fire in this time.', row.moreFires ? `Only the next ${number(fires.length)} fires are on the time line.` : ''));
}

function brief(it) {
  return make('li', { class: it.severity }, make('span', { class: 'severity' }, SEVERITY_WORDS[it.severity]), ' ', make('code', {}, it.code), ' ', sentence(it.message));
}

function column(title, items, none, more) {
  return make('div', { class: 'column' }, make('h4', {}, title), items.length ? make('ul', {}, ...items) : make('p', { class: 'quiet' }, none), more ? make('p', { class: 'quiet' }, more) : null);
}

/** Show a row wherever it is, and open it. */
function reveal(row) {
  if (!isShown(row)) clear();
  toggle(row, true);
  row.element.scrollIntoView({ block: 'center' });
  row.button.focus({ preventScroll: true });
}

// ---- search, filters, order

function isShown(row) {
  return (
    (chosen.minute === null || chosen.minute.rows.includes(row.index)) &&
    (!chosen.stack || row.stack === chosen.stack) &&
    (!chosen.flavor || row.flavor === chosen.flavor) &&
    (!chosen.state || row.zenml === chosen.state || row.there === chosen.state) &&
    (!chosen.only || row.own.length > 0) &&
    chosen.words.every((word) => row.text.includes(word))
  );
}

function count(id, shown, all) {
  const text = shown === all ? number(all) : `${number(shown)} of ${number(all)}`;
  $(id).querySelector('.count').textContent = all ? text : '';
}

function apply() {
  let shown = 0;
  for (const row of rows) {
    const is = isShown(row);
    row.element.hidden = !is;
    if (is) shown += 1;
  }
  count('schedules', shown, rows.length);
  $('nothing').hidden = shown > 0;
  $('table').hidden = shown === 0;
  $('legend').hidden = shown === 0;
  $('nothing').textContent = rows.length ? 'No schedule is like that. Clear the search to see them all.' : 'As soon as a schedule is there, in ZenML or in an orchestrator, this page shows it: when it ran, when it will, and what is wrong with it.';
  $('reset').disabled = shown === rows.length && !chosen.words.length && !chosen.only;
  findings();
}

const ORDERS = {
  worst: ['Findings first', (a, b) => a.worst - b.worst || a.index - b.index],
  name: ['Name', (a, b) => a.name.localeCompare(b.name)],
  next: ['Next fire', (a, b) => (a.next ?? Infinity) - (b.next ?? Infinity) || a.index - b.index],
  last: ['Last run', (a, b) => (b.last ?? 0) - (a.last ?? 0) || a.index - b.index],
};

function order() {
  $('rows').replaceChildren(...[...rows].sort(ORDERS[$('sort').value][1]).map((row) => row.element));
}

function choose() {
  chosen.words = $('search').value.toLowerCase().split(/\s+/).filter(Boolean);
  chosen.stack = $('stack').value;
  chosen.flavor = $('flavor').value;
  chosen.state = $('state').value;
  chosen.only = $('only').checked;
  $('minute').hidden = chosen.minute === null;
  if (chosen.minute) $('minute').replaceChildren(`Starting at ${clockOfMinute(chosen.minute.minute)}`, make('span', { 'aria-hidden': 'true' }, ' ×'), make('span', { class: 'unseen' }, ' (remove)'));
  apply();
}

function clear() {
  chosen.minute = null;
  for (const id of ['search', 'stack', 'flavor', 'state']) $(id).value = '';
  $('only').checked = false;
  choose();
}

function options(select, all, values) {
  const known = [...new Set(values.filter(Boolean))].sort();
  select.replaceChildren(make('option', { value: '' }, all), ...known.map((it) => make('option', { value: it }, it)));
  select.closest('label').hidden = known.length < 2;
}

function choice(id, values, value, change) {
  for (const [key, text] of values) {
    const input = make('input', { type: 'radio', name: id, value: key, checked: key === value, on: { change: () => change(key) } });
    $(id).append(make('label', {}, input, make('span', {}, text)));
  }
}

// ---- load

function load() {
  const body = $('load').querySelector('.body');
  const most = Math.max(...data.load);
  $('load').hidden = most === 0;
  if (!most) return;
  const days = Math.round((data.end - data.taken) / DAY);
  const { picture, cursor } = heat(data.load);
  const output = make('output', { class: 'quiet' }, `The most in one minute: ${number(most)}`);
  const map = make('div', { class: 'map', tabindex: '0', role: 'application', 'aria-label': `Starts in each minute of the day, at most ${most}. Move with the arrow keys.` }, picture);
  let at = null;
  const show = (here) => {
    at = ((here % 1440) + 1440) % 1440;
    const minute = (((at - offsetMinutes()) % 1440) + 1440) % 1440;
    cursor.setAttribute('x', at % 60);
    cursor.setAttribute('y', Math.floor(at / 60));
    cursor.setAttribute('visibility', 'visible');
    output.textContent = `${clockOfMinute(minute)}: ${counted(data.load[minute], 'start')}`;
  };
  map.addEventListener('pointermove', (event) => {
    const frame = picture.getBoundingClientRect();
    const [x, y] = [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height];
    if (x >= 0 && x < 1 && y >= 0 && y < 1) show(Math.floor(y * 24) * 60 + Math.floor(x * 60));
  });
  map.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 60, ArrowUp: -60 }[event.key];
    if (!step) return;
    event.preventDefault();
    show((at ?? -step) + step);
  });
  const busiest = data.busiest.map((it) => make('li', {},
    make('button', { type: 'button', class: 'plain', on: { click: () => { chosen.minute = it; choose(); $('schedules').scrollIntoView(); } } },
      make('span', { class: 'time' }, clockOfMinute(it.minute)), ` ${counted(it.rows.length, 'start')}`),
    make('p', { class: 'place' }, it.rows.slice(0, 3).map((index) => rows[index].name).join(', '), it.rows.length > 3 ? ` and ${number(it.rows.length - 3)} more` : '')));
  const hours = make('div', { class: 'hours', 'aria-hidden': 'true' }, ...[0, 6, 12, 18].map((hour) => make('span', {}, `${String(hour).padStart(2, '0')}:00`)));
  const minutes = make('div', { class: 'minutes', 'aria-hidden': 'true' }, ...['00', '15', '30', '45'].map((it) => make('span', {}, `:${it}`)));
  body.replaceChildren(
    make('p', { class: 'quiet' }, `Starts in each minute of the day (${zone === 'utc' ? 'UTC' : viewer}), an hour a line: the most on any of the next ${counted(days, 'day')}.`),
    make('div', { class: 'load' },
      make('div', { class: 'chart' }, minutes, hours, map, output),
      data.busiest.length ? make('div', { class: 'busiest' }, make('h3', {}, 'Busiest minutes'), make('ul', {}, ...busiest)) : make('p', { class: 'quiet busiest' }, 'No two schedules start in the same minute.')));
}

// ---- all of it

function refreshTimes() {
  rows.forEach((row) => {
    showTimes(row);
    if (row.detail) toggle(row, true);
  });
  load();
  redraw();
}

function theme(dark) {
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
  $('theme').setAttribute('aria-pressed', String(dark));
}

function start() {
  head();
  taken();
  const most = Math.max(data.taken - data.start, data.end - data.taken);
  const reaches = [6 * HOUR, DAY, 3 * DAY].filter((it) => it < most).concat(most);
  view.reach = most;
  const words = (it) => (it < DAY ? `${it / HOUR} h` : it === DAY ? '24 h' : `${Math.round(it / DAY)} d`);
  choice('span', reaches.map((it) => [String(it), `± ${words(it)}`]), String(view.reach), (it) => { view.reach = Number(it); redraw(); });
  if (viewer === 'UTC') zone = 'utc';
  else choice('zone', [['local', viewer.split('/').pop().replaceAll('_', ' ')], ['utc', 'UTC']], 'local', (it) => { zone = it; refreshTimes(); });
  options($('stack'), 'All stacks', data.rows.map((row) => row.stack));
  options($('flavor'), 'All orchestrators', data.rows.map((row) => row.flavor));
  options($('state'), 'Any state', data.rows.flatMap((row) => [row.zenml, row.there]));
  $('sort').replaceChildren(...Object.entries(ORDERS).map(([key, [text]]) => make('option', { value: key }, text)));
  $('legend').replaceChildren(...['succeeded', 'failed', 'running', 'other', 'missed', 'coming'].map((kind) => make('li', {}, sample(kind), MARKS[kind].words)));
  $('tools').hidden = !rows.length;
  document.querySelector('nav').hidden = !rows.length;
  document.querySelector('.sort').hidden = rows.length < 2;
  rows.forEach(build);
  order();
  apply();
  load();
  rows.forEach((row) => watcher.observe(row.element));
  new ResizeObserver(redraw).observe($('axis'));
  new ResizeObserver(([entry]) => document.documentElement.style.setProperty('--tools', `${entry.target.offsetHeight}px`)).observe($('tools'));

  for (const id of ['stack', 'flavor', 'state', 'only']) $(id).addEventListener('change', choose);
  $('search').addEventListener('input', choose);
  $('sort').addEventListener('change', order);
  $('tools').addEventListener('submit', (event) => event.preventDefault());
  $('reset').addEventListener('click', clear);
  $('minute').addEventListener('click', () => { chosen.minute = null; choose(); });
  document.addEventListener('keydown', (event) => {
    if (event.key === '/' && !event.target.closest('input, select, textarea')) {
      event.preventDefault();
      $('search').focus();
    }
  });
  const dark = matchMedia('(prefers-color-scheme: dark)');
  $('theme').setAttribute('aria-pressed', String(dark.matches));
  dark.addEventListener('change', () => { delete document.documentElement.dataset.theme; $('theme').setAttribute('aria-pressed', String(dark.matches)); });
  $('theme').addEventListener('click', () => theme($('theme').getAttribute('aria-pressed') !== 'true'));
  addEventListener('beforeprint', () => {
    view.width = PAPER;
    drawAxis($('axis'));
    rows.forEach(drawRow);
  });
  addEventListener('afterprint', redraw);
  $('foot').textContent = `Runs are those in ZenML; a gap is a fire without a run in ZenML and in the orchestrator. Written by pulumi-zenml ${data.version}.`;
}

start();
