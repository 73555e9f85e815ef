// The page's data, and how it is shown: times, zones, words.

const data = JSON.parse(document.getElementById('data').textContent);
const DAY = 86400;
const HOUR = 3600;

/** An element with attributes and children; text becomes text nodes and never markup. */
function make(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name === 'on') {
      for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    } else if (value === true) made.setAttribute(name, '');
    else if (value !== false && value !== undefined && value !== null) made.setAttribute(name, value);
  }
  made.append(...children.filter((it) => it !== null && it !== undefined && it !== ''));
  return made;
}

/** A link, if the address is one of the web's; else the text alone. */
function link(address, text) {
  if (!/^https?:\/\//i.test(address)) return document.createTextNode(text);
  return make('a', { href: address, target: '_blank', rel: 'noopener noreferrer' }, text);
}

/** The times of a train: pairs of a difference and how often it comes. */
function unfold(train) {
  const times = [];
  let time = 0;
  for (const [difference, count] of train) {
    for (let index = 0; index < count; index += 1) times.push((time += difference));
  }
  return times;
}

/** The runs of a row, newest first: when each started, and a letter for how it went. */
function runsOf(row) {
  let time = 0;
  return row.runs.map((difference, index) => ({
    time: (time += difference),
    result: row.results[index],
  }));
}

// ZenML's words for what a letter stands for.
const RESULTS = { s: 'succeeded', f: 'failed', p: 'in progress', o: 'stopped' };
const RESULT_OF = { completed: 's', cached: 's', failed: 'f', running: 'p', initializing: 'p', provisioning: 'p', queued: 'p' };
const SEVERITIES = ['error', 'warning', 'info'];
const SEVERITY_WORDS = { error: 'Error', warning: 'Warning', info: 'Note' };

const viewer = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
const ZONES = { local: viewer, utc: 'UTC' };
let zone = 'local';

const formats = new Map();
function format(time, options) {
  const key = zone + JSON.stringify(options);
  if (!formats.has(key)) {
    formats.set(key, new Intl.DateTimeFormat('en-GB', { ...options, timeZone: ZONES[zone] }));
  }
  return formats.get(key).format(new Date(time * 1000));
}

const clock = (time) => format(time, { hour: '2-digit', minute: '2-digit' });
const weekday = (time) => format(time, { weekday: 'short', day: 'numeric', month: 'short' });

/** A time in words: the day and the clock, and the year where it is another. */
function timeInWords(time) {
  if (time === null || time === undefined) return '';
  const far = Math.abs(time - data.taken) > 300 * DAY;
  const year = far ? ` ${format(time, { year: 'numeric' })}` : '';
  return `${weekday(time)}${year}, ${clock(time)}`;
}

/** The minutes by which the zone in use is ahead of UTC when the report was taken. */
function offsetMinutes() {
  if (zone === 'utc') return 0;
  return -new Date(data.taken * 1000).getTimezoneOffset();
}

/** The minute of a UTC day as the clock of the zone in use. */
function clockOfMinute(minute) {
  const here = (((minute + offsetMinutes()) % 1440) + 1440) % 1440;
  const two = (it) => String(it).padStart(2, '0');
  return `${two(Math.floor(here / 60))}:${two(here % 60)}`;
}

const number = (value) => value.toLocaleString('en-GB');
function counted(count, one, many = `${one}s`) {
  return `${number(count)} ${count === 1 ? one : many}`;
}

/** Text that began in the middle of a line, as a sentence. */
const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** What the two sides say of a row's state: nothing where all is as usual. */
function stateOf(row) {
  if (row.zenml === row.there) return row.zenml === 'active' ? '' : row.zenml;
  return `${row.zenml} in ZenML, ${row.there} in ${row.flavor || 'its orchestrator'}`;
}
