// A document as it was indexed, with the passage one came for in view.

import { get, isAbort, within } from "./api.js";
import { byId, make } from "./dom.js";
import { shownPassage } from "./results.js";
import * as route from "./route.js";
import { marked, number, place } from "./text.js";

const reader = byId("reader");
const page = byId("reader-page");
const title = byId("reader-title");
const stage = document.querySelector(".stage");

/** What is shown, and what had the focus before. */
let showing = null;
let running = null;
let origin = null;

const code = /\.(swift|py|js|ts|c|h|cc|cpp|rs|go|java|kt|rb|sh|sql|json|ya?ml|toml|css|xml|ipynb|csv|jsonl)$/i;

/** Opens, changes or closes the document, as the address says. */
export async function follow(view, params) {
  const collection = params.get("from");
  const [passage, doc] = [params.get("passage"), params.get("doc")];
  showMapLink(view, collection, passage);
  if (!collection || (!passage && !doc)) return hide();
  const wanted = JSON.stringify([collection, passage, doc]);
  if (wanted === showing?.wanted) return;
  if (reader.hidden) origin = document.activeElement;
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  const before = showing;
  showing = { wanted };
  reader.hidden = false;
  stage.classList.add("reading");
  try {
    if (before?.collection === collection && passage && before.ids.has(passage)) {
      // Another passage of the same document.
      showing = { ...before, wanted };
    } else {
      title.textContent = "…";
      byId("reader-place").textContent = "";
      page.replaceChildren();
      const asked = passage ? { passage } : { name: doc };
      const answer = await get(within(collection, `document?${new URLSearchParams(asked)}`), { signal });
      showing = { wanted, collection, answer, ids: new Set(answer.passages.map((one) => String(one.id))) };
    }
    draw(showing.answer, passage);
    title.focus({ preventScroll: true });
  } catch (error) {
    if (isAbort(error)) return;
    title.textContent = "This cannot be shown";
    byId("reader-place").textContent = error.message;
    title.focus({ preventScroll: true });
  }
}

function showMapLink(view, collection, passage) {
  const link = byId("reader-map");
  link.hidden = view === "map" || !passage;
  if (link.hidden) return;
  const params = new URLSearchParams({ in: collection, from: collection, passage });
  const query = route.current().params.get("q");
  if (query) params.set("q", query);
  link.setAttribute("href", route.link("map", params));
}

function draw(answer, passage) {
  const name = answer.document;
  title.textContent = answer.title || name;
  const here = answer.passages.find((one) => String(one.id) === passage);
  const parts = [
    answer.title ? name : null,
    answer.collection,
    here ? place(here) : null,
    answer.truncated ? `${number(answer.passages.length)} passages around this one` : null,
    ...Object.entries(answer.metadata ?? {}).map(([key, value]) =>
      `${key}: ${typeof value === "string" ? value : JSON.stringify(value)}`),
  ];
  byId("reader-place").textContent = parts.filter(Boolean).join(" · ");
  let end = 0;
  let target = null;
  const nodes = answer.passages.map((one, index) => {
    const isHere = one === here;
    // Neighbors may share some text. It is shown once, and with the passage one came for.
    const next = answer.passages[index + 1];
    const stop = next && next === here ? Math.min(one.bytes[1], next.bytes[0]) : one.bytes[1];
    const [from, to] = cut(one, isHere ? one.bytes[0] : end, stop);
    end = Math.max(end, stop);
    if (from >= to) return "";
    // What a search found stands out here, too.
    const matches = isHere ? shownPassage(answer.collection, one.id)?.matches : null;
    const words = make("p", { class: "words" }, marked(one.text.slice(from, to), matches));
    const part = make(
      "div", { class: `part${isHere ? " here" : ""}${code.test(name) ? " code" : ""}` },
      make("span", { class: "line", "aria-hidden": "true" }, String(one.lines[0])), words);
    if (isHere) {
      part.setAttribute("aria-current", "true");
      target = part;
    }
    return part;
  });
  page.replaceChildren(...nodes);
  page.scrollTop = 0;
  if (!target) return;
  // Twice: parts that were never in view have a guessed height until they come near.
  const show = () => {
    page.scrollTop += target.getBoundingClientRect().top - page.getBoundingClientRect().top - page.clientHeight / 5;
  };
  show();
  requestAnimationFrame(() => requestAnimationFrame(show));
}

const encoder = new TextEncoder();

/** The code units of a passage that lie between two bytes of its document. */
function cut(passage, start, stop) {
  const [first, last] = passage.bytes;
  const whole = [0, passage.text.length];
  if (start <= first && stop >= last) return whole;
  const bytes = encoder.encode(passage.text);
  // Where the text is not byte for byte the file's, as that of a web page, nothing can be cut.
  if (bytes.length !== last - first) return whole;
  const units = (byte) => new TextDecoder().decode(bytes.subarray(0, Math.max(0, byte - first))).length;
  return [units(start), units(stop)];
}

function hide() {
  running?.abort();
  showing = null;
  if (reader.hidden) return;
  reader.hidden = true;
  stage.classList.remove("reading");
  page.replaceChildren();
  if (origin?.isConnected) origin.focus();
  origin = null;
}

byId("reader-close").addEventListener("click", route.close);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || reader.hidden || event.defaultPrevented || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  route.close();
});
