// The page: fetches, keeps what was fetched, and draws the view that the address names.

import { address, fetchRequest, remove } from "./api.js";
import { announce, confirm, h, keyed, setAttribute, setFlag, setText } from "./dom.js";
import { labelTokens } from "./family.js";
import { ago, date, lines, showUtc } from "./format.js";
import { makeGroups } from "./groups.js";
import { makeModel } from "./model.js";
import { makeRequests, rejected } from "./requests.js";
import { makeStatus } from "./status.js";

const INTERVAL = 1000; // milliseconds; a refresh that takes long waits four times as long
const WHILE_LOADING = 200; // milliseconds from one drawing to the next
const AGES = 5; // seconds until ages are looked at again though nothing else changed
const TITLES = { metrics: "Metrics", requests: "Requests", status: "Status" };
const $ = (id) => document.getElementById(id);

const model = makeModel();
const app = {
  get groups() { return model.groups; },
  get state() { return model.state; },
  get status() { return model.status; },
  get loading() { return model.loading; },
  /** The gateway's time in Unix seconds: its clock may be frozen, so that the browser's does not count. */
  now: () => app.state.now,
  base: address(""),
  fetchRequest,
  when: (request) => ago(request.at, app.now()),
  refresh: draw,
  /** What the reader filters by: the parameters of the address, which can be kept and sent to others. */
  filters: () => route().filters,
  setFilter(changed) {
    const { view, filters } = route();
    const kept = Object.entries({ ...filters, ...changed }).filter(([, value]) => value);
    history.replaceState(null, "", `#${view}${kept.length ? `?${new URLSearchParams(kept)}` : ""}`);
  },
  offline: () => outage !== null,
  /** Wait for a change that was asked for, fetch, and say what came of it; an error stays until `cured()` or closed. */
  async attempt(promise, done, cured) {
    problem = null;
    try {
      await promise;
      await running; // what was asked for before the change must not be taken for what is there after it
      await poll();
      announce(done);
    } catch (error) {
      problem = { text: `The gateway did not do it: ${error.message}`, cured };
      announce(problem.text);
    }
    draw();
  },
};

let problem = null; // of the last deletion
let outage = null; // since when the gateway does not answer
let views = null;
let live = true;
let aged = null; // the gateway's time when ages were drawn
let timer;
let running = null;

function route() {
  const [name, search = ""] = location.hash.slice(1).split("?");
  const fallback = /\/status$/.test(location.pathname) ? "status" : "metrics";
  const filters = { q: "", type: "", failed: "", sort: "", kind: "", status: "", ...Object.fromEntries(new URLSearchParams(search)) };
  return { view: name in TITLES ? name : fallback, filters };
}

async function cycle() {
  clearTimeout(timer);
  const began = performance.now();
  let last = -Infinity;
  const shown = () => {
    if (performance.now() - last < WHILE_LOADING) return;
    draw();
    last = performance.now();
  };
  try {
    const changed = await model.refresh(shown);
    if (outage) announce("The gateway answers again");
    if (changed || outage || Math.abs(app.now() - aged) >= AGES) {
      outage = null;
      draw();
    }
  } catch (error) {
    outage = { since: outage?.since ?? Date.now() / 1000, text: error.message };
    draw();
  }
  clearTimeout(timer);
  if (live && !document.hidden) timer = setTimeout(poll, Math.max(INTERVAL, 4 * (performance.now() - began)));
}

function poll() {
  running ??= cycle().finally(() => { running = null; });
  return running;
}

function banners() {
  const list = [];
  const { state } = app;
  if (outage) list.push({ id: "outage", kind: "danger", title: "The gateway does not answer", text: `${outage.text}. Trying again; ${state ? `what is shown is from ${date(state.now)}` : "nothing could be read yet"}.` });
  if (problem?.cured()) problem = null;
  if (problem) list.push({ id: "problem", kind: "danger", text: problem.text, closable: true });
  if (!state) return list;
  if (model.digest !== globalThis.early.digest) list.push({ id: "page", kind: "info", title: "The gateway has another version of this page", text: "Reload it to see everything as it is." });
  if (state.note) list.push({ id: "note", kind: "info", text: state.note });
  if (state.conflict_error) list.push({ id: "conflict", kind: "danger", title: conflictTitle(), text: state.conflict_error, conflicts: state.conflicts });
  // No age here, which would be read out each second: screen readers follow the banners.
  if (state.persistence.error) list.push({ id: "persistence", kind: "warn", title: "Persistence is failing", text: `${state.persistence.error} (since ${date(state.persistence.since)}). Pushes go on.` });
  return list;
}

