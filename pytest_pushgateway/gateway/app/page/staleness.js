// Which groups come first, and which have been left behind. Pure functions.

const collator = (one, other) => (one < other ? -1 : one > other ? 1 : 0);
const newest = ({ group: one }, { group: other }) => other.pushed - one.pushed;

/** The orders of groups, by the value that the address has for them. */
export const SORTS = {
  "": { text: "By name", compare: null },
  newest: { text: "Latest push first", compare: newest },
  oldest: { text: "Oldest push first", compare: (one, other) => -newest(one, other) },
  size: { text: "Most series first", compare: ({ group: one }, { group: other }) => other.series - one.series },
  failed: { text: "Failed first", compare: ({ group: one }, { group: other }) => collator(one.ok, other.ok) || other.failed - one.failed },
};

const GRACE = 60; // seconds in which pushes of one job may come one after the other
const TIMES = 3;

/**
 * The ids of groups that have not been pushed for longer than the others of their job: three times as long as the
 * median of those, and a minute more.
 */
export function stale(groups, now) {
  const jobs = new Map();
  for (const group of groups) {
    const job = group.labels.find(([name]) => name === "job")?.[1] ?? "";
    jobs.set(job, [...(jobs.get(job) ?? []), group]);
  }
  const found = new Set();
  for (const members of jobs.values()) {
    if (members.length < 2) continue;
    const ages = members.map(({ pushed }) => now - pushed).sort((one, other) => one - other);
    const middle = Math.floor((members.length - 2) / 2);
    for (const { id, pushed } of members) {
      const age = now - pushed;
      const others = ages[age <= ages[middle] ? middle + 1 : middle]; // the median without this one
      if (age > TIMES * others + GRACE) found.add(id);
    }
  }
  return found;
}
