// Label pairs as paths and in their order. Pure functions.

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

/** Pairs in the order of reading: the job leads, as people look for it first; the others by name. */
export const inOrder = (labels) => [...labels].sort(([a], [b]) => (b === "job") - (a === "job") || collator.compare(a, b));

/** Compare groups by their labels, numbers in them as numbers. */
export const byLabels = (one, other) => collator.compare(one.order, other.order) || (one.id < other.id ? -1 : 1);
