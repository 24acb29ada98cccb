// The lane of a test: its time from left to right, and a mark for each event.

import { h } from "./dom.js";
import { count, duration, visible } from "./format.js";
import { from as first, look, until } from "./facts.js";

const LOOKS = [
  ["push", "push"], ["delete", "deletion"], ["scrape", "scrape"], ["refused", "refusal"], ["fault", "fault"],
  ["clock", "clock"], ["life", "start, stop, reset"], ["other", "other"],
];
const NOUNS = { push: "push", delete: "deletion", scrape: "scrape", wipe: "wipe", other: "other request", refused: "refusal", fault: "fault", clock: "clock setting", life: "start, stop or reset" };
const PLURALS = { push: "pushes", clock: "clock settings", life: "starts, stops or resets" };
const shape = (name) => (name === "wipe" ? "delete" : name);

const noun = (name, amount) => (amount === 1 ? `1 ${NOUNS[name]}` : PLURALS[name] ? `${amount} ${PLURALS[name]}` : count(amount, NOUNS[name]));

/** All marks in words: "3 pushes, 1 refusal". */
export function inWords(marks) {
  const amounts = new Map();
  for (const mark of marks) amounts.set(look(mark), (amounts.get(look(mark)) ?? 0) + 1);
  return [...amounts].map(([name, amount]) => noun(name, amount)).join(", ");
}

/** One mark in words. */
export function tip(mark, test) {
  const when = duration(mark.at - test.began);
  if (!mark.isRequest) return `${mark.kind} ${visible(mark.event ?? "", 40)}${mark.name ? ` ${visible(mark.name, 60)}` : ""} · ${when}`;
  return `${mark.method} ${visible(mark.target, 80)} · ${mark.status || "no answer"} · ${when}`;
}

const GAP = 14; // pixels from one mark to the next
const WIDEST = 1040; // of a lane, and what a narrow window leaves of its width

/** Places from 0 to 1, in order, moved apart as far as there is room: marks that lie on each other cannot be picked. */
function apart(places, width) {
  const gap = Math.min(GAP / width, 1 / Math.max(places.length - 1, 1));
  const moved = [...places];
  for (let i = 1; i < moved.length; i += 1) moved[i] = Math.max(moved[i], moved[i - 1] + gap);
  let most = 1;
  for (let i = moved.length - 1; i >= 0 && moved[i] > most; i -= 1) {
    moved[i] = most;
    most -= gap;
  }
  return moved;
}

const sample = (name) => h("span", { class: `mark ${name}`, "aria-hidden": "true" });

export const legend = () => h("ul", { class: "legend" }, ...LOOKS.map(([name, text]) => h("li", {}, sample(name), text)));

/** The lane; `ofRun` draws it on the time of the run, and not of the test. */
export function makeLane(test, ofRun, onpick) {
  const [from, length] = ofRun ? [first, until - first] : [test.began, test.duration];
  const place = (at) => Math.min(1, Math.max(0, (at - from) / (length || 1)));
  const span = h("span", { class: "span" });
  span.style.setProperty("--x", place(test.began));
  span.style.setProperty("--w", Math.max(place(test.began + test.duration) - place(test.began), 0));
  const exact = test.marks.map(({ at }) => place(at));
  const places = ofRun ? exact : apart(exact, Math.min(WIDEST, document.documentElement.clientWidth - 60));
  const marks = test.marks.map((mark, index) => {
    const node = h("span", { class: `mark ${shape(look(mark))}`, title: tip(mark, test), "data-index": index });
    node.style.setProperty("--x", places[index]);
    return node;
  });
  const label = test.marks.length ? inWords(test.marks) : "nothing at a gateway";
  return h("div", { class: "lane", role: "img", "aria-label": label, onclick: ({ target }) => {
    if (target.dataset.index !== undefined) onpick(Number(target.dataset.index));
  } }, span, ...marks);
}