function conflictTitle() {
  const unchecked = app.status?.flags["push.disable-consistency-check"] === "true";
  const refused = unchecked ? "Scrapes answer 500" : "Scrapes answer 500, and pushes are refused unless they end the conflict";
  const { length } = app.state.conflicts;
  return length ? `${refused}: delete ${length === 1 ? "the group named below" : `all ${length} groups named below`}` : refused;
}

async function askCure({ labels, path }) {
  const sure = await confirm("Delete this group?", h("p", { class: "labels" }, ...labelTokens(labels)), "Delete");
  if (sure) await app.attempt(remove(path), "Group deleted", () => app.state.conflicts.every((other) => other.path !== path));
}

function makeBanner(first) {
  const title = h("b");
  const text = h("span");
  const cures = h("span", { class: "cures" });
  const cure = (conflict) => ({
    node: h("button", { type: "button", class: "button", onclick: () => askCure(conflict) }, "Delete ", ...labelTokens(conflict.labels)),
    update() {},
  });
  const close = first.closable ? h("button", { type: "button", class: "close", "aria-label": "Close", onclick: () => {
    problem = null;
    draw();
  } }, "×") : null;
  return {
    node: h("div", { class: `banner ${first.kind}` }, close, title, text, cures),
    update(banner) {
      setText(title, banner.title ?? "");
      setText(text, lines(banner.text, 2000));
      keyed(cures, banner.conflicts ?? [], ({ path }) => path, cure);
    },
  };
}

function bubble(node, amount, noun) {
  setFlag(node, "hidden", amount === 0);
  setText(node, String(amount));
  setAttribute(node, "aria-label", `${amount} ${noun}`);
}

function draw() {
  keyed($("banners"), banners(), ({ id }) => id, makeBanner);
  document.body.classList.toggle("stale", outage !== null);
  setText($("live-text"), !live ? "Paused" : outage ? "Offline" : app.state ? "Live" : "Connecting");
  for (const button of document.querySelectorAll("#banners .cures button, .bin, .tool.danger")) setFlag(button, "disabled", outage !== null);
  if (!app.state) return;
  aged = app.now();
  views ??= { metrics: makeGroups(app), requests: makeRequests(app), status: makeStatus(app) };
  const { view } = route();
  if ($("view").firstChild !== views[view].node) $("view").replaceChildren(views[view].node);
  for (const link of document.querySelectorAll("[data-view]")) setAttribute(link, "aria-current", link.dataset.view === view ? "page" : null);
  const failed = app.groups.filter(({ ok }) => !ok).length;
  setFlag(document, "title", `${failed ? `(${failed} failed) ` : ""}${TITLES[view]} · Pushgateway`);
  views[view].update();
  bubble($("rejected"), rejected(app.state), "rejected");
  bubble($("troubles"), (app.state.persistence.error ? 1 : 0) + (app.state.conflict_error ? 1 : 0), "in trouble");
  setText($("build"), `pytest-pushgateway ${app.status.build_information.version}`);
  setAttribute($("raw"), "href", `.${app.status.flags["web.telemetry-path"]}`);
}

const ZONE = "pushgateway-utc";

function zone(chosen) {
  showUtc(chosen);
  setAttribute($("zone"), "aria-pressed", String(chosen));
  setText($("zone"), chosen ? "UTC" : "Local");
}

function storedZone() {
  try {
    return localStorage.getItem(ZONE) === "1";
  } catch {
    return false; // storage may be switched off
  }
}

$("zone").addEventListener("click", () => {
  const chosen = $("zone").getAttribute("aria-pressed") !== "true";
  try { localStorage.setItem(ZONE, chosen ? "1" : ""); } catch { /* chosen for this page only */ }
  zone(chosen);
  views = null; // dates stand everywhere
  draw();
});
zone(storedZone());
$("live").addEventListener("click", () => {
  live = !live;
  setAttribute($("live"), "aria-pressed", String(live));
  if (live) poll();
  else {
    clearTimeout(timer);
    draw();
  }
});
document.querySelector(".skip").addEventListener("click", (event) => { // the address names the view, not a place in it
  event.preventDefault();
  $("main").focus();
});
addEventListener("hashchange", () => {
  draw();
  scrollTo(0, 0);
});
addEventListener("visibilitychange", () => { if (live && !document.hidden) poll(); });
addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  event.preventDefault();
  if (route().view === "status") {
    history.pushState(null, "", "#metrics");
    draw();
  }
  views?.[route().view].focusSearch();
});
poll();
