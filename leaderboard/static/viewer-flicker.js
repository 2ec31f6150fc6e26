// Shows the two pictures of the slider in turn at one place, so that the eye sees what moves: the disparity.
"use strict";

(() => {
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

  const start = (scene, controls) => {
    const { slider } = scene;
    const toggle = controls.querySelector("[data-flicker]");
    const views = controls.querySelector("[data-views]");
    const rate = controls.querySelector("[data-rate]");
    const rateText = controls.querySelector("[data-rate-text]");
    const step = controls.querySelector("[data-swap]");
    const divider = scene.root.querySelector("[data-divider]");
    let shown = null;
    let timer = 0;

    const next = () => {
      shown = shown === "left" ? "right" : "left";
      slider.showOnly(shown);
    };
    // Nothing moves by itself for who asked for less motion.
    const run = () => {
      clearInterval(timer);
      rateText.textContent = `${rate.value} a second`;
      if (shown !== null && !calm.matches) timer = setInterval(next, 1000 / Number(rate.value));
    };
    const turn = (on) => {
      shown = on ? "right" : null;
      if (on) next();
      else slider.showOnly(null);
      toggle.setAttribute("aria-pressed", String(on));
      divider.disabled = on;
      for (const element of controls.querySelectorAll("[data-flicker-only]")) element.hidden = !on;
      for (const element of controls.querySelectorAll("[data-moving]")) element.hidden = !on || calm.matches;
      for (const element of controls.querySelectorAll("[data-calm]")) element.hidden = !on || !calm.matches;
      run();
    };

    toggle.addEventListener("click", () => turn(shown === null));
    views?.addEventListener("click", () => {
      slider.choose("left", "left");
      slider.choose("right", "right");
      turn(true);
    });
    rate.addEventListener("input", run);
    step.addEventListener("click", next);
    slider.stage.addEventListener("keydown", (event) => {
      if (event.key !== "x" || event.ctrlKey || event.metaKey || event.altKey) return;
      if (shown === null) turn(true);
      next();
      run(); // a step by hand is seen for a whole turn
    });
    calm.addEventListener("change", () => turn(shown !== null));
  };

  for (const scene of ldpbench.viewer.scenes) {
    const controls = scene.root.querySelector("[data-flickering]");
    if (controls) start(scene, controls);
  }
})();
