// Exposure and gamma of every picture of a scene, by one SVG filter.
"use strict";

(() => {
  const { numberFrom } = ldpbench.viewer;
  // By what a stop multiplies the values shown: those of linear data are square roots, those of sRGB nearly a power.
  const POWER = { linear: 2, srgb: 2.2 };

  const start = (scene, controls, number) => {
    const filter = scene.root.querySelector("[data-light-filter]");
    const [exposure, gamma] = ["exposure", "gamma"].map((name) => controls.querySelector(`[data-${name}]`));
    const [stops, exponent] = ["exposure", "gamma"].map((name) => controls.querySelector(`[data-${name}-text]`));
    const reset = controls.querySelector("[data-light-reset]");
    filter.id = `light-${number}`;

    const draw = () => {
      const [ev, power] = [Number(exposure.value), Number(gamma.value)];
      const changed = ev !== 0 || power !== 1;
      for (const channel of filter.querySelectorAll("feFuncR, feFuncG, feFuncB")) {
        channel.setAttribute("amplitude", String(2 ** (ev / POWER[scene.root.dataset.encoding] / power)));
        channel.setAttribute("exponent", String(1 / power));
      }
      scene.root.style.setProperty("--light", changed ? `url(#${filter.id})` : "none");
      stops.textContent = `${ev > 0 ? "+" : ev < 0 ? "−" : ""}${Math.abs(ev).toFixed(2)} stops`;
      exponent.textContent = power.toFixed(2);
      reset.disabled = !changed;
      scene.remember("ev", ev === 0 ? null : ev);
      scene.remember("gamma", power === 1 ? null : power);
    };

    for (const input of [exposure, gamma]) input.addEventListener("input", draw);
    reset.addEventListener("click", () => {
      [exposure.value, gamma.value] = ["0", "1"];
      draw();
      exposure.focus(); // the button is off now
    });
    scene.onrecall((get) => {
      exposure.value = String(numberFrom(get("ev"), Number(exposure.min), Number(exposure.max), 0));
      gamma.value = String(numberFrom(get("gamma"), Number(gamma.min), Number(gamma.max), 1));
      draw();
    });
  };

  ldpbench.viewer.scenes.forEach((scene, number) => {
    const controls = scene.root.querySelector("[data-light]");
    if (controls) start(scene, controls, number);
  });
})();
