// The facts of the run, as the file carries them, and what is computed of them once.

const data = JSON.parse(document.getElementById("facts").textContent);

export const FAILING = new Set(["crashed", "failed", "error", "unfinished"]);

const REQUESTS = new Set(["push", "delete", "scrape", "wipe", "other"]);

/** Whether a mark is a request that was refused, failed or redirected. */
const refused = (mark) => mark.isRequest && (mark.error !== null || mark.status === 0 || mark.status >= 300);

/** What a mark looks like and is called: a refusal before a fault before its kind. */
export function look(mark) {
  if (refused(mark)) return mark.fault ? "fault" : "refused";
  if (mark.kind === "fault" || mark.fault) return "fault";
  return mark.kind;
}

function unpacked(mark) {
  if (!REQUESTS.has(mark.kind)) return { ...mark, isRequest: false };
  return {
    labels: null, families: [], removed: [], collides_with: [], error: null, fault: null, origin: null, matched: null,
    client: "", ...mark, isRequest: true, // what is empty is not written
    headers: data.headers[mark.headers], body: mark.body === null ? null : data.bodies[mark.body],
  };
}

for (const [index, test] of data.tests.entries()) {
  test.key = `t${index}`;
  test.marks = test.marks.map(unpacked);
  test.failing = FAILING.has(test.outcome);
  test.refusals = test.marks.filter((mark) => look(mark) === "refused").length;
}

export const facts = data;

const ends = data.tests.map(({ began, duration }) => began + duration);

/** When the first test began and the last one ended, in seconds of the run: processes take a while to start. */
export const from = data.tests.reduce((least, { began }) => Math.min(least, began), Infinity);
export const until = ends.reduce((most, end) => Math.max(most, end), -Infinity);

function words(test) {
  const marks = test.marks.flatMap((mark) => [mark.kind, mark.event, mark.name, mark.method, mark.target, mark.status, mark.error, mark.fault, mark.body, mark.client, ...(mark.headers ?? []).flat(), ...(mark.families ?? []), ...(mark.labels ?? []).flat()]);
  return [test.id, test.outcome, test.worker, test.reason, ...test.warnings, ...test.failures.map(({ text }) => text), ...marks].join("\n").toLowerCase();
}

const texts = new Map();

/** Whether everything that is asked for is somewhere in what a test did. */
export function matches(test, asked) {
  if (!texts.has(test)) texts.set(test, words(test));
  return asked.every((word) => texts.get(test).includes(word));
}
