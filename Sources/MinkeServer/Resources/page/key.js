// The server's key: asked for when it is needed, and kept for as long as the tab.

import { byId } from "./dom.js";

const name = "minke-key";
let fallback = ""; // Where storage is forbidden.
let asking = null;

export function storedKey() {
  try {
    return sessionStorage.getItem(name) ?? fallback;
  } catch {
    return fallback;
  }
}

function store(key) {
  fallback = key;
  try {
    sessionStorage.setItem(name, key);
  } catch {
    // Then it is asked for again after the page is loaded anew.
  }
}

/** Shows the field for the key, once for all that wait for it. Rejects where none is given. */
export function askForKey(reason) {
  asking ??= new Promise((resolve, reject) => {
    const [dialog, form, field, error] = ["key-dialog", "key-form", "key", "key-error"].map(byId);
    const listeners = new AbortController();
    error.textContent = reason;
    error.hidden = !reason;
    field.value = "";
    form.addEventListener(
      "submit",
      (event) => {
        event.preventDefault();
        store(field.value.trim());
        dialog.close("given");
      },
      { signal: listeners.signal });
    byId("key-cancel").addEventListener("click", () => dialog.close(""), { signal: listeners.signal });
    dialog.addEventListener(
      "close",
      () => {
        listeners.abort();
        asking = null;
        if (dialog.returnValue === "given") resolve();
        else reject(new Error("This server asks for a key. Load the page again to give one."));
        dialog.returnValue = "";
      },
      { signal: listeners.signal });
    dialog.showModal();
    field.focus();
  });
  return asking;
}
