// Points in the cells of a grid, so that the one under the pointer is found without looking at all.

export class PointGrid {
  #points;
  #side;
  #starts;
  #items;

  constructor(points) {
    const count = points.length / 2;
    this.#points = points;
    this.#side = Math.max(1, Math.min(512, Math.ceil(Math.sqrt(count / 2))));
    const cells = new Uint32Array(count);
    this.#starts = new Uint32Array(this.#side * this.#side + 1);
    for (let i = 0; i < count; i++) {
      cells[i] = this.#cell(points[2 * i + 1]) * this.#side + this.#cell(points[2 * i]);
      this.#starts[cells[i] + 1]++;
    }
    for (let c = 1; c < this.#starts.length; c++) this.#starts[c] += this.#starts[c - 1];
    const next = this.#starts.slice(0, -1);
    this.#items = new Uint32Array(count);
    for (let i = 0; i < count; i++) this.#items[next[cells[i]]++] = i;
  }

  #cell(value) {
    return Math.min(this.#side - 1, Math.max(0, Math.floor(((value + 1) / 2) * this.#side)));
  }

  /** The point nearest to a place and no farther than `radius`; -1 where there is none. */
  nearest(x, y, radius) {
    let best = -1;
    let least = radius * radius;
    const [left, right] = [this.#cell(x - radius), this.#cell(x + radius)];
    for (let row = this.#cell(y - radius); row <= this.#cell(y + radius); row++) {
      const end = this.#starts[row * this.#side + right + 1];
      for (let at = this.#starts[row * this.#side + left]; at < end; at++) {
        const i = this.#items[at];
        const distance = (this.#points[2 * i] - x) ** 2 + (this.#points[2 * i + 1] - y) ** 2;
        if (distance < least) [best, least] = [i, distance];
      }
    }
    return best;
  }

  /** The point nearest to point `from` in a direction, within 45 degrees of it; -1 where there is none. */
  neighbor(from, dx, dy) {
    const [x, y] = [this.#points[2 * from], this.#points[2 * from + 1]];
    let best = -1;
    let least = Infinity;
    for (let i = 0; 2 * i < this.#points.length; i++) {
      const along = (this.#points[2 * i] - x) * dx + (this.#points[2 * i + 1] - y) * dy;
      const across = Math.abs((this.#points[2 * i] - x) * dy - (this.#points[2 * i + 1] - y) * dx);
      if (along <= 1e-6 || across > along) continue;
      const distance = along + 2 * across;
      if (distance < least) [best, least] = [i, distance];
    }
    return best;
  }
}
