// What the page knows of the gateway, kept up to date by the lines of its answers. No DOM.

import { fetchChanges } from "./api.js";
import { keyOf, number } from "./format.js";
import { byLabels, inOrder } from "./labels.js";

/**
 * The model: `groups`, `state`, `status`, and `loading` while the series of groups that are listed are on their way.
 * `refresh(shown)` asks the gateway and returns whether anything changed; `shown()` is called when there is something to
 * see before everything is there.
 */
export function makeModel() {
  const known = new Map(); // by the gateway's number
  let token = "";
  const model = { groups: [], state: null, status: null, digest: null, loading: false, refresh };

  async function refresh(shown) {
    const lines = fetchChanges(token);
    const { value: first } = await lines.next();
    const early = first.whole && known.size === 0; // nothing on the page yet that could be lost
    if (early && first.groups) model.loading = true;
    const rest = [];
    try {
      if (early) begin(first);
      for await (const line of lines) {
        rest.push(line);
        if (!early) continue;
        take(line);
        if (Array.isArray(line)) list();
        shown();
      }
      if (rest.length !== (first.groups ? first.groups + 1 : 0)) throw new Error("the answer broke off");
    } catch (error) {
      if (early) known.clear(); // what came is shown, and asked for again
      throw error;
    }
    if (!early) {
      begin(first);
      rest.forEach(take);
    }
    if (first.whole || first.gone.length > 0 || known.size !== model.groups.length) list();
    token = first.token;
    model.loading = false;
    return first.whole || first.gone.length > 0 || rest.length > 0 || first.requests.length > 0 || first.state !== undefined;
  }

  function list() {
    model.groups = [...known.values()].sort(byLabels);
  }

  function begin(first) {
    if (first.whole) {
      known.clear();
      model.status = first.status;
      model.digest = first.page;
    }
    for (const gone of first.gone) known.delete(gone);
    const before = first.whole ? [] : model.state.requests;
    const requests = [...before, ...first.requests].filter((request) => first.oldest !== null && request.number >= first.oldest);
    model.state = { ...(first.state ?? model.state), now: first.now, requests };
  }

  function take(line) {
    if (Array.isArray(line)) line.forEach(takeHead);
    else takeFamilies(line);
  }

  function takeHead([n, pairs, pushed, failed, failure]) {
    const labels = inOrder(pairs);
    const group = known.get(n) ?? { id: keyOf(labels), labels, all: new Map(), families: [], series: 0, loaded: false };
    group.order = labels.map(([name, value]) => (name === "job" ? value : `${name}=${value}`)).join("\u0001");
    group.pushed = number(pushed);
    group.failed = number(failed);
    group.ok = group.failed <= group.pushed;
    group.failure = failure;
    known.set(n, group);
  }

  function takeFamilies({ n, whole, families }) {
    const group = known.get(n);
    const names = new Set(group.labels.map(([name]) => name));
    if (whole) group.all.clear();
    for (const [name, data] of Object.entries(families)) group.all.set(name, toFamily(name, data, names));
    group.families = foldCreated([...group.all.values()].sort((a, b) => (a.name < b.name ? -1 : 1)));
    group.series = group.families.reduce((sum, family) => sum + family.metrics.length, 0);
    group.loaded = true;
  }

  return model;
}

function toFamily(name, data, groupLabels) {
  const own = ([label, value]) => !groupLabels.has(label) && !(label === "instance" && value === "");
  return {
    name,
    type: data.type.toLowerCase(),
    help: data.help ?? "",
    at: Date.parse(data.time_stamp) / 1000,
    metrics: data.metrics.map(({ labels, ...metric }) => ({ ...metric, own: inOrder(Object.entries(labels).filter(own)) })),
  };
}

/** Clients push the time of each counter's creation as a separate family; here it is said with the counter. */
function foldCreated(families) {
  const byName = new Map(families.map((family) => [family.name, family]));
  return families.filter((family) => {
    const base = /^(.+)_created$/.exec(family.name)?.[1];
    const owner = base && (byName.get(base) ?? byName.get(`${base}_total`));
    if (!owner) return true;
    for (const metric of owner.metrics) metric.created = undefined;
    if (owner.type === "gauge" || !/^(gauge|untyped)$/.test(family.type)) return true;
    const times = new Map(family.metrics.map((metric) => [keyOf(metric.own), number(metric.value)]));
    if (!owner.metrics.every((metric) => times.has(keyOf(metric.own))) || times.size !== owner.metrics.length) return true;
    for (const metric of owner.metrics) metric.created = times.get(keyOf(metric.own));
    return false;
  });
}
