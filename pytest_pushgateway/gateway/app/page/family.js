// One metric family of an open group: its head, and its series once it is open.

import { histogram, summary } from "./charts.js";
import { copyMenu, h, keyed, setAttribute, setFlag, setText } from "./dom.js";
import { ago, count, date, hint, isMoment, keyOf, number, plain, visible } from "./format.js";
import { selector } from "./search.js";

const PAGE = { histogram: 10, summary: 20 };
const OPEN_UP_TO = 20;

/** Label pairs as small tokens. */
export function labelTokens(labels) {
  return labels.map(([name, value]) => h("span", { class: name === "job" ? "label job" : "label" }, h("span", {}, visible(name, 80)), "=", h("b", {}, `"${visible(value).replaceAll('"', '\\"')}"`)));
}

const drawn = (family) => family.type === "histogram" || family.type === "summary";
const inline = (family) => family.metrics.length === 1 && !drawn(family);

function valueCell(name, tag, now) {
  const text = h("span");
  const note = h("small");
  const node = h(tag, { class: "value" }, note, text);
  let shown = null;
  return {
    node,
    set(value) {
      setText(note, hint(name, number(value), now()));
      if (value === shown) return;
      setText(text, plain(value));
      if (shown !== null) { // a value that changed under the reader's eyes glows once
        node.classList.remove("changed");
        void node.offsetWidth;
        node.classList.add("changed");
      }
      shown = value;
    },
  };
}

/** What can be copied of a series, as PromQL and the text format write it. */
function choices(name, labels, metric) {
  const all = [...labels(), ...metric.own];
  if (metric.value === undefined) return choicesOfDrawing(name, all, metric);
  const series = selector(name, all);
  return [["selector", series], ["series", `${series} ${plain(metric.value)}`], ["value", plain(metric.value)]];
}

function choicesOfDrawing(name, all, { buckets, quantiles, count: total, sum }) {
  const parts = (suffix, label, values) => Object.entries(values).map(([key, value]) => [number(key), `${selector(name + suffix, [...all, [label, key]])} ${plain(value)}`]);
  const native = Array.isArray(buckets);
  const steps = native ? [] : [...parts("_bucket", "le", buckets ?? {}), ...parts("", "quantile", quantiles ?? {})].sort(([a], [b]) => a - b);
  const ends = [["_sum", sum], ["_count", total]].map(([suffix, value]) => `${selector(name + suffix, all)} ${plain(value)}`);
  const series = [...steps.map(([, line]) => line), ...ends].join("\n");
  return [["selector", selector(buckets && !native ? `${name}_bucket` : name, all)], ...(native ? [] : [["series", series]]), ["count", plain(total)], ["sum", plain(sum)]];
}

const born = ({ created }, now) => (created === undefined ? "" : `created ${ago(created, now)}`);

function makeRow(family, { labels, now }) {
  return (first) => {
    let metric = first;
    const cell = valueCell(family.name, "td", now);
    const age = h("small", { class: "muted" });
    const menu = copyMenu(`Copy a series of ${visible(family.name, 80)}`, () => choices(family.name, labels, metric));
    const node = h("tr", {}, h("th", { scope: "row" }, ...(metric.own.length ? labelTokens(metric.own) : [h("span", { class: "muted" }, "no further labels")]), age), cell.node, h("td", { class: "menu" }, menu));
    return {
      node,
      update(next) {
        metric = next;
        const { value, share } = next;
        cell.set(value);
        setText(age, born(metric, now()));
        const width = String(share ?? 0);
        if (node.style.getPropertyValue("--share") !== width) node.style.setProperty("--share", width);
      },
    };
  };
}

function makeDrawing(family, { labels, now: clock }) {
  return (first) => {
    let metric = first;
    const place = h("div");
    const age = h("small", { class: "muted age" });
    const menu = copyMenu(`Copy a series of ${visible(family.name, 80)}`, () => choices(family.name, labels, metric));
    const node = h("div", { class: "drawing" }, metric.own.length ? h("p", { class: "labels" }, ...labelTokens(metric.own)) : null, age, menu, place);
    let shown = "";
    return {
      node,
      update(now) {
        metric = now;
        setText(age, born(now, clock()));
        const data = JSON.stringify([now.buckets, now.quantiles, now.count, now.sum]);
        if (data === shown) return;
        shown = data;
        const open = place.querySelector("details")?.open;
        const focused = place.contains(document.activeElement) && document.activeElement.tagName;
        place.replaceChildren((family.type === "histogram" ? histogram : summary)(family.name, now));
        const details = place.querySelector("details");
        if (open && details) details.open = true;
        if (focused === "SUMMARY") details?.firstChild.focus({ preventScroll: true });
      },
    };
  };
}

