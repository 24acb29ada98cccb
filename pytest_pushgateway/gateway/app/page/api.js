// Talking to the gateway: addresses relative to this page, so that prefixes and proxies need no configuration.

import { keyOf, number } from "./format.js";

// Not document.baseURI: an address with a user name and password in it must not reach fetch, which refuses it.
const BASE = new URL(location.pathname.replace(/[^/]*$/, ""), location.origin);

export const address = (path) => new URL(path, BASE).href;

async function call(path, options = {}) {
  const answer = await fetch(address(path), { cache: "no-store", signal: AbortSignal.timeout(30_000), ...options });
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`.trim());
  return answer;
}

const json = async (path) => (await call(path)).json();

export const fetchState = () => json("-/state");
export const fetchRequest = (number) => json(`-/state/${number}`);
export const fetchStatus = async () => (await json("api/v1/status")).data;
export const fetchGroups = async () => (await json("api/v1/metrics")).data.map(toGroup).sort(byKey);
export const wipe = () => call("api/v1/admin/wipe", { method: "PUT" });
export const remove = (path) => call(path, { method: "DELETE" });

function base64(text) {
  const bytes = new TextEncoder().encode(text);
  let binary = "";
  for (let i = 0; i < bytes.length; i += 1) binary += String.fromCharCode(bytes[i]);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "") || "=";
}

// A name outside the legacy character set travels as the gateway's U__ escaping.
function labelName(name) {
  if (/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) return name;
  const escaped = Array.from(name, (c, i) => {
    if (c === "_") return "__";
    return /[a-zA-Z:]/.test(c) || (i > 0 && /[0-9]/.test(c)) ? c : `_${c.codePointAt(0).toString(16)}_`;
  });
  return `U__${escaped.join("")}`;
}

/** The path of the group with these label pairs; values in base64, which carries every character. */
export function groupPath(labels) {
  const job = labels.find(([name]) => name === "job")?.[1] ?? "";
  const rest = labels.filter(([name]) => name !== "job");
  return `metrics/job@base64/${base64(job)}${rest.map(([n, v]) => `/${labelName(n)}@base64/${base64(v)}`).join("")}`;
}

const collator = new Intl.Collator("en", { numeric: true });

// The job leads, as people look for it first; the others by name.
const sorted = (labels) => Object.entries(labels).sort(([a], [b]) => (b === "job") - (a === "job") || collator.compare(a, b));

function byKey(a, b) {
  return collator.compare(a.order, b.order) || (a.id < b.id ? -1 : 1);
}

const PUSH_TIMES = new Set(["push_time_seconds", "push_failure_time_seconds"]);

function toGroup(data) {
  const families = [];
  const entries = new Map(Object.entries(data));
  for (const [name, value] of entries) if (Array.isArray(value?.metrics) && !PUSH_TIMES.has(name)) families.push(toFamily(name, value));
  families.sort((a, b) => (a.name < b.name ? -1 : 1));
  const time = (name) => number(entries.get(name)?.metrics[0]?.value ?? "0");
  // A family named "labels" takes the place of the grouping key in the API. The push times carry the labels, but not
  // whether an empty instance is one of them, so that such a group can be shown but not addressed.
  const hidden = Array.isArray(data.labels.metrics);
  const labels = sorted(hidden ? entries.get("push_time_seconds").metrics[0].labels : data.labels);
  const id = keyOf(labels);
  const names = new Set(labels.map(([name]) => name));
  for (const family of families) {
    for (const metric of family.metrics) metric.own = metric.labels.filter(([name, value]) => !names.has(name) && !(name === "instance" && value === ""));
  }
  foldCreated(families);
  const pushed = time("push_time_seconds");
  const failed = time("push_failure_time_seconds");
  return {
    id, labels, hidden, families, pushed, failed,
    ok: failed <= pushed,
    order: labels.map(([name, value]) => (name === "job" ? value : `${name}=${value}`)).join("\u0001"),
    series: families.reduce((sum, family) => sum + family.metrics.length, 0),
  };
}

/** Clients push the time of each counter's creation as a separate family; here it is said with the counter. */
function foldCreated(families) {
  const byName = new Map(families.map((family) => [family.name, family]));
  for (const family of [...families]) {
    const base = /^(.+)_created$/.exec(family.name)?.[1];
    const owner = base && (byName.get(base) ?? byName.get(`${base}_total`));
    if (!owner || owner.type === "gauge" || !/^(gauge|untyped)$/.test(family.type)) continue;
    const times = new Map(family.metrics.map((metric) => [keyOf(metric.own), number(metric.value)]));
    if (!owner.metrics.every((metric) => times.has(keyOf(metric.own))) || times.size !== owner.metrics.length) continue;
    for (const metric of owner.metrics) metric.created = times.get(keyOf(metric.own));
    families.splice(families.indexOf(family), 1);
  }
}

function toFamily(name, data) {
  return {
    name,
    type: data.type.toLowerCase(),
    help: data.help ?? "",
    at: Date.parse(data.time_stamp) / 1000,
    metrics: data.metrics.map((metric) => ({ ...metric, labels: sorted(metric.labels) })),
  };
}
