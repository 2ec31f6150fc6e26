// Moves the view: by wheel, by dragging, by two fingers and by keys.
"use strict";

(() => {
  const STEP = 1.5; // of one key or button
  const ARROW = 0.1; // of the frame
  const LINE_PX = 16; // of a wheel that counts lines
  const GESTURE_MS = 300; // a wheel that has been scrolling the page goes on doing so

  // Lets pointers over `frame` move the view. `grab` may take a drag for itself: it returns what follows the pointer.
  ldpbench.viewer.steer = (scene, frame, grab = () => null) => {
    const fingers = new Map();
    let follow = null;
    const shares = (clientX, clientY) => {
      const box = frame.getBoundingClientRect();
      return [(clientX - box.left) / box.width, (clientY - box.top) / box.height];
    };
    const pan = (from, to) => scene.pan((to.x - from.x) / frame.clientWidth, (to.y - from.y) / frame.clientHeight);
    const pinch = (still, from, to) => {
      const middle = (finger) => ({ x: (finger.x + still.x) / 2, y: (finger.y + still.y) / 2 });
      const reach = (finger) => Math.hypot(finger.x - still.x, finger.y - still.y) || 1;
      pan(middle(from), middle(to));
      scene.zoomAt(reach(to) / reach(from), ...shares(middle(to).x, middle(to).y));
    };

    frame.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || fingers.size === 2) return;
      frame.setPointerCapture(event.pointerId);
      frame.closest("[data-keys]").focus({ preventScroll: true });
      fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      follow = fingers.size === 1 ? grab(event) : null;
      follow?.(event);
    });
    frame.addEventListener("pointermove", (event) => {
      const from = fingers.get(event.pointerId);
      if (!from) return;
      const to = { x: event.clientX, y: event.clientY };
      const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
      fingers.set(event.pointerId, to);
      if (other) pinch(other, from, to);
      else if (follow) follow(event);
      else pan(from, to);
    });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      frame.addEventListener(end, (event) => fingers.delete(event.pointerId));
    }
    frame.addEventListener("mousedown", (event) => event.preventDefault()); // no selection, no lost focus
    frame.addEventListener("dragstart", (event) => event.preventDefault());
    frame.addEventListener("dblclick", (event) => scene.zoomAt(2, ...shares(event.clientX, event.clientY)));
    frame.addEventListener(
      "wheel",
      (event) => {
        const out = event.deltaY > 0;
        if (event.shiftKey || event.deltaY === 0 || (out && scene.view.zoom === 1) || isScrolling(event)) return;
        event.preventDefault();
        const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : LINE_PX);
        scene.zoomAt(Math.exp(-pixels / (event.ctrlKey ? 100 : 400)), ...shares(event.clientX, event.clientY));
      },
      { passive: false },
    );
    scene.onview(() => frame.classList.toggle("magnified", scene.view.zoom > 1));
  };

  // Whether a wheel has been moving the page until just now: seen here first, and told apart by who prevented it.
  let lastScroll = -Infinity;
  const isScrolling = (event) => event.timeStamp - lastScroll < GESTURE_MS;
  addEventListener(
    "wheel",
    (event) => {
      if (!event.defaultPrevented) lastScroll = event.timeStamp;
    },
    { passive: true },
  );

  const arrows = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

  for (const scene of ldpbench.viewer.scenes) {
    for (const element of scene.root.querySelectorAll("[data-keys]")) element.tabIndex = 0;
    scene.root.addEventListener("keydown", (event) => {
      if (!event.target.hasAttribute("data-keys") || event.ctrlKey || event.metaKey || event.altKey) return;
      const arrow = arrows[event.key];
      if (event.key === "+" || event.key === "=") scene.zoomAt(STEP);
      else if (event.key === "-") scene.zoomAt(1 / STEP);
      else if (event.key === "0") scene.look(scene.whole);
      else if (arrow && scene.view.zoom > 1) scene.pan(ARROW * arrow[0], ARROW * arrow[1]);
      else return; // an arrow on a whole picture scrolls the page
      event.preventDefault();
    });
    for (const button of scene.root.querySelectorAll("[data-step]")) {
      button.addEventListener("click", () => scene.zoomAt(button.dataset.step === "in" ? STEP : 1 / STEP));
    }
  }
})();
