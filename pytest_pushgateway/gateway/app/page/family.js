// One metric family of an open group: its head, and its series once it is open.

import { histogram, summary } from "./charts.js";
import { h, keyed, setAttribute, setText } from "./dom.js";
import { ago, count, date, hint, number, plain, visible } from "./format.js";
import { keyOf } from "./api.js";

const PAGE = { histogram: 10, summary: 20 };
const OPEN_UP_TO = 20;

/** Label pairs as small tokens. */
export function labelTokens(labels) {
  return labels.map(([name, value]) => h("span", { class: name === "job" ? "label job" : "label" }, h("span", {}, visible(name, 80)), "=", h("b", {}, `"${visible(value).replaceAll('"', '\\"')}"`)));
}

const drawn = (family) => family.type === "histogram" || family.type === "summary";
const inline = (family) => family.metrics.length === 1 && !drawn(family);

function valueCell(name, tag) {
  const text = h("span");
  const note = h("small");
  const node = h(tag, { class: "value" }, note, text);
  let shown = null;
  return {
    node,
    set(value) {
      if (value === shown) return;
      setText(text, plain(value));
      setText(note, hint(name, number(value)));
      if (shown !== null) { // a value that changed under the reader's eyes glows once
        node.classList.remove("changed");
        void node.offsetWidth;
        node.classList.add("changed");
      }
      shown = value;
    },
  };
}

function makeRow(family) {
  return (metric) => {
    const cell = valueCell(family.name, "td");
    const node = h("tr", {}, h("th", { scope: "row" }, ...(metric.own.length ? labelTokens(metric.own) : [h("span", { class: "muted" }, "no further labels")])), cell.node);
    return {
      node,
      update({ value, share }) {
        cell.set(value);
        node.style.setProperty("--share", String(share ?? 0));
      },
    };
  };
}

function makeDrawing(family) {
  return (metric) => {
    const place = h("div");
    const node = h("div", { class: "drawing" }, metric.own.length ? h("p", { class: "labels" }, ...labelTokens(metric.own)) : null, place);
    let shown = "";
    return {
      node,
      update(now) {
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
function withShares(metrics) {
  const values = metrics.map((metric) => number(metric.value));
  const top = Math.max(...values);
  if (metrics.length < 2 || !(top > 0) || top === Infinity || !values.every((value) => value >= 0)) return metrics;
  return metrics.map((metric, i) => ({ ...metric, share: values[i] / top }));
}

/** A part that shows a family; `isOpen(name, byDefault)` and `toggle(name, open)` keep what the reader opened. */
export function makeFamily({ isOpen, toggle, now, refresh }) {
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
        const cell = valueCell(name, "p");
        single.cell = cell;
        single.replaceChildren(...(metric.own.length ? [h("p", { class: "labels" }, ...labelTokens(metric.own))] : []), cell.node);
      }
      single.cell.set(metric.value);
      if (!single.isConnected) head.after(single);
    }

    function showSeries() {
      single?.remove();
      const rows = drawn(family) ? family.metrics : withShares(family.metrics);
      if (!body) {
        body = h("div", { class: "series" });
        body.list = drawn(family) ? h("div", { class: "drawings" }) : h("tbody");
        body.append(drawn(family) ? body.list : h("table", {},
          h("caption", { class: "sr" }, `Series of ${visible(name, 80)}`),
          h("thead", { class: "sr" }, h("tr", {}, h("th", { scope: "col" }, "Labels"), h("th", { scope: "col" }, "Value"))),
          body.list));
        body.more = h("button", { type: "button", class: "button more", onclick: () => {
          limit += PAGE[family.type] ?? 100;
          refresh();
        } });
        node.append(body);
      }
      keyed(body.list, rows.slice(0, limit), (metric) => keyOf(metric.own), drawn(family) ? makeDrawing(family) : makeRow(family));
      const left = rows.length - limit;
      setText(body.more, `Show ${Math.min(left, PAGE[family.type] ?? 100)} more of ${left}`);
      if (left > 0) body.append(body.more);
      else body.more.remove();
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
        help.hidden = !family.help;
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
