// The answer of a chat as it comes: server-sent events, each a piece of JSON.

import { send, ServerError } from "./api.js";

/** The events of an answer, until it ends or `signal` breaks it off. */
export async function* streamed(body, signal) {
  const answer = await send("v1/chat/completions", { method: "POST", body, signal });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      rest += value ?? "";
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = done ? "" : lines.pop();
      for (const line of lines) {
        if (!line.startsWith("data:")) continue;
        const data = line.slice(5).trim();
        if (data === "[DONE]") return;
        const event = JSON.parse(data);
        if (event.error) throw new ServerError(answer.status, event.error);
        yield event;
      }
      if (done) return;
    }
  } finally {
    // Whoever stops listening ends the server's work.
    reader.cancel().catch(() => {});
  }
}
