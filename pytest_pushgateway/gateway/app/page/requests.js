// The requests view: what came in lately, newest first, with the gateway's verdict.

import { h, keyed, setAttribute, setText } from "./dom.js";
import { labelTokens } from "./family.js";
import { ago, count, date, duration, visible } from "./format.js";

const KINDS = [["all", "All"], ["push", "Pushes"], ["delete", "Deletions"], ["scrape", "Scrapes"], ["rejected", "Rejected"]];

const bad = (request) => request.error !== null || request.status === 0 || request.status >= 400;

function verdict(request) {
  if (request.status === 0) return "no answer";
  if (bad(request)) return request.kind === "push" ? "rejected" : "refused";
  if (request.kind === "delete") return request.matched === false ? "no such group" : "deleted";
  return { push: "accepted", wipe: "wiped", scrape: "served" }[request.kind] ?? "served";
}

function makeRequest(app) {
  return (request) => {
    const time = h("time", { class: "meta", title: date(request.at), datetime: new Date(request.at * 1000).toISOString() });
    const outcome = verdict(request);
    const details = [
      request.kind === "push" && request.families.length ? `${request.families.slice(0, 3).map((name) => visible(name, 60)).join(", ")}${request.families.length > 3 ? " …" : ""} · ${count(request.series, "series")}` : "",
      request.removed.length ? `took away ${request.removed.slice(0, 3).map((name) => visible(name, 60)).join(", ")}${request.removed.length > 3 ? ` and ${request.removed.length - 3} more` : ""}` : "",
    ].filter(Boolean);
    return {
      node: h("li", { class: `request${bad(request) ? " failed" : ""}` },
        h("span", { class: `method ${request.method.toLowerCase()}` }, visible(request.method, 12)),
        h("span", { class: "what labels" }, ...(request.labels ? labelTokens(request.labels) : [h("code", {}, visible(request.target, 200))])),
        request.fault ? h("span", { class: "pill" }, `fault: ${visible(request.fault, 60)}`) : null,
        request.origin ? h("span", { class: "pill" }, `by the ${visible(request.origin, 60)}`) : null,
        h("span", { class: `verdict${bad(request) ? " bad" : outcome === "no such group" ? " odd" : ""}` }, `${request.status || "—"} ${outcome}`),
        h("span", { class: "meta took" }, duration(request.duration)),
        time,
        details.length ? h("span", { class: "details meta" }, details.join(" · ")) : null,
        request.error ? h("span", { class: "error" }, visible(request.error, 2000)) : null),
      update: () => setText(time, ago(request.at, app.now())),
    };
  };
}

export function makeRequests(app) {
  let kind = "all";
  const buttons = KINDS.map(([id, text]) => h("button", { type: "button", class: "tool", "aria-pressed": String(id === kind), onclick: () => {
    kind = id;
    buttons.forEach((button, i) => setAttribute(button, "aria-pressed", String(KINDS[i][0] === kind)));
    app.refresh();
  } }, text));
  const list = h("ol", { class: "requests", reversed: true });
  const nothing = h("div", { class: "empty" }, h("h2", {}, "No requests"), h("p", {}, "Pushes, deletions and scrapes appear here as they arrive."));
  const facts = h("p", { class: "facts" });
  const part = makeRequest(app);
  return {
    node: h("div", {}, h("h1", { class: "sr" }, "Requests"), h("div", { class: "toolbar", role: "group", "aria-label": "Show" }, ...buttons), facts, list, nothing),
    update() {
      const all = [...app.state.requests].reverse();
      const shown = all.filter((request) => kind === "all" || (kind === "rejected" ? bad(request) : request.kind === kind));
      keyed(list, shown, JSON.stringify, part);
      setText(facts, `${count(shown.length, "request")}, newest first`);
      facts.hidden = shown.length === 0;
      nothing.hidden = shown.length > 0;
    },
  };
}

/** How many of the pushes that are still listed were rejected. */
export const rejected = (state) => state.requests.filter((request) => request.kind === "push" && bad(request)).length;
