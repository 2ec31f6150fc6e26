// Magnifies all pictures of a scene at one place, so that the eye compares the same pixels everywhere.
"use strict";

(() => {
  const SMALLEST = 3;
  const STEP = 0.04;

  const start = (grid) => {
    const frames = [...grid.querySelectorAll(".frame")];
    const at = { x: 0.5, y: 0.5 };
    let on = false;

    const draw = () => {
      for (const frame of frames) {
        const image = frame.querySelector("img");
        // One to one where the page shows a picture smaller than it is, and at least three times as shown.
        const scale = Math.max(SMALLEST, image.naturalWidth / image.clientWidth || 0);
        image.style.transformOrigin = `${100 * at.x}% ${100 * at.y}%`;
        image.style.transform = on ? `scale(${scale})` : "";
        image.classList.toggle("magnified", on && (scale * image.clientWidth) / image.naturalWidth > 1.5);
      }
      grid.classList.toggle("on", on);
    };

    const place = (event, frame) => {
      const box = frame.getBoundingClientRect();
      at.x = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
      at.y = Math.min(1, Math.max(0, (event.clientY - box.top) / box.height));
    };

    const arrows = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };

    for (const frame of frames) {
      frame.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return; // still a link to the file
        event.preventDefault();
        if (event.detail > 0) place(event, frame); // a key press has no place
        on = !on;
        draw();
      });
      frame.addEventListener("pointermove", (event) => {
        if (!on) return;
        place(event, frame);
        draw();
      });
    }
    document.addEventListener("keydown", (event) => {
      if (!on) return;
      if (event.key === "Escape") on = false;
      else if (event.key in arrows && frames.includes(document.activeElement)) {
        const [dx, dy] = arrows[event.key];
        at.x = Math.min(1, Math.max(0, at.x + dx));
        at.y = Math.min(1, Math.max(0, at.y + dy));
        event.preventDefault();
      } else return;
      draw();
    });
    const hint = grid.parentElement.querySelector("[data-magnify-hint]");
    if (hint) hint.hidden = false;
  };

  document.querySelectorAll("[data-magnify]").forEach(start);
})();
