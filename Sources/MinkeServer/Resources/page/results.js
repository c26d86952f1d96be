// The passages found, as a list one walks through with the arrow keys.

import { make } from "./dom.js";
import * as route from "./route.js";
import { excerpt, place } from "./text.js";

/** The passages last shown, by collection and number: the document opened next shows their words, too. */
const shown = new Map();

const key = (collection, id) => `${id} ${collection}`;

export const shownPassage = (collection, id) => shown.get(key(collection, id));

export class ResultList {
  constructor(element) {
    this.element = element;
    element.addEventListener("keydown", (event) => this.#walk(event));
    element.addEventListener("click", (event) => this.#click(event));
    // A row that is pointed at or has the focus is shown on the map.
    for (const type of ["focusin", "pointerover"]) element.addEventListener(type, (event) => this.#point(event));
    route.onChange(() => this.#markOpen());
  }

  show(results) {
    shown.clear();
    for (const result of results) shown.set(key(result.collection, result.id), result);
    const several = new Set(results.map((result) => result.collection)).size > 1;
    this.element.replaceChildren(...results.map((result) => row(result, several)));
    this.#markOpen();
  }

  /** Puts the focus on the passage at a place; says whether there is one. */
  focus(index) {
    const link = this.element.children[index]?.querySelector("a");
    link?.focus();
    return Boolean(link);
  }

  #walk(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step && event.key !== "Escape") return;
    const rows = [...this.element.children];
    const next = rows.indexOf(event.target.closest("li")) + (step ?? 0);
    if (event.key === "Escape") {
      // An open document is closed first.
      if (route.current().params.has("from")) return;
      this.element.dispatchEvent(new Event("leave"));
    } else if (next < 0) {
      this.element.dispatchEvent(new Event("leave"));
    } else {
      this.focus(Math.min(next, rows.length - 1));
    }
    event.preventDefault();
  }

  #click(event) {
    const link = event.target.closest("li")?.querySelector("a");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
    // Text may be selected without opening it.
    if (!event.target.closest("a") && !getSelection().isCollapsed) return;
    event.preventDefault();
    link.focus();
    const { collection, id } = link.closest("li").dataset;
    route.open(route.opening(collection, { passage: id }));
  }

  #point(event) {
    const data = event.target.closest("li")?.dataset;
    if (data) this.element.dispatchEvent(new CustomEvent("point", { detail: Number(data.id) }));
  }

  #markOpen() {
    const { params } = route.current();
    for (const item of this.element.children) {
      const isOpen = item.dataset.id === params.get("passage") && item.dataset.collection === params.get("from");
      item.classList.toggle("open", isOpen);
      const link = item.querySelector("a");
      if (isOpen) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
      // The address may have changed since the list was made, as by typing a filter.
      link.setAttribute("href", route.opening(item.dataset.collection, { passage: item.dataset.id }));
    }
  }
}

function row(result, several) {
  const title = result.title || result.document;
  return make(
    "li", { "data-id": result.id, "data-collection": result.collection },
    make(
      "div", { class: "place" },
      // As on the map, beside which alone it is shown.
      make("span", { class: "rank", "aria-hidden": "true" }, String(result.rank)),
      make("a", { href: "#" }, title),
      make("span", {}, place(result)),
      several ? make("span", {}, result.collection) : null,
      make("span", { class: "score", title: "Score" }, result.score.toFixed(2))),
    result.context ? make("p", { class: "context" }, result.context) : null,
    make("p", { class: "passage" }, excerpt(result.text, result.matches, 420)));
}
