// The map of a collection: every passage a point, near in meaning near on the map.

import { isAbort } from "./api.js";
import { afterPause, byId, make } from "./dom.js";
import { onResults } from "./finder.js";
import { Camera } from "./map-camera.js";
import { fetchMap, groupCount } from "./map-data.js";
import { listen } from "./map-gestures.js";
import { color, drawMarks } from "./map-marks.js";
import { rasterRenderer } from "./map-raster.js";
import { hideTip, move, showTip } from "./map-tip.js";
import { webglRenderer } from "./map-webgl.js";
import * as route from "./route.js";
import { mapped, stats } from "./status.js";
import { counted } from "./text.js";

let points = byId("points");
const marks = byId("marks");
const legend = byId("legend");
const section = byId("map");

const camera = new Camera(changed);
let renderer = null;
let map = null;
let collection = null;
let running = null;
let colors = null;
let ratio = 1;
let pointRatio = 1;
/** The places in the map of the passages found, best first; -1 where one is not on it. */
let found = [];
let results = [];
let chosen = -1;
let group = -1;
let frame = 0;

export async function follow(view, params) {
  if (view !== "map") {
    hideTip();
    return;
  }
  if (!stats()) return;
  const name = mapped();
  if (!name) return wait("No collection is open.");
  if (name !== collection || !map) {
    if (!await load(name)) return;
    resize();
    camera.text = params.get("at");
  }
  // Made visible just now, it may have a new size.
  resize();
  const opened = params.get("from") === name ? map.indexOf(params.get("passage") ?? NaN) : -1;
  if (opened >= 0) {
    chosen = opened;
    camera.reveal(map.points[2 * opened], map.points[2 * opened + 1]);
    redraw();
  }
}

async function load(name) {
  running?.abort();
  const own = running = new AbortController();
  [map, collection, chosen, group, found] = [null, name, -1, -1, []];
  legend.replaceChildren();
  hideTip();
  redraw();
  wait("Laying out the map …", 0);
  try {
    const loaded = await fetchMap(name, own.signal, (share) => wait("Laying out the map …", share));
    if (own !== running) return false;
    map = loaded;
  } catch (error) {
    if (!isAbort(error) && own === running) wait(error.message);
    return false;
  }
  if (!map.count) return wait("This collection is empty.");
  byId("map-wait").hidden = true;
  camera.bounds = map.bounds;
  renderer ??= webglRenderer(points) ?? byHand();
  renderer.setPoints(map.points, map.group);
  marks.setAttribute("aria-label", `Map of ${name}, ${counted(map.count, "passage")}`);
  showLegend();
  light();
  return true;
}

/** A canvas that was asked for WebGL once gives no other context, so that a new one takes its place. */
function byHand() {
  const canvas = points.cloneNode();
  points.replaceWith(canvas);
  points = canvas;
  return rasterRenderer(points);
}

/** Says why there is no map yet. */
function wait(text, share) {
  byId("map-wait").hidden = false;
  byId("map-wait-text").textContent = text;
  byId("map-progress").hidden = share === undefined;
  if (share !== undefined) byId("map-progress").value = share;
  return false;
}

function showLegend() {
  legend.replaceChildren(...(map.groups.length < 2 ? [] : map.groups.map((one) => {
    const dot = make("i", { "aria-hidden": "true" });
    dot.style.background = `var(--group-${one.index})`;
    return make(
      "button", { type: "button", "aria-pressed": "false", title: counted(one.size, "passage"), onclick: (event) => {
        group = group === one.index ? -1 : one.index;
        for (const button of legend.children) button.setAttribute("aria-pressed", "false");
        event.currentTarget.setAttribute("aria-pressed", String(group === one.index));
        redraw();
      } }, dot, make("b", {}, one.name));
  })));
}

/** Lights up what was found. */
function light() {
  if (!map) return;
  found = results.filter((result) => result.collection === collection).map((result) => map.indexOf(result.id));
  const lit = Uint32Array.from(found.filter((index) => index >= 0));
  renderer.setLit(lit);
  marks.dataset.lit = lit.length;
  redraw();
}

function resize() {
  ratio = Math.min(devicePixelRatio || 1, 2);
  const [width, height] = [section.clientWidth, section.clientHeight];
  if (!width || !height) return;
  // Four times the pixels are too many to draw by hand.
  pointRatio = renderer?.isByHand && map?.count > 20000 ? 1 : ratio;
  for (const [canvas, own] of [[points, pointRatio], [marks, ratio]]) {
    canvas.width = Math.round(width * own);
    canvas.height = Math.round(height * own);
  }
  camera.resize(width, height);
}

function redraw() {
  frame ||= requestAnimationFrame(draw);
}

