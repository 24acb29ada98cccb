// The metrics view: the filter and the groups. Closed groups hold no series.

import { address, remove, wipe } from "./api.js";
import { announce, confirm, h, icon, keyed, setAttribute, setFlag, setText, snippet } from "./dom.js";
import { labelTokens, makeFamily } from "./family.js";
import { ago, count, date, lines } from "./format.js";
import { groupPath } from "./labels.js";
import { filter } from "./search.js";
import { SORTS, stale } from "./staleness.js";

const PAGE = 200;
const FAMILIES = 100;
const OPENED_BY_SEARCH = 3;
const STORAGE = `pushgateway-open:${address(".")}`;

// What the reader opened or closed by hand, kept for this tab: "group id" or "group id / family" to true or false.
const opened = new Map(loadOpened());

function loadOpened() {
  try {
    return JSON.parse(sessionStorage.getItem(STORAGE)) ?? [];
  } catch {
    return [];
  }
}

function remember(key, open) {
  opened.set(key, open);
  try {
    sessionStorage.setItem(STORAGE, JSON.stringify([...opened].slice(-2000)));
  } catch { /* kept until the page is left */ }
}

const CHIPS = ["counter", "gauge", "histogram", "summary", "untyped"];

/** The view; `app` gives groups, state, now(), refresh() (draw again), reload() (fetch again) and the wanted query. */
export function makeGroups(app) {
  let limit = PAGE;
  let outcome = "";
  let allClosed = null; // what was filtered when "Close all" closed everything: hits of another filter open

  const input = h("input", { type: "search", id: "search", autocomplete: "off", spellcheck: "false", placeholder: "Filter: backup disk=sda", "aria-label": "Filter by job, label, name or help", "aria-keyshortcuts": "/" });
  const types = h("select", { "aria-label": "Type" }, h("option", { value: "" }, "All types"), ...CHIPS.map((name) => h("option", { value: name }, name)));
  const failed = h("button", { type: "button", class: "tool", "aria-pressed": "false" }, "Failed only");
  const sort = h("select", { "aria-label": "Sort by" }, ...Object.entries(SORTS).map(([value, { text }]) => h("option", { value }, text)));
  const closeAll = h("button", { type: "button", class: "tool", onclick: () => {
    for (const { id } of app.groups) if (opened.get(id)) remember(id, undefined);
    allClosed = filtered();
    app.refresh();
  } }, "Close all");
  const wipeButton = h("button", { type: "button", class: "tool danger", hidden: true, onclick: askWipe }, icon("trash"), "Delete all");
  const facts = h("p", { class: "facts" });
  const list = h("div", { class: "groups" });
  const more = h("button", { type: "button", class: "button", onclick: () => {
    limit += PAGE;
    app.refresh();
  } });
  const every = h("button", { type: "button", class: "button", onclick: () => {
    limit = Infinity;
    app.refresh();
  } });
  const rest = h("p", { class: "more pair" }, more, every);
  const nothing = h("div", { class: "empty" });
  const toolbar = h("div", { class: "toolbar", role: "search" },
    h("div", { class: "field" }, icon("search"), input, h("kbd", { "aria-hidden": "true" }, "/")), types, sort, failed, closeAll, wipeButton);
  const node = h("div", {},
    h("h1", { class: "sr" }, "Metrics"),
    toolbar, facts, list, rest, nothing);

  const filtered = () => JSON.stringify([input.value, types.value, failed.getAttribute("aria-pressed")]);

  let timer;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      limit = PAGE;
      app.setFilter({ q: input.value });
      app.refresh();
      announce(outcome);
    }, 80);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !input.value) return;
    input.value = "";
    input.dispatchEvent(new Event("input"));
  });
  types.addEventListener("change", () => {
    app.setFilter({ type: types.value });
    app.refresh();
    announce(outcome);
  });
  failed.addEventListener("click", () => {
    app.setFilter({ failed: app.filters().failed ? "" : "1" });
    app.refresh();
    announce(outcome);
  });
  sort.addEventListener("change", () => {
    app.setFilter({ sort: sort.value });
    app.refresh();
  });

  async function askWipe() {
    const { length } = app.groups;
    const sure = await confirm("Delete all groups?", h("p", {}, `${count(length, "group")} with everything pushed to them will be gone.`), `Delete ${length}`);
    if (!sure) return;
    await app.attempt(wipe(), `${count(length, "group")} deleted`, () => app.groups.length === 0);
    (app.groups.length ? input : document.getElementById("main")).focus();
  }

  async function askDelete(group) {
    const sure = await confirm("Delete this group?", h("p", { class: "labels" }, ...labelTokens(group.labels)), "Delete");
    if (!sure) return;
    const before = [...list.querySelectorAll(".group-head .toggle")];
    const at = before.findIndex((button) => button.closest("article").dataset.id === group.id);
    const conflict = app.state.conflicts.find(({ labels }) => labels.length === group.labels.length && labels.every(([n, v]) => group.labels.some(([m, w]) => n === m && v === w)));
    await app.attempt(remove(conflict?.path ?? groupPath(group.labels)), "Group deleted", () => app.groups.every(({ id }) => id !== group.id));
    const left = [...list.querySelectorAll(".group-head .toggle")];
    (left[Math.min(at, left.length - 1)] ?? (app.groups.length ? input : document.getElementById("main"))).focus();
  }

  function makeGroup(first) {
    let { group } = first;
    let body = null;
    let reason = null;
    const isOpen = (byDefault) => opened.get(group.id) ?? byDefault;
    const old = h("span", { class: "pill odd" }, "Stale");
    const button = h("button", { type: "button", class: "toggle", onclick: () => {
      remember(group.id, button.getAttribute("aria-expanded") !== "true");
      app.refresh();
    } }, ...labelTokens(group.labels));
    const pill = h("span", { class: "pill bad" }, "Last push failed");
    const meta = h("span", { class: "meta" });
    const time = h("time", { class: "meta" });
    const bin = h("button", { type: "button", class: "tool bin", title: "Delete group", "aria-label": `Delete group ${group.labels.map(([n, v]) => `${n} ${v.slice(0, 80)}`).join(", ")}`, onclick: () => askDelete(group) }, icon("trash"));
    const head = h("div", { class: "group-head" }, h("h2", {}, button), old, meta, time, bin);
    const card = h("article", { class: "group", "data-id": group.id }, head);
    const family = makeFamily({
      isOpen: (name, byDefault) => opened.get(`${group.id}/${name}`) ?? byDefault,
      toggle: (name, open) => remember(`${group.id}/${name}`, open),
      now: app.now,
      refresh: app.refresh,
      labels: () => group.labels,
    });
    let families = FAMILIES;

    function showReason() {
      const text = group.failure ?? "The gateway refused it; the reason is no longer known.";
      reason ??= h("p", { class: "reason" }, pill, h("time", {}), h("span", {}));
      setText(reason.children[1], ago(group.failed, app.now()));
      setAttribute(reason.children[1], "title", date(group.failed));
      setText(reason.children[2], lines(text, 2000));
      if (!reason.isConnected) head.after(reason);
    }

    return {
      node: card,
      update(found) {
        ({ group } = found);
        const open = isOpen(found.openByDefault);
        setAttribute(button, "aria-expanded", String(open));
        const total = group.families.length;
        setText(meta, !group.loaded ? "" : found.inside ? `${found.families.length} of ${count(total, "family")}` : total ? `${count(total, "family")} · ${count(group.series, "series")}` : "no metrics");
        setFlag(old, "hidden", !found.stale);
        setAttribute(old, "title", found.stale ? "Not pushed for longer than the other groups of its job" : null);
        setText(time, group.pushed ? ago(group.pushed, app.now()) : "never pushed");
        setAttribute(time, "title", group.pushed ? `last pushed ${date(group.pushed)}` : null);
        card.classList.toggle("failed", !group.ok);
        if (group.ok) reason?.remove();
        else showReason();
        if (!open) {
          body?.remove();
          body = null;
          return;
        }
        if (!body) {
          body = h("div", { class: "group-body" });
          body.list = h("div");
          body.next = h("button", { type: "button", class: "button", onclick: () => {
            families += FAMILIES;
            app.refresh();
          } });
          body.every = h("button", { type: "button", class: "button", onclick: () => {
            families = Infinity;
            app.refresh();
          } });
          body.more = h("p", { class: "more pair" }, body.next, body.every);
          body.note = h("p", { class: "muted note" });
          body.append(body.note, body.list, body.more);
          card.append(body);
        }
        setText(body.note, !group.loaded ? "Loading…" : total ? "" : "This group has only the times of its pushes.");
        setFlag(body.note, "hidden", !body.note.textContent);
        keyed(body.list, found.families.slice(0, families), ({ name }) => name, family);
        const left = found.families.length - families;
        setFlag(body.more, "hidden", left <= 0);
        setText(body.next, `Show ${Math.min(left, FAMILIES)} more of ${count(left, "family")}`);
        setText(body.every, `Show all ${found.families.length}`);
      },
    };
  }

  let emptyShown = "";
  function showNothing(kind) {
    if (emptyShown === kind) return;
    emptyShown = kind;
    nothing.replaceChildren();
    if (kind === "loading") {
      nothing.append(h("p", {}, "Loading…"));
    } else if (kind === "empty") {
      const base = address("");
      nothing.append(
        h("h2", {}, "Nothing has been pushed yet"),
        h("p", {}, "This page follows the gateway: the first push shows up here by itself. To try it:"),
        snippet("Push with curl", `echo "backup_bytes 1024" | curl --data-binary @- ${base}metrics/job/backup`),
        snippet("Push with Python", `from prometheus_client import CollectorRegistry, Gauge, push_to_gateway\n\nregistry = CollectorRegistry()\nGauge("backup_bytes", "Size of the backup.", registry=registry).set(1024)\npush_to_gateway("${base.replace(/\/$/, "")}", job="backup", registry=registry)`),
      );
    } else if (kind === "filtered") {
      nothing.append(h("h2", {}, "No group matches"), h("p", {}, "The filter looks at labels, names, help texts and types. Escape clears it."));
    }
  }

  return {
    node,
    focusSearch: () => input.focus(),
    update() {
      const filters = app.filters();
      const failing = filters.failed !== "";
      if (input.value !== filters.q && document.activeElement !== input) input.value = filters.q;
      types.value = CHIPS.includes(filters.type) ? filters.type : "";
      sort.value = filters.sort in SORTS ? filters.sort : "";
      setAttribute(failed, "aria-pressed", String(failing));
      const found = filter(app.groups, { query: input.value, failing, type: types.value });
      found.sort(SORTS[sort.value].compare ?? (() => 0));
      const left = stale(app.groups, app.now());
      const byInside = new Set(found.filter(({ inside }) => inside).slice(0, OPENED_BY_SEARCH).map(({ group }) => group.id));
      const closed = allClosed === filtered();
      if (!closed) allClosed = null;
      const few = app.groups.length <= 3 && !closed;
      for (const item of found) {
        item.openByDefault = few || (byInside.has(item.group.id) && !closed);
        item.stale = left.has(item.group.id);
      }
      keyed(list, found.slice(0, limit), ({ group }) => group.id, makeGroup);
      const hidden = found.length - limit;
      setFlag(rest, "hidden", !(hidden > 0));
      setText(more, `Show ${Math.min(hidden, PAGE)} more of ${count(hidden, "group")}`);
      setText(every, `Show all ${found.length}`);
      const bad = found.filter(({ group }) => !group.ok).length;
      outcome = found.length !== app.groups.length ? `${found.length} of ${count(app.groups.length, "group")}` : count(app.groups.length, "group");
      const old = found.filter((item) => item.stale).length;
      const families = found.reduce((sum, item) => sum + item.families.length, 0);
      const series = found.reduce((sum, item) => sum + item.families.reduce((n, family) => n + family.metrics.length, 0), 0);
      const size = app.loading ? ["loading…"] : [count(families, "family"), count(series, "series")];
      setText(facts, [outcome, ...size, bad ? `${bad} failed` : "", old ? `${old} stale` : ""].filter(Boolean).join(" · "));
      setFlag(facts, "hidden", app.groups.length === 0);
      setFlag(toolbar, "hidden", app.groups.length === 0);
      setFlag(failed, "disabled", app.groups.every(({ ok }) => ok) && !failing);
      setFlag(closeAll, "disabled", !list.querySelector('.group-head [aria-expanded="true"]'));
      setFlag(wipeButton, "hidden", !app.state.admin_api);
      for (const button of [wipeButton, ...list.querySelectorAll(".bin")]) setFlag(button, "disabled", app.offline());
      showNothing(found.length > 0 ? "" : app.loading ? "loading" : app.groups.length === 0 ? "empty" : "filtered");
      setFlag(nothing, "hidden", found.length > 0);
    },
  };
}
