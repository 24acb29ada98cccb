// Talking to the gateway: addresses relative to this page, so that prefixes and proxies need no configuration.

const PATIENCE = 30_000; // milliseconds without a byte

export const address = (path) => new URL(path, globalThis.early.base).href;

async function checked(promise) {
  const answer = await promise;
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`.trim());
  return answer;
}

const call = (path, options = {}) => checked(fetch(address(path), { cache: "no-store", signal: AbortSignal.timeout(PATIENCE), ...options }));

export const fetchRequest = async (number) => (await call(`-/state/${number}`)).json();
export const wipe = () => call("api/v1/admin/wipe", { method: "PUT" });
export const remove = (path) => call(path, { method: "DELETE" });

/** A question to the gateway: the first was asked before this script was there. */
function ask(token) {
  const { asked } = globalThis.early;
  globalThis.early.asked = null;
  if (asked) return asked;
  const abort = new AbortController();
  return { abort, answer: fetch(address(`-/state/changes?since=${token}`), { cache: "no-store", signal: abort.signal }) };
}

/** What changed since the answer that had this token, line by line as it arrives. */
export async function* fetchChanges(token) {
  const { abort, answer: asked } = ask(token);
  const giveUp = () => abort.abort(new Error(`no answer for ${PATIENCE / 1000} seconds`));
  let timer = setTimeout(giveUp, PATIENCE);
  try {
    const answer = await checked(asked);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let begun = [];
    for (;;) {
      const { value, done } = await reader.read();
      clearTimeout(timer);
      if (done) break;
      timer = setTimeout(giveUp, PATIENCE);
      const parts = value.split("\n");
      while (parts.length > 1) {
        yield JSON.parse(begun.join("") + parts.shift());
        begun = [];
      }
      begun.push(parts[0]);
    }
    if (begun.join("")) throw new Error("the answer broke off");
  } finally {
    clearTimeout(timer);
  }
}
