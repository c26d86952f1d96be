// Ties the views to the address, and starts.

import "./shortcuts.js";
import { byId } from "./dom.js";
import * as chat from "./chat.js";
import * as finder from "./finder.js";
import * as indexed from "./indexed.js";
import * as map from "./map.js";
import * as reader from "./reader.js";
import * as route from "./route.js";
import * as similarity from "./similarity.js";
import * as status from "./status.js";

const sections = { search: ["finder"], map: ["finder", "map"], chat: ["chat"], similarity: ["similarity"], indexed: ["indexed"] };
const titles = { chat: "Chat – Minke", similarity: "Similarity – Minke", indexed: "Indexed – Minke" };

function showView(view) {
  const isNew = document.body.dataset.view !== view;
  document.body.dataset.view = view;
  for (const name of ["finder", "map", "chat", "similarity", "indexed"]) {
    byId(name).hidden = !sections[view].includes(name);
  }
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (titles[view]) document.title = titles[view];
  if (isNew) scrollTo(0, 0);
}

async function refresh() {
  try {
    if (await status.load()) finder.refresh();
  } catch (error) {
    byId("status").textContent = error.message;
  }
}

route.onChange(showView);
for (const view of [finder, map, chat, similarity, indexed, reader]) route.onChange(view.follow);
showView(route.current().view);

byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  const query = byId("query");
  (byId("finder").hidden ? byId("main") : query).focus();
});

// What is open may be indexed again while the page is out of sight.
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") refresh();
});

await status.load().catch((error) => {
  byId("found").textContent = error.message;
  byId("found").classList.add("error");
});
route.tell();
if (route.current().view === "search" && !route.current().params.has("from")) byId("query").focus();
