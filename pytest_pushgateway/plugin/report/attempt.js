// One test in the list: its lane, and, once it is opened, its failures and everything that its gateways got.

import { h, setAttribute, snippet } from "./dom.js";
import { count, date, duration, lines, visible } from "./format.js";
import { facts, FAILING } from "./facts.js";
import { makeLane, tip } from "./lane.js";
import { makeRequest } from "./requests.js";

const since = (seconds) => `${seconds < 0 ? "" : "+"}${duration(seconds)}`;

/** What the request list asks of the web page's application, for one gateway in one test. */
function application(test, gateway) {
  return {
    base: `${facts.gateways[gateway]?.url ?? "http://127.0.0.1"}/`,
    groups: [],
    when: (request) => since(request.since),
    fetchRequest: async (number) => test.marks.find((mark) => mark.isRequest && mark.gateway === gateway && mark.number === number),
  };
}

function inWords(mark, before) {
  if (mark.kind === "fault") return mark.event === "over" ? `${visible(mark.name, 200)} is over` : `${visible(mark.name, 200)}${mark.times ? `, for ${count(mark.times, "request")}` : ""}`;
  if (mark.kind === "clock") {
    if (mark.event === "running") return "the clock follows the real time again";
    const moved = before === undefined ? "" : `, ${since(mark.clock - before)}`;
    return `the clock is set to ${date(mark.clock)}${moved}`;
  }
  return `the gateway ${mark.event === "reset" ? "was reset" : `was ${visible(mark.event, 40)}`}`;
}

function makeEvent(test, mark, before) {
  const node = h("li", { class: "request event" },
    h("span", { class: "method" }, mark.kind === "life" ? "gateway" : mark.kind),
    h("span", { class: "what" }, inWords(mark, before)),
    h("time", { class: "meta", datetime: new Date((facts.started + mark.at) * 1000).toISOString(), title: tip(mark, test) }, since(mark.at - test.began)));
  return { node, update() {} };
}

function makeMarks(test) {
  const makers = new Map();
  const open = new Set();
  let clock;
  return test.marks.map((mark, index) => {
    if (!mark.isRequest) {
      const part = makeEvent(test, mark, clock);
      if (mark.kind === "clock") clock = mark.clock;
      return part;
    }
    if (!makers.has(mark.gateway)) makers.set(mark.gateway, makeRequest(application(test, mark.gateway), open));
    const request = { ...mark, key: index, at: mark.clock, since: mark.at - test.began, origin: mark.origin === "test" ? "test" : null };
    const part = makers.get(mark.gateway)(request);
    part.update();
    return part;
  });
}

function places(test) {
  const used = [...new Set(test.marks.map(({ gateway }) => gateway))];
  return used.map((gateway) => facts.gateways[gateway]?.url).filter(Boolean);
}

function makeOpened(test) {
  const phases = Object.entries(test.phases).map(([name, seconds]) => `${name} ${duration(seconds)}`);
  const head = [test.worker ? `on ${test.worker}` : "", `began ${since(test.began)}, at ${date(facts.started + test.began)}`, ...phases, ...places(test)].filter(Boolean);
  const marks = makeMarks(test);
  const gateways = new Set(test.marks.map(({ gateway }) => gateway));
  if (gateways.size > 1) {
    const numbers = [...gateways];
    for (const [index, { node }] of marks.entries()) node.insertBefore(h("span", { class: "pill" }, `gateway ${numbers.indexOf(test.marks[index].gateway) + 1}`), node.children[1]);
  }
  return {
    marks,
    node: h("div", { class: "opened" },
      h("p", { class: "muted" }, head.join(" · ")),
      test.reason ? h("p", {}, lines(test.reason, 2000)) : null,
      ...test.failures.map(({ phase, text }) => h("div", { class: "failure" }, h("h3", {}, phase === "worker" ? "The worker ended" : `${test.outcome === "rerun" ? "Failed, and was run again" : "Failed"} in ${phase}`), snippet("failure", text))),
      ...test.warnings.map((text) => h("div", { class: "banner warn" }, h("b", {}, "Warning"), h("span", {}, lines(text, 3000)))),
      test.outcome === "unfinished" ? h("p", {}, "The run ended before this test was reported.") : null,
      marks.length ? h("ol", { class: "requests" }, ...marks.map(({ node }) => node)) : h("p", { class: "muted" }, "Nothing reached a gateway in this test."),
      test.marks_left_out ? h("p", { class: "muted" }, `${count(test.marks_left_out, "event")} of its middle left out to keep this file small.`) : null),
  };
}

const shortName = (id) => {
  const at = id.indexOf("::");
  return at < 0 ? ["", id] : [id.slice(0, at + 2), id.slice(at + 2)];
};

/** A test in the list, its lane drawn on its own time or on that of the run. */
export function makeAttempt(test, ofRun) {
  const place = h("div", { class: "place" });
  let opened = null;
  function set(open) {
    opened = open ? makeOpened(test) : null;
    place.replaceChildren(...(opened ? [opened.node] : []));
    setAttribute(button, "aria-expanded", String(open));
  }
  function pick(index) {
    if (!opened) set(true);
    const { node } = opened.marks[index];
    const toggle = node.querySelector(".toggle[aria-expanded=false]");
    toggle?.click();
    node.scrollIntoView({ block: "nearest" });
    (node.querySelector(".toggle") ?? button).focus({ preventScroll: true });
  }
  const [path, name] = shortName(test.id);
  const bad = FAILING.has(test.outcome);
  const button = h("button", { type: "button", class: "toggle", "aria-expanded": "false", onclick: () => set(opened === null) },
    h("span", { class: `outcome ${bad ? "bad" : test.outcome === "passed" ? "good" : "odd"}` }, test.outcome),
    h("span", { class: "name" }, h("span", { class: "muted" }, visible(path, 200)), visible(name, 300)));
  const notes = [
    test.attempts > 1 ? `attempt ${test.attempt} of ${test.attempts}` : "",
    test.refusals ? count(test.refusals, "refusal") : "",
    test.warnings.length ? count(test.warnings.length, "warning") : "",
  ].filter(Boolean);
  const node = h("li", { class: `test${bad ? " failed" : ""}`, id: test.key },
    h("h2", {}, button),
    h("span", { class: "meta notes" }, ...notes.map((text) => h("span", { class: "pill" }, text))),
    h("span", { class: "meta took" }, duration(test.duration)),
    makeLane(test, ofRun, pick), place);
  return { node, update() {}, open: () => set(true), focus: () => button.focus() };
}
