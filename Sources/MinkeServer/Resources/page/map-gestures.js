// Mouse, wheel and fingers on the map: drag, zoom, pinch, point and press.

/** Moves `camera`, and calls `point(x, y)` for hovering and `press(x, y, isTouch)` for a click. */
export function listen(element, camera, { point, press, leave }) {
  const pointers = new Map();
  let traveled = 0;

  const place = (event) => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    if (!pointers.size) traveled = 0;
    pointers.set(event.pointerId, place(event));
  });

  element.addEventListener("pointermove", (event) => {
    const now = place(event);
    const before = pointers.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch") point(...now);
      return;
    }
    traveled += Math.hypot(now[0] - before[0], now[1] - before[1]);
    // A hand that presses is never quite still.
    if (traveled < 5 && pointers.size === 1) return;
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      // The map follows the middle of both fingers, and grows as they part.
      const factor = Math.hypot(now[0] - other[0], now[1] - other[1])
        / Math.max(1, Math.hypot(before[0] - other[0], before[1] - other[1]));
      camera.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
      camera.zoomAt((now[0] + other[0]) / 2, (now[1] + other[1]) / 2, factor);
    } else {
      camera.pan(now[0] - before[0], now[1] - before[1]);
    }
    pointers.set(event.pointerId, now);
  });

  const release = (event) => {
    const was = pointers.delete(event.pointerId);
    if (was && event.type === "pointerup" && !pointers.size && traveled < 5) {
      press(...place(event), event.pointerType === "touch");
    }
  };
  element.addEventListener("pointerup", release);
  element.addEventListener("pointercancel", release);
  element.addEventListener("pointerleave", (event) => {
    if (event.pointerType !== "touch") leave();
  });

  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      // Lines and pages where a browser counts in these; two fingers on a touchpad come as a wheel with ctrl.
      const pixels = event.deltaY * [1, 16, 400][event.deltaMode];
      camera.zoomAt(...place(event), Math.exp(-Math.max(-200, Math.min(200, pixels)) * (event.ctrlKey ? 0.01 : 0.0022)));
    },
    { passive: false });
}
