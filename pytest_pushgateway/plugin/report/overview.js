// The run at a glance: one strip for each worker, in which every test is a bar.

import { h } from "./dom.js";
import { duration } from "./format.js";
import { facts, from, until } from "./facts.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 1000;
const HEIGHT = 14;

const length = until - from || 1;

function bar(test) {
  const width = Math.max((test.duration / length) * WIDTH, 1.2).toFixed(2);
  return `M${(((test.began - from) / length) * WIDTH).toFixed(2)} 0h${width}v${HEIGHT}h-${width}z`;
}

function strip(tests, onpick) {
  const node = document.createElementNS(SVG, "svg");
  node.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  node.setAttribute("preserveAspectRatio", "none");
  node.setAttribute("aria-hidden", "true");
  for (const [name, chosen] of [["fine", tests.filter(({ failing }) => !failing)], ["bad", tests.filter(({ failing }) => failing)]]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", name);
    path.setAttribute("d", chosen.map(bar).join(""));
    node.append(path);
  }
  node.addEventListener("click", ({ clientX }) => {
    const { left, width } = node.getBoundingClientRect();
    const when = from + ((clientX - left) / width) * length;
    const distance = (test) => Math.max(test.began - when, when - test.began - test.duration, 0);
    onpick(tests.reduce((best, test) => (distance(test) < distance(best) ? test : best)));
  });
  return node;
}

export function makeOverview(onpick) {
  const workers = facts.workers.length ? facts.workers : [null];
  const rows = workers.map((worker) => {
    const tests = facts.tests.filter((test) => test.worker === worker);
    return h("div", { class: "worker" }, h("span", { class: "meta" }, worker ?? "run"), tests.length ? strip(tests, onpick) : h("span", { class: "meta" }, "no tests"));
  });
  return h("div", { class: "overview" }, ...rows, h("div", { class: "axis meta" }, h("span", {}, `+${duration(from)}`), h("span", {}, `+${duration(until)}`)));
}
