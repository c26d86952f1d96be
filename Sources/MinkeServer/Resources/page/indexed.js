// What is indexed, how large it is, and how fast the last query was.

import { get, within } from "./api.js";
import { byId, make } from "./dom.js";
import * as route from "./route.js";
import * as status from "./status.js";
import { bytes, counted, milliseconds, number } from "./text.js";

const page = 200;
let listed = { name: null, offset: 0 };

export async function follow(view, params) {
  if (view !== "indexed") return;
  if (status.stats()) draw();
  try {
    await status.load();
  } catch (error) {
    byId("figures").replaceChildren(make("p", { class: "error" }, error.message));
    return;
  }
  draw();
  const name = params.get("of");
  if (name && status.collections().some((one) => one.name === name)) await list(name);
  else byId("documents").hidden = true;
}

function draw() {
  const stats = status.stats();
  const all = status.collections();
  const sum = (key) => all.reduce((total, one) => total + one[key], 0);
  const figures = [
    ["passages", number(sum("passages"))],
    ["documents", number(sum("documents"))],
    ["in files", bytes(sum("bytes"))],
    ["last query", stats.last_query ? milliseconds(stats.last_query.milliseconds) : "–"],
    ["queries since the start", number(stats.queries)],
    ["model", stats.model],
    ["numbers a vector", number(stats.dimension)],
    ["chat model", stats.chat_model ?? "none"],
  ];
  byId("figures").replaceChildren(
    ...figures.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
  const names = ["Collection", "Documents", "Passages", "Size", "Model", "Numbers", "Storage"];
  const rows = all.map((one) =>
    make(
      "tr", {},
      make("th", { scope: "row" }, make("a", { href: route.link("indexed", new URLSearchParams({ of: one.name })) }, one.name)),
      ...[number(one.documents), number(one.passages), bytes(one.bytes), one.model, number(one.dimension), one.storage]
        .map((value) => make("td", {}, value))));
  byId("collection-table").replaceChildren(
    rows.length
      ? make(
        "table", {},
        make("thead", {}, make("tr", {}, ...names.map((name) => make("th", { scope: "col" }, name)))),
        make("tbody", {}, ...rows))
      : make("p", { class: "note" }, "No collection is open."));
}

async function list(name) {
  if (listed.name === name && !byId("documents").hidden) return;
  listed = { name, offset: 0 };
  byId("document-list").replaceChildren();
  byId("documents").hidden = false;
  await extend();
  byId("documents-title").focus();
}

/** Lists the next documents of the collection; there may be many. */
async function extend() {
  const { name, offset } = listed;
  try {
    const answer = await get(within(name, `documents?offset=${offset}&limit=${page}`));
    if (listed.name !== name) return;
    byId("documents-title").textContent = `${counted(answer.total, "document")} of ${name}`;
    byId("document-list").append(
      ...answer.documents.map((doc) => make("li", {}, make("a", { href: "#", "data-doc": doc }, doc))));
    listed.offset = offset + answer.documents.length;
    byId("more-documents").hidden = listed.offset >= answer.total || !answer.documents.length;
  } catch (error) {
    byId("documents-title").textContent = error.message;
  }
}

byId("document-list").addEventListener("click", (event) => {
  const doc = event.target.dataset?.doc;
  if (doc === undefined) return;
  event.preventDefault();
  route.open(route.opening(listed.name, { doc }));
});
byId("more-documents").addEventListener("click", extend);
