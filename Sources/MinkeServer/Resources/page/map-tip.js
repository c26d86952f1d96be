// Says which passage a point is: beside the point, and to those who cannot see it.

import { get, isAbort, within } from "./api.js";
import { afterPause, byId, make } from "./dom.js";
import { shownPassage } from "./results.js";
import { excerpt, place } from "./text.js";

const tip = byId("tip");
const says = byId("map-says");
const kept = new Map();
let running = null;
let wanted = null;

/** The passage, from what was found, from before, or from the server. */
async function passageOf(collection, id, signal) {
  const found = shownPassage(collection, id);
  if (found) return found;
  const key = `${id} ${collection}`;
  if (!kept.has(key)) {
    const { passage } = await get(within(collection, `passages/${id}?around=0`), { signal });
    if (kept.size > 500) kept.clear();
    kept.set(key, passage);
  }
  return kept.get(key);
}

const fetchSoon = afterPause(60, async ({ collection, id, at, aloud }) => {
  running?.abort();
  running = new AbortController();
  try {
    const passage = await passageOf(collection, id, running.signal);
    if (wanted !== `${id} ${collection}`) return;
    tip.replaceChildren(
      make("strong", {}, passage.title || passage.document), make("span", {}, place(passage)),
      make("p", {}, excerpt(passage.text, passage.matches, 220)));
    if (aloud) says.textContent = `${passage.title || passage.document}, ${place(passage)}: ${passage.text.slice(0, 300)}`;
    tip.hidden = false;
    move(at());
  } catch (error) {
    if (!isAbort(error)) hideTip();
  }
});

/** Shows a passage beside the place that `at` gives, [x, y, width, height of the map]. */
export function showTip(collection, id, at, aloud) {
  const key = `${id} ${collection}`;
  if (wanted === key && !tip.hidden) return move(at());
  wanted = key;
  tip.hidden = true;
  fetchSoon({ collection, id, at, aloud });
}

/** Puts it where there is room: right of the point or left of it, and never outside. */
export function move([x, y, width, height]) {
  const [own, tall] = [tip.offsetWidth, tip.offsetHeight];
  const left = x + 16 + own < width ? x + 16 : x - 16 - own;
  tip.style.left = `${Math.max(8, Math.min(left, width - own - 8))}px`;
  tip.style.top = `${Math.max(8, Math.min(y - tall / 2, height - tall - 8))}px`;
}

export function hideTip() {
  wanted = null;
  fetchSoon.cancel();
  running?.abort();
  tip.hidden = true;
}
