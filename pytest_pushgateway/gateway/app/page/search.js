// The filter: words, "quoted words" and label=value pairs, all of which must be found. Pure functions.

/** Split what was typed into terms: `{text}` or `{name, value}`, in lower case. */
export function parse(query) {
  const terms = [];
  for (const [word] of query.matchAll(/(?:"(?:\\.|[^"\\])*"?|[^\s"])+/g)) {
    const pair = /^([^="]+)=(.*)$/s.exec(word);
    const strip = (text) => text.replace(/^"/, "").replace(/"$/, "").replace(/\\(.)/g, "$1").toLowerCase();
    terms.push(pair ? { name: pair[1].toLowerCase(), value: strip(pair[2]) } : { text: strip(word) });
  }
  return terms.filter((term) => term.name !== undefined || term.text !== "");
}

function inLabels(labels, term) {
  return labels.some(([name, value]) => {
    if (term.name !== undefined) return name.toLowerCase() === term.name && value.toLowerCase().includes(term.value);
    return value.toLowerCase().includes(term.text) || name.toLowerCase() === term.text;
  });
}

function inFamily(family, term) {
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
    const rest = terms.filter((term) => !inLabels(group.labels, term));
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
      const metrics = family.metrics.filter((metric) => wanted.every((term) => inLabels(metric.own, term)));
      if (metrics.length) families.push({ ...family, metrics });
    }
    if (families.length) found.push({ group, families, inside: true });
  }
  return found;
}
