// Requests to the server: the key, its errors as exceptions, and patience where it is busy.

import { askForKey, storedKey } from "./key.js";

const root = new URL("../", import.meta.url);

/** What the server said went wrong; `param` names what it was about. */
export class ServerError extends Error {
  constructor(status, { message, param, code } = {}) {
    super(message ?? `The server answered ${status}.`);
    this.status = status;
    this.param = param;
    this.code = code;
  }
}

export const isAbort = (error) => error?.name === "AbortError";

const pause = (seconds, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });

/** Sends a request until it is answered, and gives the answer where it is no error. */
export async function send(path, { method = "GET", body, signal } = {}) {
  for (let busy = 0; ; ) {
    const key = storedKey();
    const headers = {};
    if (key) headers.Authorization = `Bearer ${key}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let answer;
    try {
      answer = await fetch(new URL(path, root), {
        method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body),
      });
    } catch (error) {
      if (isAbort(error)) throw error;
      throw new ServerError(0, { message: "The server does not answer. Is it still running?" });
    }
    if (answer.ok) return answer;
    const said = await answer.json().catch(() => ({}));
    if (answer.status === 401) {
      // Another request may have asked while this one was under way.
      if (storedKey() === key) await askForKey(key ? "The server does not know this key." : "");
      signal?.throwIfAborted();
    } else if (answer.status === 429 && busy < 3) {
      busy++;
      await pause(Math.min(Number(answer.headers.get("Retry-After")) || 1, 5), signal);
    } else {
      throw new ServerError(answer.status, said.error);
    }
  }
}

export const get = async (path, options) => (await send(path, options)).json();

export const post = async (path, body, options) => (await send(path, { ...options, method: "POST", body })).json();

/** The path of something within a collection. */
export const within = (collection, rest) => `collections/${encodeURIComponent(collection)}/${rest}`;
