// Numbers, times and untrusted text as people read them. Pure functions.

const LIMIT = 300;

// eslint-disable-next-line no-control-regex
const unhidden = (text) => text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
  (c) => `\\u{${c.codePointAt(0).toString(16)}}`);

/** Untrusted text on one line: escaped as Prometheus escapes label values, invisible characters made visible, cut when huge. */
export function visible(text, limit = LIMIT) {
  const shown = unhidden(text.slice(0, limit).replaceAll("\\", "\\\\").replaceAll("\n", "\\n"));
  return text.length > limit ? `${shown}… (${text.length} characters)` : shown;
}

/** Untrusted text of several lines, such as an error, whose own escapes stay as they are. */
export const lines = (text, limit = LIMIT) => text.slice(0, limit).split("\n").map(unhidden).join("\n");

/** The number that the API's text stands for. */
export function number(text) {
  if (text === "+Inf") return Infinity;
  if (text === "-Inf") return -Infinity;
  return Number(text);
}

/** The API's float text ("1.5e+06") written out ("1500000"), exactly; beyond 21 digits as it is. */
export function plain(text) {
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (!match) return text;
  const [, sign, first, rest = "", exponent] = match;
  const shift = Number(exponent);
  const digits = first + rest;
  if (shift < -9 || shift > 20) return text;
  if (shift < 0) return `${sign}0.${"0".repeat(-shift - 1)}${digits}`;
  if (digits.length <= shift + 1) return sign + digits.padEnd(shift + 1, "0");
  return `${sign}${digits.slice(0, shift + 1)}.${digits.slice(shift + 1)}`;
}

/** A number in at most so many digits, in the form of all values. */
export function exact(value, digits = 15) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  return plain(String(Number(value.toPrecision(digits))));
}

/** A computed number in few digits. */
export const short = (value) => exact(value, Math.abs(value) >= 1000 ? 6 : 3);

export function scaled(value, step, units) {
  let index = 0;
  let size = Math.abs(value);
  while (size >= step && index < units.length - 1) {
    size /= step;
    index += 1;
  }
  return `${value < 0 ? "−" : ""}${Number(size.toPrecision(3))} ${units[index]}`;
}

/** A length of time, in at most two units. */
export function duration(seconds) {
  const size = Math.abs(seconds);
  if (size === 0) return "0 s";
  if (size < 1e-3) return `${short(seconds * 1e6)} µs`;
  if (size < 1) return `${short(seconds * 1e3)} ms`;
  if (size < 60) return `${short(seconds)} s`;
  let rest = Math.round(size);
  const parts = [];
  for (const [unit, length] of [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]]) {
    const amount = Math.floor(rest / length);
    rest -= amount * length;
    if (amount) parts.push(`${amount} ${unit}`);
    else if (parts.length) break;
  }
  return (seconds < 0 ? "−" : "") + parts.slice(0, 2).join(" ");
}

/** A length of time in whole minutes or more, so that what shows it changes once a minute at most. */
export const minutes = (seconds) => (seconds < 60 ? "< 1 min" : duration(seconds - (seconds % 60)));

/** How long ago `then` was at `now` (Unix seconds), in one unit: "< 1 min ago", "3 d ago". */
export function ago(then, now) {
  const passed = now - then;
  const size = minutes(Math.abs(passed)).replace(/^(\d+ \S+) .*/, "$1");
  return passed <= -2 ? `in ${size}` : `${size} ago`; // clocks of two machines differ a little
}

let utc = false;

/** Show dates in UTC, or in the zone of the reader's clock. */
export function showUtc(chosen) {
  utc = chosen;
}

/** Date and time with the zone: "2026-03-01 12:00:05 UTC", "2026-03-01 13:00:05 +01:00". */
export function date(seconds) {
  const when = new Date(seconds * 1000);
  if (Number.isNaN(when.getTime())) return "";
  const two = (n) => String(n).padStart(2, "0");
  const offset = utc ? 0 : -when.getTimezoneOffset(); // minutes
  const shown = new Date(when.getTime() + offset * 60_000).toISOString();
  const size = Math.abs(offset);
  const zone = offset === 0 ? "UTC" : `${offset < 0 ? "−" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
  return `${shown.slice(0, shown.indexOf("T"))} ${shown.slice(shown.indexOf("T") + 1, shown.indexOf("."))} ${zone}`;
}

const TIME = /(^|_)(timestamp|time|created|at)(_seconds)?$/;

/** Whether a value is a moment, going by the name of its metric: Unix seconds. */
export const isMoment = (name, value) => TIME.test(name) && value > 1e8 && value < 1e11;

/** What a value means, going by the units that Prometheus names carry; "" where the number says it all. */
export function hint(name, value, now) {
  if (!Number.isFinite(value)) return "";
  const base = name.replace(/_(total|sum|created)$/, "");
  if (/(^|_)bytes$/.test(base)) return Math.abs(value) >= 1024 ? scaled(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]) : "";
  if (isMoment(name, value)) return `${date(value)}, ${ago(value, now)}`;
  if (/(^|_)seconds$/.test(base)) return value !== 0 && (Math.abs(value) >= 60 || Math.abs(value) < 0.1) ? duration(value) : "";
  if (/(^|_)ratio$/.test(base)) return `${short(value * 100)} %`;
  if (Math.abs(value) >= 1e6 && Math.abs(value) < 1e21) return scaled(value, 1000, ["", "k", "M", "G", "T", "P", "E"]);
  return "";
}

/** "1 group", "3 groups". */
export function count(amount, noun) {
  const plural = noun === "series" ? noun : /[^aeiou]y$/.test(noun) ? `${noun.slice(0, -1)}ies` : `${noun}s`;
  return `${amount} ${amount === 1 ? noun : plural}`;
}

/** A canonical text for label pairs, whatever their order. */
export const keyOf = (labels) => JSON.stringify([...labels].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
