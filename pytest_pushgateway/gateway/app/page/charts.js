// Histograms and summaries as small charts: boxes sized by CSS, described in words, with the numbers in a table below.

import { h } from "./dom.js";
import { count, exact, number, plain, scaled, short, visible } from "./format.js";

/** The buckets of a metric as `{low, high, amount, cumulative}` in rising order; the API gives two shapes. */
function buckets(metric) {
  if (Array.isArray(metric.buckets)) { // native: [kind of boundary, low, high, count]
    let sum = 0;
    return metric.buckets
      .map(([, low, high, amount]) => ({ low: number(low), high: number(high), amount: number(amount), native: true }))
      .sort((a, b) => a.low - b.low)
      .map((bucket) => ({ ...bucket, cumulative: (sum += bucket.amount) }));
  }
  const bounds = Object.entries(metric.buckets ?? {})
    .map(([bound, amount]) => [number(bound), number(amount)])
    .sort(([a], [b]) => a - b);
  if (bounds.at(-1)?.[0] !== Infinity) bounds.push([Infinity, number(metric.count)]);
  let low = -Infinity;
  let before = 0;
  return bounds.map(([high, cumulative]) => {
    const bucket = { low, high, amount: Math.max(0, cumulative - before), cumulative };
    low = high;
    before = cumulative;
    return bucket;
  });
}

/**
 * An estimate of a quantile, as PromQL's histogram_quantile() makes it; NaN without observations. Inside the buckets of
 * a native histogram, but not in the one around zero, it follows their exponential growth; elsewhere straight lines.
 */
function quantile(q, list) {
  const total = list.at(-1).cumulative;
  if (!(total > 0)) return NaN;
  const rank = q * total;
  const index = list.findIndex((bucket) => bucket.cumulative >= rank);
  const { low, high, amount, cumulative, native } = list[index];
  if (native && amount > 0) return within(list, low, high, (rank - (cumulative - amount)) / amount);
  if (high === Infinity) return Number.isFinite(low) ? low : NaN;
  const start = low === -Infinity ? Math.min(0, high) : low;
  if (amount === 0) return high;
  return start + (high - start) * ((rank - (cumulative - amount)) / amount);
}

function within(list, low, high, fraction) {
  if (low < 0 && high > 0) { // around zero: only the sides that have observations count
    const from = list.some((bucket) => bucket.high <= low && bucket.amount > 0) ? low : 0;
    const to = list.some((bucket) => bucket.low >= high && bucket.amount > 0) ? high : 0;
    const [start, end] = from === to ? [low, high] : [from, to];
    return start + (end - start) * fraction;
  }
  if (!Number.isFinite(low) || !Number.isFinite(high) || low === 0 || high === 0) return low + (high - low) * fraction;
  if (low > 0) return low * (high / low) ** fraction;
  return high * (low / high) ** (1 - fraction);
}

function stats(pairs) {
  return h("dl", { class: "stats" }, ...pairs.map(([name, value, title]) => h("div", { title: title ?? null }, h("dt", {}, name), h("dd", {}, value))));
}

function lazyTable(title, caption, heads, rows) {
  const details = h("details", {}, h("summary", {}, title));
  details.addEventListener("toggle", () => {
    if (!details.open || details.querySelector("table")) return;
    details.append(h("table", { class: "plain" },
      h("caption", { class: "sr" }, caption),
      h("thead", {}, h("tr", {}, ...heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, ...rows().map((row) => h("tr", {}, ...row.map((cell) => h("td", {}, cell)))))));
  });
  return details;
}

// What stands below a bar has little room; the table has the exact bounds.
const tick = (value) => (Math.abs(value) < 1000 || Math.abs(value) >= 1e18 ? short(value) : scaled(value, 1000, ["", "k", "M", "G", "T", "P"]).replace(" ", ""));
function span({ low, high, native }) {
  const boundary = (value) => exact(value, native ? 6 : 15); // those of native histograms are roots of two
  return low === -Infinity ? `≤ ${boundary(high)}` : high === Infinity ? `> ${boundary(low)}` : `${boundary(low)} – ${boundary(high)}`;
}

function summarise(metric) {
  const sum = number(metric.sum);
  const total = number(metric.count);
  return [["count", plain(metric.count)], ["sum", plain(metric.sum)], ["mean", total ? short(sum / total) : "–", "sum divided by count"]];
}

export function histogram(name, metric) {
  const list = buckets(metric);
  if (!list.length) { // a native histogram before the first observation, or of a schema whose bounds are not known
    const why = number(metric.count) ? "The bounds of its buckets are not known." : "No bucket has an observation.";
    return h("div", { class: "chart" }, stats(summarise(metric)), h("p", { class: "muted" }, why));
  }
  const top = Math.max(...list.map((bucket) => bucket.amount));
  const chart = h("div", {
    class: "bars", role: "img",
    "aria-label": `Histogram of ${visible(name, 80)}: ${list.filter((b) => b.amount > 0).slice(0, 40).map((b) => `${span(b)}: ${exact(b.amount)}`).join("; ") || "no observations"}`,
  });
  const every = Math.ceil(list.length / 12);
  list.forEach((bucket, index) => {
    const bar = h("i");
    bar.style.setProperty("--h", top > 0 ? String(bucket.amount / top) : "0");
    if (bucket.amount === 0) bar.className = "none";
    const last = list.length - 1 - index;
    const below = last === 0 || (index % every === 0 && last >= every) ? h("span", {}, tick(bucket.high)) : null;
    chart.append(h("div", { title: `${span(bucket)}: ${exact(bucket.amount)}` }, bar, below));
  });
  const estimates = [0.5, 0.9, 0.99].map((q) => [q, quantile(q, list)]).filter(([, value]) => !Number.isNaN(value))
    .map(([q, value]) => [`p${q * 100}`, `≈ ${short(value)}`, "estimated as histogram_quantile() does"]);
  return h("div", { class: "chart" },
    h("div", { class: "figures" }, stats(summarise(metric)), estimates.length ? stats(estimates) : null),
    chart,
    lazyTable(count(list.length, "bucket"), `Buckets of ${visible(name, 80)}`, ["Observations", "In bucket", "Cumulative"],
      () => list.map((b) => [span(b), exact(b.amount), exact(b.cumulative)])));
}

export function summary(name, metric) {
  const list = Object.entries(metric.quantiles ?? {})
    .map(([q, value]) => ({ q: number(q), label: q, value: number(value), text: plain(value) }))
    .sort((a, b) => a.q - b.q);
  const top = Math.max(0, ...list.map(({ value }) => (Number.isFinite(value) ? Math.abs(value) : 0)));
  const rows = list.map(({ label, value, text }) => {
    const bar = Number.isFinite(value) ? h("i") : ""; // to scale, which NaN and infinity have not
    if (bar) bar.style.setProperty("--w", top > 0 ? String(Math.abs(value) / top) : "0");
    return h("tr", {}, h("th", { scope: "row" }, label), h("td", { class: "track" }, bar), h("td", { class: "value" }, text));
  });
  return h("div", { class: "chart" },
    h("div", { class: "figures" }, stats(summarise(metric))),
    rows.length ? h("table", { class: "quantiles" },
      h("caption", { class: "sr" }, `Quantiles of ${visible(name, 80)}`),
      h("thead", { class: "sr" }, h("tr", {}, ...["Quantile", "Bar", "Value"].map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, ...rows)) : null);
}
