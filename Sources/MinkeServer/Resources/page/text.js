// Passages and figures as they are shown.

import { make } from "./dom.js";

/** The ranges in order, within the text and without overlap, whatever was sent. */
function ordered(ranges, length) {
  const kept = [];
  let end = 0;
  for (const [from, to] of [...(ranges ?? [])].sort((a, b) => a[0] - b[0])) {
    const start = Math.max(from, end);
    if (start >= to || to > length) continue;
    kept.push([start, to]);
    end = to;
  }
  return kept;
}

/** The text as nodes, each range [from, to) of its UTF-16 code units in a `mark`. */
export function marked(text, ranges) {
  const fragment = document.createDocumentFragment();
  let end = 0;
  for (const [from, to] of ordered(ranges, text.length)) {
    fragment.append(text.slice(end, from), make("mark", {}, text.slice(from, to)));
    end = to;
  }
  fragment.append(text.slice(end));
  return fragment;
}

/** The part of a long text, about `limit` long, that holds the most of what was found. */
export function excerpt(text, ranges, limit) {
  const found = ordered(ranges, text.length);
  if (text.length <= limit * 1.25) return marked(text, found);
  let best = 0;
  let most = 0;
  for (const [index, [from]] of found.entries()) {
    let count = 0;
    while (index + count < found.length && found[index + count][1] <= from + limit) count++;
    if (count > most) [best, most] = [from, count];
  }
  // Some words before the first one found, beginning at a word, and never past what is left to show.
  let start = Math.max(0, Math.min(best - limit / 5, text.length - limit) | 0);
  if (start > 0) start = text.indexOf(" ", start) + 1 || start;
  let end = Math.min(text.length, start + limit);
  if (end < text.length) end = Math.max(text.lastIndexOf(" ", end), start + 1);
  const inside = found.filter(([from, to]) => from >= start && to <= end).map(([from, to]) => [from - start, to - start]);
  const fragment = marked(text.slice(start, end), inside);
  if (start > 0) fragment.prepend("… ");
  if (end < text.length) fragment.append(" …");
  return fragment;
}

/** "lines 12–18", "page 3, lines 12–18". */
export function place(passage) {
  const [first, last] = passage.lines;
  const lines = first === last ? `line ${number(first)}` : `lines ${number(first)}–${number(last)}`;
  return passage.page ? `page ${passage.page}, ${lines}` : lines;
}

const integers = new Intl.NumberFormat("en");
export const number = (value) => integers.format(value);

export const counted = (value, one, many = `${one}s`) => `${number(value)} ${value === 1 ? one : many}`;

export function milliseconds(value) {
  if (value >= 1000) return `${(value / 1000).toFixed(1)} s`;
  return `${value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)} ms`;
}

export function bytes(value) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`;
}
