// Elements are made here, never out of markup: what is indexed is not to be trusted, so texts become text nodes only.

/** The element of index.html with this id. */
export const byId = (id) => document.getElementById(id);

/** A new element. Names that begin with "on" are listeners, all others attributes; null and false leave one out. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A checkbox or radio button in the shape of a chip. */
export function chip(type, name, value, label, checked) {
  const input = make("input", { type, name, value });
  input.checked = checked;
  return make("label", { class: "chip" }, input, make("span", {}, label));
}

/** Calls `action` once nothing has asked for it for so many milliseconds. */
export function afterPause(milliseconds, action) {
  let timer = 0;
  const later = (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...values), milliseconds);
  };
  later.cancel = () => clearTimeout(timer);
  return later;
}

/** Whether a key is being typed into something and so is no shortcut. */
export function isTyping(event) {
  const target = event.target;
  return target instanceof HTMLElement
    && (target.isContentEditable || target.matches("textarea, select, input:not([type=radio]):not([type=checkbox])"));
}

export const wantsStillness = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
