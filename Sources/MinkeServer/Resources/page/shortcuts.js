// Keys that work on the whole page, and the list of them.

import { byId, isTyping } from "./dom.js";
import * as route from "./route.js";

const dialog = byId("keys-dialog");

byId("keys").addEventListener("click", () => dialog.showModal());
byId("keys-close").addEventListener("click", () => dialog.close());

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event) || document.querySelector("dialog[open]")) return;
  if (event.key === "/") {
    event.preventDefault();
    if (byId("finder").hidden) route.go("search", new URLSearchParams());
    // On a narrow screen an open document covers the field.
    if (byId("query").checkVisibility?.() === false) route.close();
    byId("query").focus();
    byId("query").select();
  } else if (event.key === "?") {
    event.preventDefault();
    dialog.showModal();
  }
});
