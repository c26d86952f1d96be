// What the server says of itself: asked for at the start and again when one comes back to the page.

import { get } from "./api.js";
import { byId } from "./dom.js";
import * as route from "./route.js";
import { counted, milliseconds } from "./text.js";

let known = null;

/** The answer of /stats; null before the first. */
export const stats = () => known;

export const collections = () => known?.collections ?? [];

/** The collection whose map is shown: the first one named in the address, else the first of all. */
export function mapped() {
  const names = collections().map((one) => one.name);
  return route.current().params.getAll("in").find((name) => names.includes(name)) ?? names[0];
}

/** Asks the server; says whether what is indexed has changed. */
export async function load() {
  const before = JSON.stringify(known?.collections);
  known = await get("stats");
  document.querySelector("nav a[data-view=chat]").hidden = !known.chat_model;
  show();
  return before !== JSON.stringify(known.collections);
}

/** Takes over how long the query that was just answered took. */
export function noteQuery(time) {
  if (!known) return;
  known.last_query = { ...known.last_query, milliseconds: time };
  show();
}

function show() {
  const passages = collections().reduce((sum, one) => sum + one.passages, 0);
  const parts = [
    counted(collections().length, "collection"),
    counted(passages, "passage"),
    known.model,
    known.chat_model,
    known.last_query ? `last query ${milliseconds(known.last_query.milliseconds)}` : null,
    `Minke ${known.version}`,
  ];
  byId("status").textContent = parts.filter(Boolean).join(" · ");
}
