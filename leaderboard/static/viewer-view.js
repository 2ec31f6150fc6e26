// All pictures of a scene under one view: where its middle lies, in pixels of the scene, and how far it is magnified.
// Whatever shows or moves the view goes through a scene made here.
"use strict";

ldpbench.viewer = (() => {
  const NEAREST_PX = 8; // the fewest pixels across a frame
  const SETTLED_MS = 250; // browsers refuse addresses that change with every movement

  const limit = (value, low, high) => Math.min(high, Math.max(low, value));
  const round = (value, digits) => Number(value.toFixed(digits));

  const makeScene = (root) => {
    const [width, height] = [Number(root.dataset.width), Number(root.dataset.height)];
    const listeners = new Set();
    const unsaved = new Map();
    let timer = 0;
    let frame = 0;

    // The nearest view that shows nothing outside the scene.
    const inside = ({ x, y, zoom }) => {
      const within = limit(zoom, 1, Math.max(1, width / NEAREST_PX));
      const [halfX, halfY] = [width / within / 2, height / within / 2];
      return { x: limit(x, halfX, width - halfX), y: limit(y, halfY, height - halfY), zoom: within };
    };

    const draw = () => {
      frame = 0;
      for (const listener of listeners) listener();
    };

    const save = () => {
      for (const [name, value] of unsaved) ldpbench.state.set(name, value);
      unsaved.clear();
    };

    const scene = {
      root,
      width,
      height,
      whole: { x: width / 2, y: height / 2, zoom: 1 },
      view: { x: width / 2, y: height / 2, zoom: 1 },
      // Picture by name: what the page says of it.
      pictures: new Map(
        [...root.querySelectorAll("img[data-picture]")].map((image) => [image.dataset.picture, { ...image.dataset }]),
      ),

      look(view) {
        scene.view = inside(view);
        frame ||= requestAnimationFrame(draw);
      },
      // Magnifies so that one place, given as shares of the frame, stays where it is.
      zoomAt(factor, shareX = 0.5, shareY = 0.5) {
        const { x, y, zoom } = scene.view;
        const { zoom: next } = inside({ x, y, zoom: zoom * factor });
        const moved = 1 / zoom - 1 / next;
        scene.look({ x: x + (shareX - 0.5) * width * moved, y: y + (shareY - 0.5) * height * moved, zoom: next });
      },
      // Moves the pictures by shares of the frame.
      pan(shareX, shareY) {
        const { x, y, zoom } = scene.view;
        scene.look({ x: x - (shareX * width) / zoom, y: y - (shareY * height) / zoom, zoom });
      },
      // The view that shows a box and as little as possible around it.
      around: (x, y, boxWidth, boxHeight) =>
        inside({ x: x + boxWidth / 2, y: y + boxHeight / 2, zoom: Math.min(width / boxWidth, height / boxHeight) }),
      isAt: (view) =>
        Math.abs(view.zoom / scene.view.zoom - 1) < 1e-3 &&
        Math.abs(view.x - scene.view.x) < 0.1 &&
        Math.abs(view.y - scene.view.y) < 0.1,

      // Called whenever the view has changed, at most once a frame, and now.
      onview(listener) {
        listeners.add(listener);
        listener();
      },
      redraw() {
        frame ||= requestAnimationFrame(draw);
      },

      // Part of the page's address, if this scene keeps anything there; null for what is so anyway.
      remember(name, value) {
        if (!("keep" in root.dataset)) return;
        unsaved.set(name, value);
        clearTimeout(timer);
        timer = setTimeout(save, SETTLED_MS);
      },
      // Called with a reader of the address now, and whenever somebody else changes it.
      onrecall(listener) {
        const get = "keep" in root.dataset ? ldpbench.state.get : () => null;
        listener(get);
        ldpbench.state.onchange(() => listener(get));
      },
    };
    return scene;
  };

  // A number from the address, or what to take where there is none that makes sense.
  const numberFrom = (text, low, high, otherwise) => {
    const value = text === null || text.trim() === "" ? NaN : Number(text);
    return Number.isFinite(value) ? limit(value, low, high) : otherwise;
  };

  // Shows the small copy at once, and the picture itself as soon as it is decoded, if it is wanted.
  const paint = (image, picture, inFull) => {
    const source = inFull || image.dataset.source === picture.full ? picture.full : picture.small;
    if (image.dataset.source === source) return;
    image.dataset.source = source;
    const show = () => {
      if (image.dataset.source === source) image.src = source;
    };
    if (source === picture.small) return show();
    if (image.getAttribute("src") !== picture.small) image.src = picture.small;
    const loader = new Image();
    loader.src = source;
    loader.decode().then(show, show); // one that cannot be loaded shows as broken
  };

  const scenes = [...document.querySelectorAll("[data-scene]")].map(makeScene);
  return { scenes, limit, round, numberFrom, paint };
})();