// Bars behind the values of one family compare its series; they mean nothing for a lone or a negative value.
function withShares(name, metrics) {
  const values = metrics.map((metric) => number(metric.value));
  const top = values.reduce((one, other) => Math.max(one, other), -Infinity);
  if (metrics.length < 2 || isMoment(name, top) || !(top > 0) || top === Infinity || !values.every((value) => value >= 0)) return metrics;
  return metrics.map((metric, i) => ({ ...metric, share: values[i] / top }));
}

/** A part that shows a family; `isOpen(name, byDefault)` and `toggle(name, open)` keep what the reader opened. */
export function makeFamily({ isOpen, toggle, now, refresh, labels }) {
  return (first) => {
    const { name } = first;
    let family = first;
    let limit = PAGE[first.type] ?? 100;
    let body = null;
    let single = null;
    const type = h("span", { class: "type" });
    const size = h("span", { class: "meta" });
    const help = h("p", { class: "help" });
    const time = h("time", { class: "meta" });
    const button = h("button", { type: "button", class: "toggle", onclick: () => {
      toggle(name, button.getAttribute("aria-expanded") !== "true");
      refresh();
    } }, visible(name));
    const title = h("h3", {}, button);
    const head = h("div", { class: "family-head" }, title, type, size, time, help);
    const node = h("section", { class: "family" }, head);

    function showSingle() {
      body?.remove();
      body = null;
      single ??= h("div", { class: "single" });
      const [metric] = family.metrics;
      const key = keyOf(metric.own);
      if (single.dataset.key !== key) {
        single.dataset.key = key;
        const cell = valueCell(name, "p", now);
        single.cell = cell;
        single.age = h("small", { class: "muted age" });
        const menu = copyMenu(`Copy the series of ${visible(name, 80)}`, () => choices(name, labels, family.metrics[0]));
        single.replaceChildren(...(metric.own.length ? [h("p", { class: "labels" }, ...labelTokens(metric.own))] : []), single.age, cell.node, menu);
      }
      single.cell.set(metric.value);
      setText(single.age, born(metric, now()));
      if (!single.isConnected) head.after(single);
    }

    function showSeries() {
      single?.remove();
      const rows = drawn(family) ? family.metrics : withShares(name, family.metrics);
      if (!body) {
        body = h("div", { class: "series" });
        body.list = drawn(family) ? h("div", { class: "drawings" }) : h("tbody");
        body.append(drawn(family) ? body.list : h("table", {},
          h("caption", { class: "sr" }, `Series of ${visible(name, 80)}`),
          h("thead", { class: "sr" }, h("tr", {}, h("th", { scope: "col" }, "Labels"), h("th", { scope: "col" }, "Value"), h("th", { scope: "col" }, "Copy"))),
          body.list));
        body.next = h("button", { type: "button", class: "button", onclick: () => {
          limit += PAGE[family.type] ?? 100;
          refresh();
        } });
        body.every = h("button", { type: "button", class: "button", onclick: () => {
          limit = Infinity;
          refresh();
        } });
        body.more = h("p", { class: "more pair" }, body.next, body.every);
        body.append(body.more);
        node.append(body);
      }
      keyed(body.list, rows.slice(0, limit), (metric) => keyOf(metric.own), (drawn(family) ? makeDrawing : makeRow)(family, { labels, now }));
      const left = rows.length - limit;
      setText(body.next, `Show ${Math.min(left, PAGE[family.type] ?? 100)} more of ${left}`);
      setText(body.every, `Show all ${rows.length}`);
      setFlag(body.more, "hidden", left <= 0);
    }

    return {
      node,
      update(next) {
        const changed = next.type !== family.type;
        family = next;
        if (changed) {
          body?.remove();
          body = null;
        }
        setText(type, family.type);
        setAttribute(type, "data-type", family.type);
        setText(help, visible(family.help, 600));
        setFlag(help, "hidden", !family.help);
        setText(time, ago(family.at, now()));
        setAttribute(time, "datetime", new Date(family.at * 1000).toISOString());
        setAttribute(time, "title", `last pushed ${date(family.at)}`);
        const alone = inline(family);
        setText(size, alone ? "" : count(family.metrics.length, "series"));
        if (alone) {
          if (button.isConnected) title.replaceChildren(visible(name));
          showSingle();
          return;
        }
        if (!button.isConnected) title.replaceChildren(button);
        single?.remove();
        const open = isOpen(name, family.metrics.length <= OPEN_UP_TO);
        setAttribute(button, "aria-expanded", String(open));
        if (open) showSeries();
        else {
          body?.remove();
          body = null;
        }
      },
    };
  };
}
