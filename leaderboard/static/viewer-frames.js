// Frames that show the view: each moves what lies in its layers, so that the same place is seen at the same spot.
"use strict";

(() => {
  const { paint, steer } = ldpbench.viewer;
  const CRISP = 1.5; // screen pixels a pixel from which on it is drawn as a square

  const place = (scene, frame) => {
    const { x, y, zoom } = scene.view;
    const [left, top] = [0.5 - (x / scene.width) * zoom, 0.5 - (y / scene.height) * zoom];
    const pixels = (frame.clientWidth * zoom * window.devicePixelRatio) / scene.width;
    for (const layer of frame.querySelectorAll("[data-layer]")) {
      layer.style.transform = `translate(${100 * left}%, ${100 * top}%) scale(${zoom})`;
      layer.classList.toggle("crisp", pixels >= CRISP);
    }
  };

  // The largest size within `room` at which a pixel takes whole screen pixels; large pictures shrink to fit.
  const fit = (scene, room, tallest = Infinity) => {
    const scale = Math.min(room / scene.width, tallest / scene.height);
    const pixel = window.devicePixelRatio;
    return scene.width * (scale > 1 ? Math.max(1, Math.floor(scale * pixel) / pixel) : scale);
  };

  const startPanes = (scene, panes) => {
    const frames = [...panes.querySelectorAll("[data-frame]")];
    const seen = new Set();
    // The small copy does until the frame shows fewer pixels than the screen has; what is out of sight waits.
    const refine = (frame) => {
      for (const image of frame.querySelectorAll("img")) {
        const picture = scene.pictures.get(image.dataset.picture ?? image.dataset.other);
        const shown = frame.clientWidth * scene.view.zoom * window.devicePixelRatio;
        if (seen.has(frame)) paint(image, picture, scene.view.zoom > 1 && shown > Number(picture.smallWidth));
      }
    };
    const watcher = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) {
          if (isIntersecting) seen.add(target);
          else seen.delete(target);
          refine(target);
        }
      },
      { rootMargin: "50% 0%" },
    );
    const resize = () => {
      const room = panes.firstElementChild.clientWidth;
      for (const frame of frames) {
        frame.style.width = `${fit(scene, room)}px`;
        frame.style.aspectRatio = `${scene.width} / ${scene.height}`;
      }
      scene.redraw();
    };

    for (const frame of frames) {
      frame.removeAttribute("href"); // the caption has the link; here a click belongs to the view
      const image = frame.querySelector("img");
      image.dataset.source = image.getAttribute("src");
      steer(scene, frame);
      watcher.observe(frame);
    }
    new ResizeObserver(resize).observe(panes);
    scene.onview(() => {
      for (const frame of frames) {
        place(scene, frame);
        refine(frame);
      }
    });
  };

  Object.assign(ldpbench.viewer, { place, fit });
  for (const scene of ldpbench.viewer.scenes) {
    scene.root.classList.add("live");
    const panes = scene.root.querySelector("[data-panes]");
    if (panes) startPanes(scene, panes);
    for (const element of scene.root.querySelectorAll("[data-scripted]")) element.hidden = false;
    for (const element of scene.root.querySelectorAll("[data-unscripted]")) element.hidden = true;
  }
})();
