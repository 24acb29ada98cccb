// The requests view: what came in lately, newest first, with the gateway's verdict. An open one shows what it carried.

import { copy, h, icon, keyed, setAttribute, setFlag, setText, snippet } from "./dom.js";
import { labelTokens } from "./family.js";
import { count, date, duration, keyOf, lines, visible } from "./format.js";
import { meets, selector } from "./search.js";

const KINDS = [["all", "All"], ["push", "Pushes"], ["delete", "Deletions"], ["scrape", "Scrapes"], ["rejected", "Rejected"]];
const CLASSES = [["", "Any status"], ["2", "2xx"], ["3", "3xx"], ["4", "4xx"], ["5", "5xx"], ["0", "No answer"]];

const bad = (request) => request.error !== null || request.status === 0 || request.status >= 300;

function verdict(request) {
  if (request.status === 0) return "no answer";
  if (request.status >= 300 && request.status < 400) return "redirected";
  if (bad(request)) return request.kind === "push" ? "rejected" : "refused";
  if (request.kind === "delete") return request.matched === false ? "no such group" : "deleted";
  return { push: "accepted", wipe: "wiped", scrape: "served" }[request.kind] ?? "served";
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/**
 * The request to a gateway at `base` as a command for a shell. A body that is not known whole, or not text, is read from
 * a file: curl stops if there is none, where a push of half a body would replace the group by it.
 */
function asCurl(request, opened, base) {
  const { method, target, number } = request;
  const fromFile = opened.size > 0 && (opened.cut || opened.body === null);
  const sent = fromFile ? /^content-(type|encoding)$/i : /^content-type$/i;
  const parts = [`curl ${method === "HEAD" ? "--head" : `-X ${/^\w+$/.test(method) ? method : quoted(method)}`}`];
  if (/[[\]{}]/.test(target)) parts[0] += " --globoff";
  if (/\/\.\.?(\/|$)/.test(target)) parts[0] += " --path-as-is";
  parts.push(...opened.headers.filter(([name]) => sent.test(name)).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`));
  if (fromFile) parts.push(`--upload-file body-of-request-${number}`);
  else if (opened.body) parts.push(`--data-${opened.body.startsWith("@") ? "raw" : "binary"} ${quoted(opened.body)}`);
  // Joined as they are: to a browser, `//metrics/job/a` would be another host.
  return [...parts, quoted(target.startsWith("/") ? new URL(base).origin + target : target)].join(" \\\n  ");
}

function makeBody(title, opened) {
  if (!opened.size) return h("p", { class: "muted" }, "No body.");
  if (opened.left_out) return h("p", { class: "muted" }, `${count(opened.size, "byte")}, left out to keep this file small.`);
  if (opened.body === null) return h("p", { class: "muted" }, `${count(opened.size, "byte")} that are not text.`);
  const note = opened.cut ? ` The beginning of ${count(opened.size, "byte")}.` : "";
  return h("div", {}, h("h3", {}, title, h("small", {}, note)), snippet(title.toLowerCase(), opened.body));
}

function makeOpened(app, request, opened, others) {
  const agent = opened.headers.find(([name]) => name.toLowerCase() === "user-agent")?.[1];
  const copyCurl = h("button", { type: "button", class: "button", onclick: () => copy(asCurl(request, opened, app.base), (text) => shown.replaceChildren(snippet("curl command", text))) }, icon("copy"), "Copy as curl");
  const shown = h("div");
  const group = request.labels && app.groups.some(({ id }) => id === keyOf(request.labels))
    ? h("a", { class: "button", href: `#metrics?q=${encodeURIComponent(selector("", request.labels))}` }, "Go to group") : null;
  const sides = [h("div", { class: "side" }, makeBody("Body", opened))];
  for (const { labels, number, body } of others) {
    const title = number === null ? "Collides with a group pushed earlier" : `Collides with request ${number}`;
    sides.push(h("div", { class: "side other" }, h("p", { class: "labels" }, ...labelTokens(labels)), body ? makeBody(title, body) : h("p", { class: "muted" }, `${title}. Its body is no longer known.`)));
  }
  return h("div", { class: "opened" },
    h("p", { class: "buttons" }, copyCurl, group),
    shown,
    h("p", { class: "muted" }, `Request ${request.number} from ${visible(opened.client || "an unknown client", 80)}${agent ? ` with ${visible(agent, 120)}` : ""}`),
    h("div", { class: "sides" }, ...sides),
    h("details", {}, h("summary", {}, count(opened.headers.length, "header")),
      h("table", { class: "plain" }, h("caption", { class: "sr" }, "Headers"), h("tbody", {}, ...opened.headers.map(([name, value]) => h("tr", {}, h("th", { scope: "row" }, visible(name, 80)), h("td", {}, visible(value, 500))))))));
}

/**
 * A request in a list, which shows what it carried once it is opened. `open` has the keys of those that are; `app` gives
 * the gateway's address as `base`, its groups, what a request carried (`fetchRequest`) and the words for its time (`when`).
 */
export function makeRequest(app, open) {
  return (request) => {
    const time = h("time", { class: "meta", title: date(request.at), datetime: new Date(request.at * 1000).toISOString() });
    const outcome = verdict(request);
    const place = h("div", { class: "place" });
    const details = [
      request.kind === "push" && request.families.length ? `${request.families.slice(0, 3).map((name) => visible(name, 60)).join(", ")}${request.families.length > 3 ? " …" : ""} · ${count(request.series, "series")}` : "",
      request.removed.length ? `took away ${request.removed.slice(0, 3).map((name) => visible(name, 60)).join(", ")}${request.removed.length > 3 ? ` and ${request.removed.length - 3} more` : ""}` : "",
    ].filter(Boolean);
    async function show() {
      place.replaceChildren(h("p", { class: "muted" }, "Loading…"));
      try {
        const opened = await app.fetchRequest(request.number);
        const others = await Promise.all(opened.collides_with.map(async (other) => ({ ...other, body: other.number === null ? null : await app.fetchRequest(other.number).catch(() => null) })));
        if (open.has(request.key)) place.replaceChildren(makeOpened(app, request, opened, others));
      } catch (error) {
        const why = /^404\b/.test(error.message) ? "The gateway no longer knows what this request carried." : `The gateway does not answer: ${error.message}. Close this request and open it again.`;
        place.replaceChildren(h("p", { class: "muted" }, why));
      }
    }
    const button = h("button", { type: "button", class: "toggle", "aria-expanded": String(open.has(request.key)), onclick: () => {
      if (open.delete(request.key)) place.replaceChildren();
      else {
        open.add(request.key);
        show();
      }
      setAttribute(button, "aria-expanded", String(open.has(request.key)));
    } }, h("span", { class: `method ${request.method.toLowerCase()}` }, visible(request.method, 12)),
    h("span", { class: "what labels" }, ...(request.labels ? labelTokens(request.labels) : [h("code", {}, visible(request.target, 200))])));
    if (open.has(request.key)) show(); // it comes back from behind a filter
    return {
      node: h("li", { class: `request${bad(request) ? " failed" : ""}` },
        button,
        request.fault ? h("span", { class: "pill" }, `fault: ${visible(request.fault, 60)}`) : null,
        request.origin ? h("span", { class: "pill" }, `by the ${visible(request.origin, 60)}`) : null,
        h("span", { class: `verdict${bad(request) ? " bad" : outcome === "no such group" ? " odd" : ""}` }, `${request.status || "—"} ${outcome}`),
        h("span", { class: "meta took" }, duration(request.duration)),
        time,
        details.length ? h("span", { class: "details meta" }, details.join(" · ")) : null,
        request.error ? h("span", { class: "error" }, lines(request.error, 2000)) : null,
        place),
      update: () => setText(time, app.when(request)),
    };
  };
}

function textOf(request) {
  return [request.method, request.target, String(request.status), request.error ?? "", request.fault ?? "", ...request.families, ...(request.labels ?? []).flat()].join("\n").toLowerCase();
}

const ofKind = (request, kind) => kind === "all" || (kind === "rejected" ? bad(request) : request.kind === kind);

const open = new Set(); // also while the view is made again, such as for another time zone

export function makeRequests(app) {
  const buttons = KINDS.map(([id, text]) => h("button", { type: "button", class: "tool", onclick: () => {
    app.setFilter({ kind: id === "all" ? "" : id });
    app.refresh();
  } }, text));
  const input = h("input", { type: "search", autocomplete: "off", spellcheck: "false", placeholder: "Filter: backup 400", "aria-label": "Filter by job, label, metric, path or error" });
  const status = h("select", { "aria-label": "Status", onchange: () => {
    app.setFilter({ status: status.value });
    app.refresh();
  } }, ...CLASSES.map(([value, text]) => h("option", { value }, text)));
  input.addEventListener("input", () => {
    app.setFilter({ q: input.value });
    app.refresh();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !input.value) return;
    input.value = "";
    input.dispatchEvent(new Event("input"));
  });
  const list = h("ol", { class: "requests", reversed: true });
  const nothing = h("div", { class: "empty" });
  const facts = h("p", { class: "facts" });
  const part = makeRequest(app, open);
  return {
    node: h("div", {}, h("h1", { class: "sr" }, "Requests"),
      h("div", { class: "toolbar", role: "search" }, h("div", { class: "field" }, icon("search"), input), status, h("div", { class: "kinds", role: "group", "aria-label": "Show" }, ...buttons)),
      facts, list, nothing),
    focusSearch: () => input.focus(),
    update() {
      const filters = app.filters();
      const kind = KINDS.some(([id]) => id === filters.kind) ? filters.kind : "all";
      if (input.value !== filters.q) input.value = filters.q;
      status.value = CLASSES.some(([value]) => value === filters.status) ? filters.status : "";
      buttons.forEach((button, i) => setAttribute(button, "aria-pressed", String(KINDS[i][0] === kind)));
      const wanted = meets(filters.q);
      const all = [...app.state.requests].reverse();
      const shown = all.filter((request) => ofKind(request, kind) &&
        (!status.value || String(Math.floor(request.status / 100)) === status.value) && wanted(request.labels ?? [], request.families, textOf(request)));
      for (const request of shown) request.key = `${request.number} ${request.at}`;
      keyed(list, shown, ({ key }) => key, part);
      setText(facts, shown.length < all.length ? `${shown.length} of ${count(all.length, "request")}, newest first` : `${count(all.length, "request")}, newest first`);
      setFlag(facts, "hidden", all.length === 0);
      setFlag(list, "hidden", shown.length === 0);
      setFlag(nothing, "hidden", shown.length > 0);
      const kept = all.length > 0;
      if (nothing.dataset.kept !== String(kept)) {
        nothing.dataset.kept = String(kept);
        nothing.replaceChildren(h("h2", {}, kept ? "No request matches" : "No requests"), h("p", {}, kept ? "The filter looks at jobs, labels, metrics, paths and errors." : "Pushes, deletions and scrapes appear here as they arrive."));
      }
    },
  };
}

/** How many of the pushes that are still listed were rejected. */
export const rejected = (state) => state.requests.filter((request) => request.kind === "push" && bad(request)).length;
