// A conversation with the language model, out of collections where some are chosen.

import { isAbort } from "./api.js";
import { streamed } from "./chat-stream.js";
import { byId, chip, make } from "./dom.js";
import * as route from "./route.js";
import { collections, stats } from "./status.js";
import { counted, place } from "./text.js";

const talk = byId("talk");
const message = byId("message");
let messages = [];
let running = null;

export function follow(view, params) {
  if (view !== "chat" || !stats()) return;
  const model = stats().chat_model;
  byId("ask").hidden = !model;
  talk.dataset.empty = model
    ? `Talk with ${model}, or choose collections for answers out of them, with their sources.`
    : "No chat model is open. Start the server with minke serve --chat-model FOLDER.";
  const box = byId("chat-collections");
  const names = collections().map((one) => one.name);
  box.hidden = !names.length;
  if (box.dataset.state === JSON.stringify(names)) return;
  box.dataset.state = JSON.stringify(names);
  const chosen = params.getAll("in");
  box.replaceChildren(
    box.querySelector("legend"), ...names.map((name) => chip("checkbox", "in", name, name, chosen.includes(name))));
}

const chosen = () => [...byId("chat-collections").querySelectorAll("input:checked")].map((input) => input.value);

async function ask() {
  const text = message.value.trim();
  if (!text || running) return;
  message.value = "";
  messages.push({ role: "user", content: text });
  talk.append(make("div", { class: "turn user" }, make("span", { class: "unseen" }, "You: "), text));
  const turn = new Turn();
  talk.append(turn.element);
  turn.element.scrollIntoView({ block: "end" });
  await answer(turn);
}

async function answer(turn) {
  running = new AbortController();
  busy(true);
  // A new one may be begun while this is under way.
  const conversation = messages;
  const names = chosen();
  const body = {
    model: stats().chat_model,
    messages: conversation,
    stream: true,
    stream_options: { include_usage: true },
    temperature: Number(byId("temperature").value),
    max_tokens: Math.max(1, Math.trunc(Number(byId("max-tokens").value)) || 256),
    ...(names.length ? { collections: names } : {}),
  };
  const start = performance.now();
  try {
    for await (const event of streamed(body, running.signal)) {
      if (event.sources) turn.sources = event.sources;
      turn.add(event.choices?.[0]?.delta?.content ?? "");
      if (event.choices?.[0]?.finish_reason === "length") turn.remarks.push("cut at the most tokens asked for");
      const tokens = event.usage?.completion_tokens;
      if (tokens) turn.remarks.push(`${counted(tokens, "token")} in ${((performance.now() - start) / 1000).toFixed(1)} s`);
    }
  } catch (error) {
    turn.remarks.push(isAbort(error) ? "stopped" : error.message);
    turn.failed = !isAbort(error);
  }
  // A question without an answer would leave two questions in a row.
  if (turn.text) conversation.push({ role: "assistant", content: turn.text });
  else conversation.pop();
  running = null;
  busy(false);
  turn.end();
}

function busy(isBusy) {
  byId("send").hidden = isBusy;
  byId("stop").hidden = !isBusy;
}

/** An answer on the page: its text with links to sources, then those, then what is to be said of it. */
class Turn {
  text = "";
  sources = null;
  remarks = [];
  failed = false;
  #waiting = false;

  constructor() {
    this.body = make("div", { class: "answer" });
    // Read out once it is whole, not word by word.
    this.element = make("div", { class: "turn assistant under-way", "aria-busy": "true" }, this.body);
  }

  add(piece) {
    this.text += piece;
    if (this.#waiting || !piece) return;
    this.#waiting = true;
    requestAnimationFrame(() => {
      this.#waiting = false;
      const atEnd = innerHeight + scrollY > document.body.scrollHeight - 80;
      this.#draw();
      if (atEnd) scrollTo(0, document.body.scrollHeight);
    });
  }

  #draw() {
    const parts = this.text.split(/\[(\d{1,3})\]/);
    this.body.replaceChildren(...parts.map((part, index) => {
      if (index % 2 === 0) return part;
      const source = this.sources?.find((one) => String(one.number) === part);
      return source ? link(source, `[${part}]`) : `[${part}]`;
    }));
  }

  end() {
    this.#draw();
    this.element.classList.remove("under-way");
    this.element.removeAttribute("aria-busy");
    if (this.sources?.length) {
      this.element.append(make("ol", { class: "sources", "aria-label": "Sources" }, ...this.sources.map((source) =>
        make(
          "li", {}, make("span", {}, `[${source.number}]`),
          make("div", {}, link(source, source.document), ` ${place(source)}`, make("p", {}, source.text))))));
    } else if (this.sources) {
      this.remarks.unshift("no source found");
    }
    if (this.remarks.length) {
      this.element.append(make("p", { class: this.failed ? "aside error" : "aside" }, this.remarks.join(" · ")));
    }
  }
}

function link(source, text) {
  const attributes = {
    href: "#", title: `${source.document}, ${place(source)}`,
    onclick: (event) => {
      event.preventDefault();
      route.open(route.opening(source.collection, { passage: source.id }));
    },
  };
  if (text.startsWith("[")) attributes["aria-label"] = `Source ${source.number}`;
  return make("a", attributes, text);
}

byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
message.addEventListener("keydown", (event) => {
  // Return sends; with Shift, or while an input method composes, it does what it does elsewhere.
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    ask();
  }
});
byId("stop").addEventListener("click", () => {
  running?.abort();
  message.focus();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !running || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  running.abort();
});
byId("forget").addEventListener("click", () => {
  running?.abort();
  messages = [];
  talk.replaceChildren();
  message.focus();
});
