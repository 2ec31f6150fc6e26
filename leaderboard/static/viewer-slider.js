// Two pictures under one divider. It stays where it is while the pictures move beneath it.
"use strict";

(() => {
  const { fit, limit, numberFrom, paint, place, steer } = ldpbench.viewer;
  const TALLEST_PX = 720;
  const SHORTEST_PX = 240;
  const GRIP_PX = 28; // how near the divider a drag moves it and not the pictures
  const SIDES = ["left", "right"];

  const makeSide = (stage, side) => {
    const half = document.createElement("div");
    half.className = `half ${side}`;
    const layer = document.createElement("div");
    layer.className = "layer";
    layer.dataset.layer = "";
    const image = document.createElement("img");
    image.draggable = false;
    layer.append(image);
    half.append(layer);
    const name = document.createElement("span");
    name.className = `name ${side}`;
    name.setAttribute("aria-hidden", "true");
    stage.append(half, name);
    return { half, image, name };
  };

  const start = (scene, slider) => {
    const stage = slider.querySelector("[data-stage]");
    const divider = slider.querySelector("[data-divider]");
    const selects = Object.fromEntries(SIDES.map((side) => [side, slider.querySelector(`[data-side="${side}"]`)]));
    const first = { left: slider.dataset.left, right: slider.dataset.right };
    const sides = { right: makeSide(stage, "right"), left: makeSide(stage, "left") };
    const line = document.createElement("span");
    line.className = "line";
    stage.append(line);
    const pair = { ...first };
    const listeners = new Set();
    let only = null;

    const cut = () => {
      const share = only === null ? Number(divider.value) : only === "left" ? 100 : 0;
      stage.style.setProperty("--cut", `${share}%`);
      line.hidden = only !== null;
      for (const side of SIDES) sides[side].name.hidden = only !== null && only !== side;
    };

    const show = () => {
      for (const side of SIDES) {
        const picture = scene.pictures.get(pair[side]);
        const { half, image, name } = sides[side];
        half.dataset.kind = picture.kind;
        name.textContent = picture.label;
        image.alt = `${picture.label}, ${side} of the divider`;
        paint(image, picture, true);
        if (selects[side]) selects[side].value = pair[side];
      }
      for (const listener of listeners) listener();
    };

    const setDivider = (value) => {
      divider.value = String(value);
      cut();
      scene.remember("cut", Number(divider.value) === 50 ? null : divider.value);
    };

    // On whole pictures every drag moves the divider; on magnified ones only a drag at the divider does.
    const grab = (event) => {
      const box = stage.getBoundingClientRect();
      const at = box.left + (Number(divider.value) / 100) * box.width;
      if (only !== null || (scene.view.zoom > 1 && Math.abs(event.clientX - at) > GRIP_PX)) return null;
      return (moved) => setDivider(limit(Math.round((100 * (moved.clientX - box.left)) / box.width), 0, 100));
    };

    const resize = () => {
      const tallest = limit(0.8 * window.innerHeight, SHORTEST_PX, TALLEST_PX);
      const width = fit(scene, slider.clientWidth, tallest);
      stage.style.width = divider.style.width = `${width}px`;
      stage.style.aspectRatio = `${scene.width} / ${scene.height}`;
      scene.redraw();
    };

    // What flicker and others need: which two there are, and how to show one of them alone.
    scene.slider = {
      stage,
      pair,
      choose(side, name) {
        pair[side] = name;
        show();
        scene.remember(side, name === first[side] ? null : name);
      },
      showOnly(side) {
        only = side;
        cut();
      },
      onpair: (listener) => listeners.add(listener),
    };

    for (const side of SIDES) {
      selects[side]?.addEventListener("change", () => scene.slider.choose(side, selects[side].value));
    }
    divider.addEventListener("input", () => setDivider(Number(divider.value)));
    if (!("still" in slider.dataset)) steer(scene, stage, grab);
    else stage.addEventListener("pointermove", (event) => event.buttons === 1 && grab(event)?.(event));
    new ResizeObserver(resize).observe(slider);
    scene.onview(() => place(scene, stage));
    scene.onrecall((get) => {
      for (const side of SIDES) pair[side] = scene.pictures.has(get(side)) ? get(side) : first[side];
      divider.value = String(numberFrom(get("cut"), 0, 100, 50));
      show();
      cut();
    });
  };

  for (const scene of ldpbench.viewer.scenes) {
    const slider = scene.root.querySelector("[data-slider]");
    if (slider) start(scene, slider);
  }
})();
