// Runs before the page's script is there: asks for the data, so that both are on their way together.
"use strict";
{
  // Not document.baseURI: an address with a user name and password in it must not reach fetch, which refuses it.
  const base = new URL(location.pathname.replace(/[^/]*$/, ""), location.origin);
  const abort = new AbortController();
  const answer = fetch(new URL("-/state/changes", base), { cache: "no-store", signal: abort.signal });
  answer.catch(() => {}); // the page's script sees to it
  globalThis.early = { base, asked: { abort, answer }, digest: document.currentScript.src.split("/").at(-2) };
}
