// What is written over the points: names of groups, ranks of what was found, a ring around the one chosen.

/** A CSS color as [red, green, blue], also where it is made of others or depends on the scheme. */
export function color(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const numbers = getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number);
  probe.remove();
  return numbers;
}

const css = (rgb) => `rgb(${rgb.join(" ")})`;

/** Draws onto the upper canvas. `places` are those of the passages found, best first. */
export function drawMarks(canvas, { camera, ratio, map, colors, found, chosen, group }) {
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, camera.width, camera.height);
  context.lineJoin = "round";
  context.textAlign = "center";
  context.textBaseline = "middle";
  const font = getComputedStyle(document.body).fontFamily;

  const write = (text, x, y, ink, size, weight) => {
    context.font = `${weight} ${size}px ${font}`;
    context.strokeStyle = css(colors.paper);
    context.lineWidth = 4;
    context.strokeText(text, x, y);
    context.fillStyle = css(ink);
    context.fillText(text, x, y);
  };

  const taken = [];
  const isFree = (x, y, width, height) => {
    const box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2];
    const hits = taken.some((one) => box[0] < one[2] && box[2] > one[0] && box[1] < one[3] && box[3] > one[1]);
    if (!hits) taken.push(box);
    return !hits;
  };

  // The best ten, as they are numbered in the list beside the map.
  context.font = `600 11px ${font}`;
  const ranks = [];
  for (const [rank, index] of found.slice(0, 10).entries()) {
    if (index < 0) continue;
    const x = camera.screenX(map.points[2 * index]);
    const y = camera.screenY(map.points[2 * index + 1]) - 13;
    if (isFree(x, y, 16, 14)) ranks.push([String(rank + 1), x, y]);
  }
  for (const one of map.groups) {
    if (!one.label || (group >= 0 && one.index !== group)) continue;
    const place = camera.screenX(one.label[0]);
    const y = camera.screenY(one.label[1]);
    if (place < 0 || place > camera.width) continue;
    const text = one.name.length > 34 ? `${one.name.slice(0, 33)}…` : one.name;
    context.font = `600 13px ${font}`;
    const width = context.measureText(text).width + 10;
    // A name at the rim stays whole.
    const x = Math.max(width / 2, Math.min(place, camera.width - width / 2));
    if (isFree(x, y, width, 20)) {
      context.globalAlpha = found.length && group < 0 ? 0.75 : 1;
      write(text, x, y, colors.palette[one.index], 13, 600);
      context.globalAlpha = 1;
    }
  }
  for (const [text, x, y] of ranks) write(text, x, y, colors.lit, 11, 700);

  if (chosen >= 0) {
    context.beginPath();
    context.arc(camera.screenX(map.points[2 * chosen]), camera.screenY(map.points[2 * chosen + 1]), 8, 0, 2 * Math.PI);
    context.strokeStyle = css(colors.paper);
    context.lineWidth = 5;
    context.stroke();
    context.strokeStyle = css(colors.ink);
    context.lineWidth = 2;
    context.stroke();
  }
}
