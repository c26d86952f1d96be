// Draws the points by hand into an image, where there is no WebGL, as on a machine without a graphics processor.

/** A small disc with a smooth rim: where its pixels lie from its middle in an image, and their alphas up to 256. */
function disc(radius, opacity, width) {
  const reach = Math.ceil(radius);
  const [offsets, alphas] = [[], []];
  for (let y = -reach; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++) {
      const alpha = Math.round(256 * opacity * Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(x, y))));
      if (alpha) {
        offsets.push(y * width + x);
        alphas.push(alpha);
      }
    }
  }
  return { reach, offsets: Int32Array.from(offsets), alphas: Int32Array.from(alphas) };
}

export function rasterRenderer(canvas) {
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  let image = null;
  // Signed, because numbers above 2^31 are slow in JavaScript.
  let pixels = new Int32Array(0);
  let points = new Float32Array(0);
  let groups = new Uint8Array(0);
  let lit = new Uint32Array(0);

  // Little-endian as all machines with browsers: the lowest byte is red.
  const packed = ([red, green, blue]) => red | (green << 8) | (blue << 16) | (255 << 24);

  /** Blends a disc over the image for each point, or for those of `indices`. */
  function stampAll(camera, ratio, colors, { reach, offsets, alphas }, indices, colorOf, isChosen) {
    const { width, height } = image;
    const scale = camera.scale * ratio;
    const left = width / 2 - camera.x * scale;
    const top = height / 2 - camera.y * scale;
    const count = indices ? indices.length : groups.length;
    for (let n = 0; n < count; n++) {
      const i = indices ? indices[n] : n;
      if (!isChosen(i)) continue;
      const x = (points[2 * i] * scale + left + 0.5) | 0;
      const y = (points[2 * i + 1] * scale + top + 0.5) | 0;
      if (x < reach || y < reach || x >= width - reach || y >= height - reach) continue;
      const color = colors[colorOf(i)];
      const redBlue = color & 0xff00ff;
      const green = color & 0xff00;
      const middle = y * width + x;
      for (let at = 0; at < offsets.length; at++) {
        const alpha = alphas[at];
        const place = middle + offsets[at];
        // Red and blue in one multiplication: they lie far enough apart.
        const old = pixels[place];
        const mixed = (Math.imul(old & 0xff00ff, 256 - alpha) + Math.imul(redBlue, alpha)) >>> 8;
        const mixedGreen = (Math.imul(old & 0xff00, 256 - alpha) + Math.imul(green, alpha)) >>> 8;
        pixels[place] = (mixed & 0xff00ff) | (mixedGreen & 0xff00) | -0x1000000;
      }
    }
  }

  return {
    isByHand: true,
    setPoints(newPoints, newGroups) {
      [points, groups] = [newPoints, newGroups];
    },
    setLit(indices) {
      lit = indices;
    },
    draw({ camera, ratio, palette, paper, lit: litColor, radius, litRadius, opacity, group }) {
      if (image?.width !== canvas.width || image.height !== canvas.height) {
        image = context.createImageData(canvas.width, canvas.height);
        pixels = new Int32Array(image.data.buffer);
      }
      pixels.fill(packed(paper));
      const colors = Int32Array.from([...palette, litColor].map(packed));
      const stamp = (alpha) => disc(radius * ratio, alpha, image.width);
      const groupOf = (i) => groups[i];
      if (group < 0) {
        stampAll(camera, ratio, colors, stamp(opacity), null, groupOf, () => true);
      } else {
        stampAll(camera, ratio, colors, stamp(opacity * 0.12), null, groupOf, (i) => groups[i] !== group);
        stampAll(camera, ratio, colors, stamp(opacity), null, groupOf, (i) => groups[i] === group);
      }
      stampAll(camera, ratio, colors, disc(litRadius * ratio, 1, image.width), lit, () => palette.length, () => true);
      context.putImageData(image, 0, 0);
    },
  };
}
