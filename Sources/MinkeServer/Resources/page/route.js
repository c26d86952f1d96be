// Where one is, kept in the fragment of the address: links and the back button work, and no query reaches a log.

const views = ["search", "map", "chat", "similarity", "indexed"];
const listeners = [];

/** What opens a document beside a view: its collection, and a passage's number or the document's name. */
export const openings = ["from", "passage", "doc"];

/** The view and its parameters, as the address says. */
export function current() {
  const [name, rest = ""] = splitOnce(location.hash.slice(1), "?");
  return { view: views.includes(name) ? name : "search", params: new URLSearchParams(rest) };
}

export function link(view, params) {
  const text = new URLSearchParams([...params].filter(([, value]) => value !== "")).toString();
  return text ? `#${view}?${text}` : `#${view}`;
}

/** Goes to a view as if its link had been followed. */
export function go(view, params) {
  history.pushState(null, "", link(view, params));
  tell();
}

/** Notes a change of parameters without a new step for the back button, and tells no one: the view knows. */
export function note(params) {
  history.replaceState(history.state, "", link(current().view, params));
}

/** The address of the present view with a document open, by a passage's number or by its name. */
export function opening(collection, { passage, doc }) {
  const { view, params } = current();
  for (const name of openings) params.delete(name);
  params.set("from", collection);
  if (passage !== undefined) params.set("passage", passage);
  else params.set("doc", doc);
  return link(view, params);
}

/** Opens a document. A second one takes the first one's place, so that closing leads back to what is beneath. */
export function open(address) {
  const { params } = current();
  if (params.has("from")) history.replaceState(history.state, "", address);
  else history.pushState({ beneath: location.hash }, "", address);
  tell();
}

/** Closes the document: a step back where that is the same, else in place. */
export function close() {
  const { view, params } = current();
  for (const name of openings) params.delete(name);
  const beneath = link(view, params);
  if (history.state?.beneath === beneath) {
    history.back();
  } else {
    history.replaceState(null, "", beneath);
    tell();
  }
}

export function onChange(listener) {
  listeners.push(listener);
}

/** Tells all listeners where one is. */
export function tell() {
  const { view, params } = current();
  for (const listener of listeners) listener(view, params);
}

function splitOnce(text, separator) {
  const place = text.indexOf(separator);
  return place < 0 ? [text] : [text.slice(0, place), text.slice(place + 1)];
}

addEventListener("popstate", tell);
