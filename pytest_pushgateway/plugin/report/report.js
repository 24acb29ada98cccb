// The report of a run: the overview, the filter, and a lane for each test, those that fail first.

import { h, icon, keyed, setAttribute, setText } from "./dom.js";
import { count, date, duration, lines, showUtc, visible } from "./format.js";
import { makeAttempt } from "./attempt.js";
import { facts, matches } from "./facts.js";
import { legend } from "./lane.js";
import { makeOverview } from "./overview.js";

const PAGE = 200;
const $ = (id) => document.getElementById(id);
const SHOWN = [
  ["", "All", () => true],
  ["failing", "Failing", (test) => test.failing],
  ["reruns", "Run again", (test) => test.attempts > 1],
  ["refusals", "With refusals", (test) => test.refusals > 0],
  ["faults", "With faults", (test) => test.marks.some((mark) => mark.kind === "fault" || mark.fault)],
  ["warnings", "With warnings", (test) => test.warnings.length > 0],
  ["gateway", "With a gateway", (test) => test.marks.length > 0],
];

const state = { q: "", show: "", scale: "", ...Object.fromEntries(new URLSearchParams(location.hash.slice(1))) };
let limit = PAGE;
let parts = new Map();

function remember(changed) {
  Object.assign(state, changed);
  const kept = Object.entries(state).filter(([name, value]) => value && ["q", "show", "scale"].includes(name));
  try {
    history.replaceState(null, "", kept.length ? `#${new URLSearchParams(kept)}` : location.pathname + location.search);
  } catch { /* a frame without an origin has no history of its own */ }
}

function problems() {
  const list = facts.problems.map((text) => ["danger", text]);
  if (!facts.tests.length) list.push(["info", "No test ran."]);
  else if (!facts.tests.some(({ marks }) => marks.length)) list.push(["info", "No test of this run used a gateway: nothing was pushed, deleted or scraped. A test uses one by requesting the fixture pushgateway."]);
  if (facts.bodies_left_out) list.push(["warn", `The bodies and headers of ${count(facts.bodies_left_out, "request")} are left out to keep this file small.`]);
  return list.map(([kind, text]) => {
    const [first, ...rest] = text.split("\n");
    return h("div", { class: `banner ${kind}` }, h("b", {}, visible(first, 500)), rest.length ? h("details", {}, h("summary", {}, "Details"), h("pre", {}, lines(rest.join("\n"), 30_000))) : null);
  });
}

function headline() {
  const requests = facts.tests.reduce((sum, { marks }) => sum + marks.filter(({ isRequest }) => isRequest).length, 0);
  const counted = Object.entries(facts.counts).filter(([, amount]) => amount).map(([outcome, amount]) => `${amount} ${outcome}`);
  const where = facts.workers.length ? ` on ${count(facts.workers.length, "worker")}` : "";
  const rest = [`${duration(facts.duration)}${where}`, `${count(requests, "request")} to ${count(facts.gateways.length, "gateway")}`, date(facts.started), facts.deselected ? `${facts.deselected} deselected` : ""];
  return [counted.join(", ") || "no tests", ...rest].filter(Boolean).join(" · ");
}

function pick(test) {
  remember({ q: "", show: "" });
  limit = Math.max(limit, facts.tests.indexOf(test) + 1);
  draw();
  const part = parts.get(test.key);
  part.open();
  part.node.scrollIntoView({ block: "start" });
  part.focus();
}

const title = h("h1", {}, visible(facts.project, 100));
const summary = h("p", { class: "facts" });
const input = h("input", { type: "search", autocomplete: "off", spellcheck: "false", placeholder: "Search: test_backup 400", "aria-label": "Search tests, jobs, metrics, bodies, headers and errors" });
const kinds = SHOWN.filter(([id, , holds]) => !id || facts.tests.some(holds)).map(([id, text]) => {
  const button = h("button", { type: "button", class: "tool", onclick: () => {
    remember({ show: id });
    limit = PAGE;
    draw();
  } }, text);
  return { id, button };
});
const scale = h("button", { type: "button", class: "tool", title: "Draw each lane on the time of the whole run", onclick: () => {
  remember({ scale: state.scale ? "" : "run" });
  list.replaceChildren();
  list = fresh(list);
  draw();
} }, "Time of the run");
const shown = h("p", { class: "facts", role: "status" });
const fresh = (old) => {
  const node = h("ol", { class: "tests" });
  old?.replaceWith(node);
  return node;
};
let list = fresh(null);
const more = h("button", { type: "button", class: "tool more", onclick: () => {
  limit += PAGE;
  draw();
} });
const nothing = h("div", { class: "empty" }, h("h2", {}, "No test matches"), h("p", {}, "The search looks at names, jobs, metrics, bodies, headers, errors and failures."));

input.addEventListener("input", () => {
  remember({ q: input.value });
  limit = PAGE;
  draw();
});
input.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !input.value) return;
  input.value = "";
  input.dispatchEvent(new Event("input"));
});

function draw() {
  if (input.value !== state.q) input.value = state.q;
  for (const { id, button } of kinds) setAttribute(button, "aria-pressed", String(id === state.show));
  setAttribute(scale, "aria-pressed", String(state.scale === "run"));
  const holds = SHOWN.find(([id]) => id === state.show)?.[2] ?? SHOWN[0][2];
  const asked = state.q.toLowerCase().split(/\s+/).filter(Boolean);
  const found = facts.tests.filter((test) => holds(test) && matches(test, asked));
  parts = keyed(list, found.slice(0, limit), ({ key }) => key, (test) => makeAttempt(test, state.scale === "run"));
  setText(shown, found.length < facts.tests.length ? `${found.length} of ${count(facts.tests.length, "test")}` : `${count(found.length, "test")}, failing first`);
  setText(more, `Show ${Math.min(PAGE, found.length - limit)} more of ${count(found.length - limit, "test")}`);
  more.hidden = found.length <= limit;
  nothing.hidden = found.length > 0 || facts.tests.length === 0;
  list.hidden = found.length === 0;
}

function zone(utc) {
  showUtc(utc);
  setAttribute($("zone"), "aria-pressed", String(utc));
  setText($("zone"), utc ? "UTC" : "Local");
  setText(summary, headline());
}

$("zone").addEventListener("click", () => {
  zone($("zone").getAttribute("aria-pressed") !== "true");
  list = fresh(list); // dates stand everywhere
  draw();
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  $("main").focus();
});
addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  event.preventDefault();
  input.focus();
});

$("view").replaceChildren(h("div", { class: "report" },
  title, summary, ...problems(),
  facts.tests.length ? makeOverview(pick) : "",
  h("div", { class: "toolbar", role: "search" }, h("div", { class: "field" }, icon("search"), input), h("div", { class: "kinds", role: "group", "aria-label": "Show" }, ...kinds.map(({ button }) => button)), scale),
  legend(), shown, list, more, nothing));
zone(false);
setText($("made-by"), `pytest-pushgateway ${facts.made_by.pytest_pushgateway}, pytest ${facts.made_by.pytest}, Python ${facts.made_by.python}, ${facts.made_by.platform}`);
draw();
