// What part of the map is seen: a center and a scale, in CSS pixels.

import { wantsStillness } from "./dom.js";

export class Camera {
  x = 0;
  y = 0;
  /** Pixels for one unit of the map, whose points lie in [-1, 1]. */
  scale = 1;
  width = 1;
  height = 1;
  /** Where there are points: left, top, right, bottom. */
  bounds = [-1, -1, 1, 1];
  #animation = 0;

  constructor(changed) {
    this.changed = changed;
  }

  /** The scale at which all points are seen. */
  get fit() {
    const [left, top, right, bottom] = this.bounds;
    return 0.92 * Math.min(this.width / Math.max(0.01, right - left), this.height / Math.max(0.01, bottom - top));
  }

  get #middle() {
    return [(this.bounds[0] + this.bounds[2]) / 2, (this.bounds[1] + this.bounds[3]) / 2];
  }

  /** Whether all points are seen as they are at the beginning. */
  get isHome() {
    const [x, y] = this.#middle;
    return this.x === x && this.y === y && this.scale === this.fit;
  }

  /** Shows all points. */
  home(animated = true) {
    this.moveTo(...this.#middle, 1, animated);
  }

  resize(width, height) {
    const zoom = this.scale / this.fit;
    [this.width, this.height] = [Math.max(1, width), Math.max(1, height)];
    this.#set(this.x, this.y, zoom * this.fit);
  }

  screenX(x) {
    return (x - this.x) * this.scale + this.width / 2;
  }

  screenY(y) {
    return (y - this.y) * this.scale + this.height / 2;
  }

  mapX(x) {
    return (x - this.width / 2) / this.scale + this.x;
  }

  mapY(y) {
    return (y - this.height / 2) / this.scale + this.y;
  }

  pan(dx, dy) {
    this.stop();
    this.#set(this.x - dx / this.scale, this.y - dy / this.scale, this.scale);
  }

  /** Zooms so that what is at a place of the screen stays there. */
  zoomAt(x, y, factor) {
    this.stop();
    const [mapX, mapY] = [this.mapX(x), this.mapY(y)];
    const scale = this.#clamped(this.scale * factor);
    this.#set(mapX - (x - this.width / 2) / scale, mapY - (y - this.height / 2) / scale, scale);
  }

  /** Goes to a center and a zoom, 1 being all of it; in one step where motion is not wanted. */
  moveTo(x, y, zoom, animated = true) {
    this.stop();
    const [fromX, fromY, fromScale] = [this.x, this.y, this.scale];
    const scale = this.#clamped(zoom * this.fit);
    if (!animated || wantsStillness()) return this.#set(x, y, scale);
    const start = performance.now();
    const step = (now) => {
      const t = Math.min(1, Math.max(0, (now - start) / 260));
      const eased = 1 - (1 - t) ** 3;
      this.#set(fromX + (x - fromX) * eased, fromY + (y - fromY) * eased, fromScale * (scale / fromScale) ** eased);
      this.#animation = t < 1 ? requestAnimationFrame(step) : 0;
    };
    this.#animation = requestAnimationFrame(step);
  }

  /** Brings a point into view, where it is not. */
  reveal(x, y) {
    const [atX, atY] = [this.screenX(x), this.screenY(y)];
    if (atX > 30 && atX < this.width - 30 && atY > 30 && atY < this.height - 30) return;
    this.moveTo(x, y, this.scale / this.fit);
  }

  stop() {
    cancelAnimationFrame(this.#animation);
  }

  get text() {
    return [this.x.toFixed(4), this.y.toFixed(4), (this.scale / this.fit).toFixed(3)].join(",");
  }

  /** Goes where `text` says, else to all points. */
  set text(text) {
    const numbers = (text ?? "").split(",").map(Number);
    const isWhole = numbers.length === 3 && numbers.every(Number.isFinite) && numbers[2] > 0;
    if (isWhole) this.moveTo(...numbers, false);
    else this.home(false);
  }

  #clamped(scale) {
    return Math.min(Math.max(scale, this.fit * 0.7), this.fit * 1000);
  }

  #set(x, y, scale) {
    this.x = Math.min(1, Math.max(-1, x));
    this.y = Math.min(1, Math.max(-1, y));
    this.scale = scale;
    this.changed();
  }
}
