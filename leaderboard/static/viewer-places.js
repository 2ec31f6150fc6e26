// Where to look: the whole, boxes that are worth it, sizes in whole pixels, and the small overview that says where one is.
"use strict";

(() => {
  const { limit, numberFrom, round } = ldpbench.viewer;
  const WHOLE = "Whole";

  const start = (scene, group) => {
    const places = new Map([[WHOLE, scene.whole]]);
    const buttons = [...group.querySelectorAll("[data-place]")];
    for (const { dataset } of buttons) {
      if (dataset.box) places.set(dataset.place, scene.around(...dataset.box.split(" ").map(Number)));
    }
    const sizes = [...scene.root.querySelectorAll("[data-pixels]")];
    const where = group.querySelector("[data-where]");
    const current = () => [...places].find(([, view]) => scene.isAt(view))?.[0];

    // The view in which the slider gives a pixel this many pixels of the screen; none where the whole has more already.
    const sized = (pixels) => {
      const zoom = (pixels * scene.width) / (scene.slider.stage.clientWidth * window.devicePixelRatio);
      return zoom >= 1 ? { ...scene.view, zoom } : null;
    };

    const say = () => {
      const { x, y, zoom } = scene.view;
      const at = zoom > 1 ? `middle at ${Math.round(x)}, ${Math.round(y)} px` : "the whole picture";
      where.textContent = `${zoom.toFixed(zoom < 10 ? 1 : 0)}×, ${at}`;
    };

    const mark = () => {
      const place = current();
      for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.place === place));
      for (const button of sizes) {
        const view = sized(Number(button.dataset.pixels));
        button.hidden = view === null;
        button.setAttribute("aria-pressed", String(view !== null && Math.abs(view.zoom / scene.view.zoom - 1) < 1e-3));
      }
      return place;
    };

    const keep = (place) => {
      const { x, y, zoom } = scene.view;
      scene.remember("crop", place && place !== WHOLE ? place : null);
      scene.remember("view", place ? null : [round(x, 1), round(y, 1), round(zoom, 4)].join(","));
    };

    for (const button of buttons) {
      button.addEventListener("click", () => scene.look(places.get(button.dataset.place)));
    }
    for (const button of sizes) {
      button.addEventListener("click", () => scene.look(sized(Number(button.dataset.pixels))));
    }
    scene.onrecall((get) => {
      const place = places.get(get("crop"));
      const [x, y, zoom] = (get("view") ?? "").split(",");
      if (place) scene.look(place);
      else {
        scene.look({
          x: numberFrom(x, 0, scene.width, scene.whole.x),
          y: numberFrom(y ?? null, 0, scene.height, scene.whole.y),
          zoom: numberFrom(zoom ?? null, 1, scene.width, 1),
        });
      }
    });
    scene.onview(() => {
      say();
      keep(mark());
    });
  };

  const startOverview = (scene, overview) => {
    const here = overview.querySelector("[data-here]");
    const go = (event) => {
      const box = overview.getBoundingClientRect();
      const share = (at, from, length) => limit((at - from) / length, 0, 1);
      scene.look({
        x: share(event.clientX, box.left, box.width) * scene.width,
        y: share(event.clientY, box.top, box.height) * scene.height,
        zoom: scene.view.zoom,
      });
    };
    overview.addEventListener("pointerdown", (event) => {
      const box = event.target.closest("[data-go]");
      if (box) return scene.look(scene.around(...box.dataset.go.split(" ").map(Number)));
      overview.setPointerCapture(event.pointerId);
      go(event);
    });
    overview.addEventListener("pointermove", (event) => {
      if (overview.hasPointerCapture(event.pointerId)) go(event);
    });
    scene.onview(() => {
      const { x, y, zoom } = scene.view;
      const [width, height] = [scene.width / zoom, scene.height / zoom];
      const numbers = { x: x - width / 2, y: y - height / 2, width, height };
      for (const [name, value] of Object.entries(numbers)) here.setAttribute(name, String(value));
      here.classList.toggle("all", zoom === 1);
    });
  };

  for (const scene of ldpbench.viewer.scenes) {
    const group = scene.root.querySelector("[data-places]");
    const overview = scene.root.querySelector("[data-overview]");
    if (group) start(scene, group);
    if (overview) startOverview(scene, overview);
  }
})();
