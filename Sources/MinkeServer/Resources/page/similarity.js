// A playground: some texts, and how alike each two of them are.

import { isAbort, post } from "./api.js";
import { afterPause, byId, make } from "./dom.js";
import * as route from "./route.js";
import { stats } from "./status.js";

const box = byId("texts");
const table = byId("similarities");
const said = byId("compared");
const dimension = byId("dimension");
const most = 12;
const examples = ["a cat on a mat", "a feline on a rug", "stock prices fell"];

let running = null;

const inputs = () => [...box.querySelectorAll("input")];
const letter = (index) => String.fromCharCode(65 + index);

function addText(text, focus = false) {
  const input = make("input", { type: "text", maxlength: 4000 });
  input.value = text;
  const remove = make("button", { type: "button", class: "plain", onclick: () => removeText(input) }, "Remove");
  box.append(make("li", {}, make("span", { class: "letter", "aria-hidden": "true" }), input, remove));
  renumber();
  if (focus) input.focus();
}

function removeText(input) {
  const next = input.closest("li").nextElementSibling ?? input.closest("li").previousElementSibling;
  input.closest("li").remove();
  renumber();
  next?.querySelector("input").focus();
  compare();
  remember();
}

function renumber() {
  const all = [...box.children];
  for (const [index, item] of all.entries()) {
    item.querySelector(".letter").textContent = letter(index);
    item.querySelector("input").setAttribute("aria-label", `Text ${letter(index)}`);
    const remove = item.querySelector("button");
    remove.setAttribute("aria-label", `Remove text ${letter(index)}`);
    remove.hidden = all.length <= 2;
  }
  byId("add-text").disabled = all.length >= most;
}

async function compare() {
  soon.cancel();
  running?.abort();
  const rows = inputs().map((input, index) => ({ text: input.value.trim(), letter: letter(index) })).filter((row) => row.text);
  if (rows.length < 2) {
    table.hidden = true;
    said.textContent = "";
    return;
  }
  running = new AbortController();
  const own = running;
  const body = { texts: rows.map((row) => row.text) };
  if (dimension.value) body.dimension = Number(dimension.value);
  try {
    const answer = await post("similarity", body, { signal: own.signal });
    if (own !== running) return;
    draw(rows, answer.similarities);
    said.classList.remove("error");
    said.textContent = `Cosine of ${answer.dimension ?? dimension.value} numbers, by ${answer.model}`;
  } catch (error) {
    if (isAbort(error) || own !== running) return;
    table.hidden = true;
    said.classList.add("error");
    said.textContent = error.message;
  }
}

function draw(rows, values) {
  const head = make("tr", {}, make("td"), ...rows.map((row) => make("th", { scope: "col" }, row.letter)));
  const body = rows.map((row, i) =>
    make("tr", {}, make("th", { scope: "row", title: row.text }, `${row.letter}  ${row.text}`), ...values[i].map((value) => cell(value))));
  table.replaceChildren(make("table", {}, make("thead", {}, head), make("tbody", {}, ...body)));
  table.hidden = false;
}

/** The nearer to 1, the deeper the sea; the number itself is always there to read. */
function cell(value) {
  const element = make("td", {}, value.toFixed(2));
  const share = Math.round(100 * Math.min(1, Math.max(0, value)));
  element.style.background = `color-mix(in srgb, var(--sea) ${share}%, var(--wash))`;
  element.style.color = share > 55 ? "var(--on-sea)" : "var(--ink)";
  return element;
}

const soon = afterPause(150, compare);

const remember = afterPause(350, () => {
  if (route.current().view !== "similarity") return;
  const params = new URLSearchParams(inputs().map((input) => ["t", input.value]));
  if (dimension.value && dimension.selectedIndex > 0) params.set("d", dimension.value);
  route.note(params);
});

export function follow(view, params) {
  if (view !== "similarity") return;
  const sizes = stats()?.dimensions ?? [];
  if (dimension.options.length !== sizes.length) {
    dimension.replaceChildren(...sizes.map((size) => make("option", { value: size }, String(size))));
  }
  dimension.closest("label").hidden = sizes.length < 2;
  if (params.has("d")) dimension.value = params.get("d");
  if (dimension.selectedIndex < 0) dimension.selectedIndex = 0;
  const texts = params.getAll("t").slice(0, most);
  const wanted = texts.length ? texts : inputs().length ? null : examples;
  if (wanted && JSON.stringify(wanted) !== JSON.stringify(inputs().map((input) => input.value))) {
    box.replaceChildren();
    for (const text of wanted) addText(text);
    while (inputs().length < 2) addText("");
  }
  compare();
}

byId("compare").addEventListener("submit", (event) => {
  event.preventDefault();
  compare();
});
byId("compare").addEventListener("input", () => {
  soon();
  remember();
});
byId("add-text").addEventListener("click", () => {
  addText("", true);
  remember();
});
