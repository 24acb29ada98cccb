// The filter: words, "quoted words", label=value pairs and PromQL selectors, all of which must be found. Pure functions.

const ESCAPES = { n: "\n", t: "\t", r: "\r" };
const unquoted = (text) => text.replace(/\\(.)/gs, (_, letter) => ESCAPES[letter] ?? letter);
const TEXT = String.raw`"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\x60[^\x60]*\x60`;
const NAME = String.raw`${TEXT}|[^\s"'\x60=!~,{}]+`;
const MATCHER = new RegExp(String.raw`\s*(${NAME})\s*(=~|!~|!=|=)\s*(${TEXT})\s*(,|$)`, "ysu");
/** A name or a text without its quotes; between backticks nothing is escaped. */
const bare = (text) => (/^["']/.test(text) ? unquoted(text.slice(1, -1)) : text.startsWith("\x60") ? text.slice(1, -1) : text);

/** A regular expression of Prometheus, whose flags stand in front; one that only its dialect has is not one here. */
function pattern(wanted) {
  const [, flags, rest] = /^(?:\(\?([ims]+)\))?(.*)$/s.exec(wanted);
  const chosen = [...new Set(`s${flags ?? ""}`)].join("");
  try {
    return new RegExp(`^(?:${rest})$`, `${chosen}u`);
  } catch {
    return new RegExp(`^(?:${rest})$`, chosen); // any sign may be escaped
  }
}

/** A function that looks at one value, for a PromQL matcher; null for a regular expression that is not one. */
function test(operator, wanted) {
  if (operator === "=") return (value) => value === wanted;
  if (operator === "!=") return (value) => value !== wanted;
  try {
    const expression = pattern(wanted);
    return operator === "=~" ? (value) => expression.test(value) : (value) => !expression.test(value);
  } catch {
    return null;
  }
}

function matchers(text) {
  const found = [];
  MATCHER.lastIndex = 0;
  while (MATCHER.lastIndex < text.length) {
    const at = MATCHER.lastIndex;
    const match = MATCHER.exec(text);
    if (!match) return /^\s*$/.test(text.slice(at)) ? found : null;
    const check = test(match[2], bare(match[3]));
    if (!check) return null;
    const label = bare(match[1]);
    found.push(label === "__name__" ? { family: check } : { label, check });
  }
  return found;
}

/**
 * Read a PromQL selector such as `backup_bytes{disk="sda"}`: its terms, or null if the text is not one. What may follow
 * it, such as the value of a series, `[5m]` or `offset 1h`, is passed over.
 */
function selection(query) {
  const braces = new RegExp(String.raw`^\s*(${NAME})?\s*\{(.*)\}[^{}"'\x60]*$`, "su").exec(query);
  if (braces) {
    const quoted = new RegExp(String.raw`^\s*(${TEXT})\s*(?:,(.*))?$`, "su").exec(braces[2]); // {"name", a="b"}
    const terms = matchers(quoted ? quoted[2] ?? "" : braces[2]);
    const name = braces[1] ?? quoted?.[1];
    return terms && [...(name === undefined ? [] : [{ family: test("=", bare(name)) }]), ...terms];
  }
  const terms = matchers(query);
  return terms && (terms.length > 1 || /(?:=~|!~|!=)\s*["'\x60]|,\s*$/.test(query)) ? terms : null;
}

/** A PromQL selector of these label pairs. */
export function selector(name, labels) {
  const escaped = (text) => text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  const known = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
  const pairs = labels.map(([label, value]) => `${known.test(label) ? label : `"${escaped(label)}"`}="${escaped(value)}"`);
  if (name && !/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)) return `{${[`"${escaped(name)}"`, ...pairs].join(",")}}`;
  return `${name}{${pairs.join(",")}}`;
}

/** Split what was typed into terms: `{text}`, `{name, value}` in lower case, or those of a selector. */
function parse(query) {
  const selected = selection(query);
  if (selected) return selected;
  const terms = [];
  for (const [word] of query.matchAll(/(?:"(?:\\.|[^"\\])*"?|[^\s"])+/g)) {
    const pair = /^([^="]+)=(.*)$/s.exec(word);
    const strip = (text) => text.replace(/^"/, "").replace(/"$/, "").replace(/\\(.)/g, "$1").toLowerCase();
    terms.push(pair ? { name: pair[1].toLowerCase(), value: strip(pair[2].replace(/^'(.*)'$/s, "$1")) } : { text: strip(word) });
  }
  return terms.filter((term) => term.name !== undefined || term.text !== "" || term.check);
}

function inLabels(labels, term) {
  if (term.check) return term.check(labels.find(([name]) => name === term.label)?.[1] ?? "");
  return labels.some(([name, value]) => {
    if (term.name !== undefined) return name.toLowerCase() === term.name && value.toLowerCase().includes(term.value);
    return term.text !== undefined && (value.toLowerCase().includes(term.text) || name.toLowerCase() === term.text);
  });
}

/** Whether a series meets a term; the bounds of a histogram and the quantiles of a summary are labels of theirs. */
function inMetric(metric, term) {
  const inside = term.label === "le" ? metric.buckets : term.label === "quantile" ? metric.quantiles : undefined;
  if (!term.check || !inside || Array.isArray(inside)) return inLabels(metric.own, term);
  return [...Object.keys(inside), ...(term.label === "le" ? ["+Inf"] : [])].some(term.check);
}

/** A function of a request's labels, metrics and other text in lower case: whether it meets a query. */
export function meets(query) {
  const terms = parse(query);
  const said = ({ name, value, text = `${name}=${value}` }, all) => all.includes(text) || (name !== undefined && all.includes(`${name}/${value}`));
  return (labels, families, all) => terms.every((term) => (term.family ? families.some(term.family) : inLabels(labels, term) || (!term.check && said(term, all))));
}

const SUFFIXES = { histogram: ["_bucket", "_count", "_sum"], summary: ["_count", "_sum"] };

function inFamily(family, term) {
  if (term.family !== undefined) return ["", ...(SUFFIXES[family.type] ?? [])].some((suffix) => term.family(family.name + suffix));
  return term.text !== undefined &&
    (family.name.toLowerCase().includes(term.text) || family.help.toLowerCase().includes(term.text) || family.type === term.text);
}

/**
 * What of the groups is left: `{group, families, inside}`. A group whose labels meet all terms is left whole; else
 * its families and series that meet the terms which its labels do not, and `inside` is true.
 */
export function filter(groups, { query, failing, type }) {
  const terms = parse(query);
  const found = [];
  for (const group of groups) {
    if (failing && group.ok) continue;
    // A matcher of a label that the grouping key has not looks at each series, which may have it.
    const known = new Set(group.labels.map(([name]) => name));
    const outside = (term) => (!term.check || known.has(term.label)) && inLabels(group.labels, term);
    if (terms.some((term) => term.check && known.has(term.label) && !inLabels(group.labels, term))) continue;
    const rest = terms.filter((term) => !outside(term));
    if (!rest.length && !type) {
      found.push({ group, families: group.families, inside: false });
      continue;
    }
    const families = [];
    for (const family of group.families) {
      if (type && family.type !== type) continue;
      const wanted = rest.filter((term) => !inFamily(family, term));
      if (!wanted.length) {
        families.push(family);
        continue;
      }
      if (wanted.some((term) => term.family !== undefined)) continue;
      const metrics = family.metrics.filter((metric) => wanted.every((term) => inMetric(metric, term)));
      if (metrics.length) families.push({ ...family, metrics });
    }
    if (families.length) found.push({ group, families, inside: true });
  }
  return found;
}