function draw() {
  frame = 0;
  if (section.hidden) return;
  if (!map?.count || !renderer) {
    marks.getContext("2d").clearRect(0, 0, marks.width, marks.height);
    return;
  }
  colors ??= {
    paper: color("paper"), ink: color("ink"), lit: color("lit"),
    palette: Array.from({ length: groupCount }, (_, index) => color(`group-${index}`)),
  };
  const start = performance.now();
  // Many points are small, and grow slower than the map does.
  const base = Math.min(3.5, Math.max(0.9, 110 / Math.sqrt(map.count)));
  const radius = Math.min(5, base * Math.max(1, camera.scale / camera.fit) ** 0.4);
  renderer.draw({
    camera, ratio: pointRatio, group, paper: colors.paper, lit: colors.lit,
    // One more color, as the shader has a fixed number of them.
    palette: [...colors.palette, colors.ink],
    radius, litRadius: Math.max(3.5, radius + 1), opacity: found.length ? 0.35 : map.count > 20000 ? 0.55 : 0.8,
  });
  drawMarks(marks, { camera, ratio, map, colors, found, chosen, group });
  if (!byId("tip").hidden && chosen >= 0) move(placeOf(chosen));
  marks.dataset.milliseconds = (performance.now() - start).toFixed(1);
}

function changed() {
  redraw();
  remember();
}

/** Where one looks is part of the address, once one rests. */
const remember = afterPause(400, () => {
  const { view, params } = route.current();
  if (view !== "map" || !map) return;
  if (camera.isHome) params.delete("at");
  else params.set("at", camera.text);
  route.note(params);
});

const placeOf = (index) =>
  [camera.screenX(map.points[2 * index]), camera.screenY(map.points[2 * index + 1]), camera.width, camera.height];

function choose(index, aloud) {
  if (index !== chosen) {
    chosen = index;
    redraw();
  }
  if (index < 0) hideTip();
  else showTip(collection, map.ids[index], () => placeOf(index), aloud);
}

/** The point under the pointer; those found go before the others. */
function at(x, y) {
  if (!map?.count) return -1;
  const [mapX, mapY] = [camera.mapX(x), camera.mapY(y)];
  let best = -1;
  let least = (10 / camera.scale) ** 2;
  for (const index of found) {
    const distance = (map.points[2 * index] - mapX) ** 2 + (map.points[2 * index + 1] - mapY) ** 2;
    if (distance < least) [best, least] = [index, distance];
  }
  return best >= 0 ? best : map.grid.nearest(mapX, mapY, 8 / camera.scale);
}

function open(index) {
  hideTip();
  route.open(route.opening(collection, { passage: map.ids[index] }));
}

listen(marks, camera, {
  point(x, y) {
    const index = at(x, y);
    marks.classList.toggle("pointing", index >= 0);
    choose(index, false);
  },
  press(x, y, isTouch) {
    const index = at(x, y);
    if (index < 0) return choose(-1, false);
    // A finger cannot hover: it points with the first press and opens with the second.
    if (isTouch && index !== chosen) choose(index, true);
    else open(index);
  },
  leave: () => choose(-1, false),
});

const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

marks.addEventListener("keydown", (event) => {
  if (!map?.count || event.ctrlKey || event.metaKey || event.altKey) return;
  const arrow = arrows[event.key];
  const [middleX, middleY] = [camera.width / 2, camera.height / 2];
  if (arrow && event.shiftKey) {
    camera.pan(-60 * arrow[0], -60 * arrow[1]);
  } else if (arrow) {
    const start = found.find((index) => index >= 0) ?? map.grid.nearest(camera.x, camera.y, 4);
    const next = chosen < 0 ? start : map.grid.neighbor(chosen, ...arrow);
    if (next < 0) return;
    camera.reveal(map.points[2 * next], map.points[2 * next + 1]);
    choose(next, true);
  } else if (event.key === "Enter" && chosen >= 0) {
    open(chosen);
  } else if (event.key === "+" || event.key === "=") {
    camera.zoomAt(middleX, middleY, 1.5);
  } else if (event.key === "-") {
    camera.zoomAt(middleX, middleY, 1 / 1.5);
  } else if (event.key === "0") {
    camera.home();
  } else {
    return;
  }
  event.preventDefault();
});

byId("zoom-in").addEventListener("click", () => camera.zoomAt(camera.width / 2, camera.height / 2, 1.6));
byId("zoom-out").addEventListener("click", () => camera.zoomAt(camera.width / 2, camera.height / 2, 1 / 1.6));
byId("zoom-all").addEventListener("click", () => camera.home());

// A passage of the list that is pointed at is shown on the map.
byId("results").addEventListener("point", ({ detail }) => {
  if (section.hidden || !map) return;
  const index = map.indexOf(detail);
  if (index < 0) return;
  chosen = index;
  hideTip();
  redraw();
});

onResults((passages) => {
  results = passages;
  light();
});

// A graphics processor may be taken away, as when a machine wakes.
points.addEventListener("webglcontextlost", () => {
  renderer = byHand();
  if (map?.count) renderer.setPoints(map.points, map.group);
  resize();
  light();
});

new ResizeObserver(resize).observe(section);
addEventListener("minke-theme", () => {
  colors = null;
  redraw();
});
