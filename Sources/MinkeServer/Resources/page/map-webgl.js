// Draws the points with WebGL 2: all of them in one call, and those lit up above them.

const vertexSource = `#version 300 es
  in vec2 point;
  in float group;
  uniform vec2 center, scale;
  uniform vec4 colors[9];
  uniform float size, only;
  out vec4 color;
  void main() {
    gl_Position = vec4((point - center) * scale, 0.0, 1.0);
    gl_PointSize = size;
    color = colors[int(group)];
    if (only >= 0.0 && abs(group - only) > 0.5) color.a *= 0.12;
  }`;

const fragmentSource = `#version 300 es
  precision highp float;
  in vec4 color;
  uniform float size;
  out vec4 shown;
  void main() {
    float distance = length(gl_PointCoord - 0.5) * size;
    float alpha = color.a * (1.0 - smoothstep(size * 0.5 - 1.0, size * 0.5, distance));
    shown = vec4(color.rgb * alpha, alpha);
  }`;

/** Not all browsers say that a processor draws, as they were asked to; drawing by hand is faster then. */
function isSoftware(gl) {
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  const name = gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
  return /swiftshader|llvmpipe|software|basic render/i.test(name);
}

/** A renderer on this canvas, or null where there is no WebGL 2, or one that is itself drawn by the processor. */
export function webglRenderer(canvas) {
  const gl = canvas.getContext("webgl2", { antialias: false, failIfMajorPerformanceCaveat: true });
  if (!gl || isSoftware(gl)) return null;
  const program = gl.createProgram();
  for (const [type, source] of [[gl.VERTEX_SHADER, vertexSource], [gl.FRAGMENT_SHADER, fragmentSource]]) {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return null;
  gl.useProgram(program);
  const uniform = (name) => gl.getUniformLocation(program, name);
  const [center, scale, size, only, colors] = ["center", "scale", "size", "only", "colors"].map(uniform);
  const buffers = { point: gl.createBuffer(), group: gl.createBuffer(), lit: gl.createBuffer() };
  let count = 0;
  let litCount = 0;

  function attribute(name, buffer, data, width, type) {
    const place = gl.getAttribLocation(program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, width, type, false, 0, 0);
  }

  return {
    setPoints(points, group) {
      count = group.length;
      attribute("point", buffers.point, points, 2, gl.FLOAT);
      attribute("group", buffers.group, group, 1, gl.UNSIGNED_BYTE);
    },
    setLit(indices) {
      litCount = indices.length;
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, buffers.lit);
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, indices, gl.DYNAMIC_DRAW);
    },
    draw({ camera, ratio, palette, lit, radius, litRadius, opacity, group }) {
      gl.viewport(0, 0, canvas.width, canvas.height);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT);
      gl.enable(gl.BLEND);
      gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
      gl.uniform2f(center, camera.x, camera.y);
      gl.uniform2f(scale, (2 * camera.scale) / camera.width, (-2 * camera.scale) / camera.height);
      const pass = (color, alpha, pixels, chosen) => {
        const values = palette.flatMap((one) => [...(color ?? one).map((part) => part / 255), alpha]);
        gl.uniform4fv(colors, new Float32Array(values));
        gl.uniform1f(size, 2 * pixels * ratio + 1);
        gl.uniform1f(only, chosen);
      };
      pass(null, opacity, radius, group);
      gl.drawArrays(gl.POINTS, 0, count);
      if (!litCount) return;
      pass(lit, 1, litRadius, -1);
      gl.drawElements(gl.POINTS, litCount, gl.UNSIGNED_INT, 0);
    },
  };
}
