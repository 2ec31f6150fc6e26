// Exposure and gamma of everything that is shown, and how far each output lies from the target.
"use strict";

(() => {
  const { state } = window.ldpbench;
  const SVG = "http://www.w3.org/2000/svg";
  // How shown values grow with light: a square root, or a display's gamma.
  const POWER = { linear: 1 / 2, srgb: 1 / 2.2 };
  // Dark to bright through violet and orange.
  const RAMP = { R: "0 0.31 0.72 0.98 0.99", G: "0 0.07 0.21 0.55 1", B: "0.02 0.48 0.47 0.15 0.75" };

  const element = (tag, attributes, ...children) => {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };

  const channels = (attributes) => ["R", "G", "B"].map((letter) => element(`feFunc${letter}`, attributes(letter)));

  class Light {
    constructor(bar, errors) {
      this.power = POWER[bar.dataset.encoding];
      this.exposure = bar.querySelector("[data-exposure]");
      this.gamma = bar.querySelector("[data-gamma]");
      this.functions = channels(() => ({ type: "gamma", amplitude: 1, exponent: 1, offset: 0 }));
      this.weights = element("feColorMatrix", { type: "matrix" });
      const defs = element(
        "svg",
        { width: 0, height: 0, "aria-hidden": "true", focusable: "false", class: "filters" },
        element("filter", { id: "light", "color-interpolation-filters": "sRGB", x: 0, y: 0, width: 1, height: 1 }, element("feComponentTransfer", {}, ...this.functions)),
        element(
          "filter",
          { id: "error", "color-interpolation-filters": "sRGB", x: 0, y: 0, width: 1, height: 1 },
          this.weights,
          element("feComponentTransfer", {}, ...channels((letter) => ({ type: "table", tableValues: RAMP[letter] }))),
        ),
      );
      document.body.append(defs);
      for (const [input, name] of [[this.exposure, "ev"], [this.gamma, "gamma"]]) {
        input.addEventListener("input", () => {
          state.set(name, Number(input.value) === Number(input.defaultValue) ? null : input.value);
          this.draw();
        });
      }
      bar.querySelector("[data-light-reset]").addEventListener("click", () => {
        for (const name of ["ev", "gamma"]) state.set(name, null);
        this.restore();
      });
      this.button = errors?.querySelector("[data-error]");
      this.gain = errors?.querySelector("[data-gain]");
      this.button?.addEventListener("click", () => this.setError(this.button.getAttribute("aria-pressed") !== "true"));
      this.gain?.addEventListener("change", () => this.setError(true));
      this.restore();
      state.onchange(() => this.restore());
    }

    restore() {
      this.exposure.value = state.get("ev") ?? 0;
      this.gamma.value = state.get("gamma") ?? 1;
      const gain = state.get("error");
      if (this.gain && gain && [...this.gain.options].some((option) => option.value === gain)) this.gain.value = gain;
      if (this.button) this.setError(gain !== null);
      this.draw();
    }

    draw() {
      const stops = Number(this.exposure.value);
      const gamma = Number(this.gamma.value);
      this.exposure.nextElementSibling.textContent = `${stops > 0 ? "+" : ""}${stops} stops`;
      this.gamma.nextElementSibling.textContent = gamma.toFixed(2);
      for (const one of this.functions) {
        one.setAttribute("amplitude", String(2 ** (stops * this.power)));
        one.setAttribute("exponent", String(1 / gamma));
      }
      const plain = stops === 0 && gamma === 1;
      for (const layers of document.querySelectorAll("[data-picture] .layers, [data-canvas]")) {
        if (!layers.classList.contains("error")) layers.style.filter = plain ? "" : "url(#light)";
      }
    }

    // The target over each output, as their difference: exact, and without another file.
    setError(on) {
      state.set("error", on ? this.gain.value : null);
      this.button.setAttribute("aria-pressed", String(on));
      const third = String(Number(this.gain.value) / 3);
      const row = `${third} ${third} ${third} 0 0`;
      this.weights.setAttribute("values", `${row} ${row} ${row} 0 0 0 1 0`);
      const target = document.querySelector('[data-kind="target"] .frame');
      for (const figure of document.querySelectorAll('[data-kind="output"][data-picture]')) {
        const layers = figure.querySelector(".layers");
        const frame = figure.querySelector(".frame");
        let over = layers.querySelector(".target");
        if (on && !over) {
          over = document.createElement("img");
          over.className = "target";
          over.alt = "";
          over.src = target.href;
          layers.append(over);
          layers.querySelector("img").src = frame.href; // errors of a smaller copy would be smaller errors
        }
        if (over) over.hidden = !on;
        layers.classList.toggle("error", on);
        layers.style.filter = on ? "url(#error)" : "";
      }
      if (!on) this.draw();
    }
  }

  const bar = document.querySelector("[data-light]");
  if (bar) new Light(bar, document.querySelector("[data-errors]"));
})();
