// The search as one types: what is asked, kept in the address, sent after a short pause, the one before broken off.

import { isAbort, post } from "./api.js";
import { afterPause, byId, chip } from "./dom.js";
import { ResultList } from "./results.js";
import * as route from "./route.js";
import { collections, mapped, noteQuery, stats } from "./status.js";
import { counted, milliseconds, number } from "./text.js";
import { showStart } from "./start.js";

const form = byId("find");
const query = byId("query");
const where = byId("where");
const per = byId("per");
const found = byId("found");
const list = new ResultList(byId("results"));
const more = byId("more");
const steps = { search: 10, map: 100 };

let limit = steps.search;
let running = null;
/** What the results shown were asked with, to not ask again. */
let asked = "";
let listeners = [];

/** Calls a listener with the passages found, or none, whenever they change. */
export function onResults(listener) {
  listeners.push(listener);
}

const chosenMode = () => form.elements.mode.value;
const chosenCollections = () =>
  [...byId("collections").querySelectorAll("input:checked")].map((input) => input.value).filter(Boolean);

/** The body of the request that the form stands for; null where nothing is asked. */
function body() {
  const text = query.value.trim();
  if (!text) return null;
  const isMap = route.current().view === "map";
  const names = isMap ? [mapped()].filter(Boolean) : chosenCollections();
  return {
    query: text,
    mode: chosenMode(),
    k: limit,
    ...(names.length ? { collections: names } : {}),
    ...(where.value.trim() ? { filter: where.value.trim() } : {}),
    ...(per.value ? { max_per_document: Number(per.value) } : {}),
  };
}

async function search() {
  soon.cancel();
  const wanted = body();
  const key = JSON.stringify(wanted);
  if (key === asked) return;
  asked = key;
  running?.abort();
  running = null;
  byId("start").hidden = wanted !== null;
  if (!wanted) {
    say("");
    show([], 0);
    return;
  }
  const own = new AbortController();
  running = own;
  const slow = setTimeout(() => list.element.setAttribute("aria-busy", "true"), 300);
  try {
    const answer = await post("search", wanted, { signal: own.signal });
    if (own !== running) return;
    filterError("");
    const { results, passages } = answer;
    say(`${results.length ? counted(results.length, "passage") : "Nothing found"} of ${number(passages)}`
      + ` in ${milliseconds(answer.milliseconds)}`);
    noteQuery(answer.milliseconds);
    show(results, wanted.k);
  } catch (error) {
    if (isAbort(error) || own !== running) return;
    asked = "";
    show([], 0);
    if (error.param === "filter") filterError(error.message);
    say(error.param === "filter" ? "" : error.message, true);
  } finally {
    clearTimeout(slow);
    if (own === running || !running) list.element.removeAttribute("aria-busy");
  }
}

function show(results, wanted) {
  list.show(results);
  more.hidden = results.length < wanted || wanted === 0 || limit >= 1000;
  for (const listener of listeners) listener(results);
}

function say(text, isError = false) {
  found.textContent = text;
  found.classList.toggle("error", isError);
}

function filterError(message) {
  const error = byId("where-error");
  error.textContent = message;
  error.hidden = !message;
  where.setAttribute("aria-invalid", message ? "true" : "false");
}

const soon = afterPause(80, search);

/** The address follows once typing rests: browsers count how often it is changed. */
const remember = afterPause(350, () => {
  const { view, params } = route.current();
  if (view !== "search" && view !== "map") return;
  const set = (name, value) => (value ? params.set(name, value) : params.delete(name));
  set("q", query.value);
  set("mode", chosenMode() === "both" ? "" : chosenMode());
  set("where", where.value);
  set("per", per.value);
  if (view === "search") {
    params.delete("in");
    for (const name of chosenCollections()) params.append("in", name);
  }
  route.note(params);
  nameAddress();
  linkViews();
});

function nameAddress() {
  const text = query.value.trim();
  document.title = text ? `${text} – Minke` : "Minke";
}

/** The links to both views of a search lead to the same search. */
function linkViews() {
  const { params } = route.current();
  for (const name of [...route.openings, "at"]) params.delete(name);
  for (const view of ["search", "map"]) {
    document.querySelector(`nav a[data-view=${view}]`).setAttribute("href", route.link(view, params));
  }
}

/** Puts what the address says into the form and searches. */
export function follow(view, params) {
  if (view !== "search" && view !== "map") return;
  remember.cancel();
  if (document.activeElement !== query || query.value.trim() !== (params.get("q") ?? "").trim()) {
    query.value = params.get("q") ?? "";
  }
  const mode = params.get("mode");
  form.elements.mode.value = ["meaning", "words"].includes(mode) ? mode : "both";
  where.value = params.get("where") ?? "";
  per.value = ["1", "3"].includes(params.get("per")) ? params.get("per") : "";
  limit = steps[view];
  showCollections(view, params.getAll("in"));
  openNarrowing(!byId("narrowing").hidden || where.value !== "" || per.value !== "");
  showStart(byId("start"));
  nameAddress();
  linkViews();
  search();
}

/** On the map one collection is chosen, in the search several may be and none means all. */
function showCollections(view, chosen) {
  const names = collections().map((one) => one.name);
  const box = byId("collections");
  box.hidden = names.length < 2;
  const isMap = view === "map";
  const kept = isMap ? [mapped()] : names.filter((name) => chosen.includes(name));
  const chips = names.map((name) =>
    chip(isMap ? "radio" : "checkbox", "in", name, name, kept.includes(name)));
  if (!isMap) chips.unshift(chip("checkbox", "in", "", "All", kept.length === 0));
  // Made anew only where they differ, so that the one in use keeps the focus.
  const state = JSON.stringify([isMap, names]);
  if (box.dataset.state !== state) {
    box.dataset.state = state;
    box.replaceChildren(box.querySelector("legend"), ...chips);
  } else {
    for (const input of box.querySelectorAll("input")) {
      input.checked = input.value ? kept.includes(input.value) : kept.length === 0;
    }
  }
}

function openNarrowing(isOpen) {
  byId("narrowing").hidden = !isOpen;
  byId("narrow").setAttribute("aria-expanded", String(isOpen));
  byId("narrow").classList.toggle("on", where.value !== "" || per.value !== "");
}

function chooseCollection(input) {
  const { view, params } = route.current();
  if (view === "map") {
    params.delete("at");
    params.set("in", input.value);
    for (const name of route.openings) params.delete(name);
    route.go("map", params);
    return;
  }
  const all = [...byId("collections").querySelectorAll("input")];
  if (!input.value) for (const one of all) one.checked = one === input;
  else all[0].checked = !all.some((one) => one.value && one.checked);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  search();
  remember();
});
form.addEventListener("input", (event) => {
  if (event.target.name === "in") chooseCollection(event.target);
  limit = steps[route.current().view] ?? steps.search;
  byId("narrow").classList.toggle("on", where.value !== "" || per.value !== "");
  if (event.target.type === "radio" || event.target.type === "checkbox") search();
  else soon();
  remember();
});
byId("narrow").addEventListener("click", () => {
  openNarrowing(byId("narrowing").hidden);
  if (!byId("narrowing").hidden) where.focus();
});
more.addEventListener("click", () => {
  const first = list.element.children.length;
  limit = Math.min(1000, limit + 20);
  search().then(() => list.focus(first));
});
query.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" && list.focus(0)) event.preventDefault();
});
list.element.addEventListener("leave", () => query.focus());

/** Takes a new state of the server, as after a document was added elsewhere. */
export function refresh() {
  asked = "";
  if (stats()) follow(route.current().view, route.current().params);
}
