// The points of a map: fetched, waited for while the server computes them, and told apart by document.

import { send, within } from "./api.js";
import { PointGrid } from "./map-grid.js";

/** How many colors there are; the last one is for all other documents. */
export const groupCount = 8;

/** Fetches the map of a collection; `progress` is called with a number from 0 to 1 while it is not ready. */
export async function fetchMap(collection, signal, progress) {
  for (;;) {
    const answer = await send(within(collection, "map"), { signal });
    const body = await answer.json();
    if (answer.status !== 202) return new MapData(body);
    progress(body.progress ?? 0);
    const seconds = Math.min(Math.max(Number(answer.headers.get("Retry-After")) || 1, 0.2), 5);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    signal.throwIfAborted();
  }
}

class MapData {
  constructor({ count, points, ids, documents, names }) {
    this.count = count;
    this.points = new Float32Array(decoded(points));
    this.ids = new Float64Array(decoded(ids));
    this.documents = new Uint32Array(decoded(documents));
    this.names = names;
    if (this.points.length !== 2 * count || this.ids.length !== count || this.documents.length !== count) {
      throw new Error("The map that the server sent is incomplete.");
    }
    this.grid = new PointGrid(this.points);
    this.bounds = [1, 1, -1, -1];
    for (let i = 0; i < this.points.length; i++) {
      const axis = i % 2;
      this.bounds[axis] = Math.min(this.bounds[axis], this.points[i]);
      this.bounds[axis + 2] = Math.max(this.bounds[axis + 2], this.points[i]);
    }
    this.#group();
  }

  /** The place of a passage in the map, by its number; -1 where it is not there. */
  indexOf(id) {
    if (!this.indices) {
      this.indices = new Map();
      for (let i = 0; i < this.count; i++) this.indices.set(this.ids[i], i);
    }
    return this.indices.get(Number(id)) ?? -1;
  }

  name(index) {
    return this.names[this.documents[index]] ?? "";
  }

  /** Gives each point the color of its document or, where there are many, of its folder; the rarest share one. */
  #group() {
    const depth = commonDepth(this.names);
    const byDocument = this.names.length <= groupCount;
    const keys = this.names.map((name) => {
      const parts = name.split("/").slice(depth);
      return byDocument ? parts.join("/") || name : parts.length > 1 ? `${parts[0]}/` : parts[0];
    });
    const sizes = new Map();
    for (const document of this.documents) sizes.set(keys[document], (sizes.get(keys[document]) ?? 0) + 1);
    const largest = [...sizes].sort((a, b) => b[1] - a[1]);
    const own = largest.length <= groupCount ? largest : largest.slice(0, groupCount - 1);
    const rest = largest.slice(own.length).reduce((sum, [, size]) => sum + size, 0);
    this.groups = own.map(([name, size], index) => ({ name, size, index }));
    if (rest) this.groups.push({ name: "all others", size: rest, index: groupCount - 1, isRest: true });
    const numbers = new Map(own.map(([name], index) => [name, index]));
    const groupOfDocument = keys.map((key) => numbers.get(key) ?? groupCount - 1);
    this.group = Uint8Array.from(this.documents, (document) => groupOfDocument[document] ?? groupCount - 1);
    this.#placeLabels();
  }

  /** Names stand where the most points of a group are: the middle of all may lie where there is none. */
  #placeLabels() {
    const side = 24;
    const cell = (value) => Math.min(side - 1, Math.max(0, Math.floor(((value + 1) / 2) * side)));
    const sums = this.groups.map(() => new Map());
    const slots = new Map(this.groups.map((group, slot) => [group.index, slot]));
    for (let i = 0; i < this.count; i++) {
      const [x, y] = [this.points[2 * i], this.points[2 * i + 1]];
      const cells = sums[slots.get(this.group[i])];
      const at = cell(y) * side + cell(x);
      const sum = cells.get(at) ?? [0, 0, 0];
      sum[0] += x;
      sum[1] += y;
      sum[2]++;
      cells.set(at, sum);
    }
    for (const [slot, group] of this.groups.entries()) {
      const [x, y, n] = [...sums[slot].values()].reduce((best, sum) => (sum[2] > best[2] ? sum : best));
      group.label = group.isRest ? null : [x / n, y / n];
    }
  }
}

/** How many folders all names have in common. */
function commonDepth(names) {
  const parts = names.map((name) => name.split("/"));
  let depth = 0;
  while (parts.length && parts.every((one) => one.length > depth + 1 && one[depth] === parts[0][depth])) depth++;
  return depth;
}

function decoded(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes.buffer;
}
