// Error maps: the target is laid over a picture, the browser takes the difference, a filter gives it gain and colour.
"use strict";

(() => {
  const GAINS = [1, 2, 4, 8, 16];
  const COMPARED = ["blurry", "left", "right", "output"];

  const start = (scene, controls, number) => {
    const target = [...scene.pictures].find(([, picture]) => picture.kind === "target");
    const filter = scene.root.querySelector("[data-error-filter]");
    const matrix = filter.querySelector("feColorMatrix");
    const button = controls.querySelector("[data-error]");
    const gain = controls.querySelector("[data-gain]");
    const most = controls.querySelector("[data-most]");
    const extras = controls.querySelectorAll("[data-error-only]");
    filter.id = `error-${number}`;
    scene.root.style.setProperty("--error", `url(#${filter.id})`);

    // Frames whose picture can be compared: of the target's size, and not a map.
    const frames = [...scene.root.querySelectorAll("[data-panes] [data-frame]")].filter((frame) => {
      const { kind, width, height } = scene.pictures.get(frame.querySelector("img").dataset.picture);
      return COMPARED.includes(kind) && width === target[1].width && height === target[1].height;
    });

    const lay = (frame) => {
      const image = document.createElement("img");
      image.className = "minus";
      image.alt = "";
      image.draggable = false;
      image.loading = "lazy"; // as the picture below it
      image.dataset.other = target[0];
      image.src = image.dataset.source = target[1].small;
      frame.querySelector("[data-layer]").append(image);
    };

    const draw = (on) => {
      button.setAttribute("aria-pressed", String(on));
      for (const extra of extras) extra.hidden = !on;
      // Grey is the mean over the channels; the gain is the same for all.
      const row = `${Array(3).fill(Number(gain.value) / 3).join(" ")} 0 0`;
      matrix.setAttribute("values", `${row} ${row} ${row} 0 0 0 1 0`);
      most.textContent = String(Math.round(255 / Number(gain.value)));
      for (const frame of frames) {
        if (on && !frame.querySelector(".minus")) lay(frame);
        if (!on) frame.querySelector(".minus")?.remove();
        frame.classList.toggle("error", on);
      }
      scene.redraw();
      scene.remember("error", on ? gain.value : null);
    };

    const isOn = () => button.getAttribute("aria-pressed") === "true";
    button.addEventListener("click", () => draw(!isOn()));
    gain.addEventListener("change", () => draw(isOn()));
    scene.onrecall((get) => {
      const asked = GAINS.includes(Number(get("error")));
      gain.value = asked ? get("error") : "4";
      draw(asked);
    });
  };

  ldpbench.viewer.scenes.forEach((scene, number) => {
    const controls = scene.root.querySelector("[data-errors]");
    if (controls) start(scene, controls, number);
  });
})();
