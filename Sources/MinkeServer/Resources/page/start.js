// What stands where nothing has been asked yet: what there is, or how to begin.

import { make } from "./dom.js";
import { collections, stats } from "./status.js";
import { counted, number } from "./text.js";

export function showStart(element) {
  if (!stats()) return;
  const all = collections();
  if (!all.length) {
    element.replaceChildren(
      make("p", {}, "No collection is open. Make one out of a folder and serve it:"),
      make("p", {}, make("code", {}, "minke index FOLDER --into notes.minke")),
      make("p", {}, make("code", {}, "minke serve --in notes.minke")));
    return;
  }
  const passages = all.reduce((sum, one) => sum + one.passages, 0);
  const documents = all.reduce((sum, one) => sum + one.documents, 0);
  const where = all.length === 1 ? `in ${all[0].name}` : `in ${number(all.length)} collections`;
  element.replaceChildren(
    make("p", {}, `${counted(passages, "passage")} of ${counted(documents, "document")} ${where}. `
      + "Ask in your own words, or for words that must occur."));
}
