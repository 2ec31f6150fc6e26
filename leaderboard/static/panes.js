// All pictures of a scene under one view: zoom one and all of them zoom, so that the eye compares the same pixels.
"use strict";

(() => {
  const { state } = window.ldpbench;
  const LARGEST = 32;
  const STEP = 1.5;
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

  class Panes {
    constructor(grid, lab) {
      this.lab = lab;
      this.frames = [...grid.querySelectorAll(".frame")].map((frame) => this.prepare(frame));
      this.view = { x: 0.5, y: 0.5, zoom: 1 }; // middle of the view as a share of the picture, and times its fitted size
      this.crop = "whole";
      this.buttons = [...lab.querySelectorAll("[data-crop]")];
      this.said = lab.querySelector("[data-view]");
      for (const button of this.buttons) button.addEventListener("click", () => this.goTo(button.dataset.crop));
      for (const button of lab.querySelectorAll("[data-step]"))
        button.addEventListener("click", () => this.zoomBy(button.dataset.step === "in" ? STEP : 1 / STEP));
      this.drawBoxes(grid);
      this.restore();
      state.onchange(() => this.restore());
      new ResizeObserver(() => this.draw()).observe(grid);
    }

    // A frame holds layers that move as one: the picture and, for error maps, the target over it.
    prepare(frame) {
      const image = frame.querySelector("img");
      const layers = document.createElement("span");
      layers.className = "layers";
      image.before(layers);
      layers.append(image);
      image.draggable = false;
      frame.draggable = false;
      const pane = { frame, image, layers, full: frame.href, isFull: image.src === frame.href };
      frame.addEventListener("click", (event) => this.click(event, pane));
      frame.addEventListener("pointerdown", (event) => this.press(event, pane));
      frame.addEventListener("wheel", (event) => this.turn(event, pane), { passive: false });
      frame.addEventListener("dblclick", (event) => event.preventDefault());
      frame.addEventListener("keydown", (event) => this.key(event));
      return pane;
    }

    // The view

    set(view, crop = null) {
      const half = 0.5 / view.zoom;
      this.view = { zoom: view.zoom, x: clamp(view.x, half, 1 - half), y: clamp(view.y, half, 1 - half) };
      this.crop = crop ?? (view.zoom === 1 ? "whole" : null);
      this.draw();
      const { x, y, zoom } = this.view;
      const named = this.crop !== null;
      state.set("crop", named && this.crop !== "whole" ? this.crop : null);
      state.set("view", named ? null : [x, y, zoom].map((value) => Number(value.toFixed(4))).join(","));
    }

    // Zooms so that the point under the pointer stays there.
    zoomBy(factor, at = { x: 0.5, y: 0.5 }) {
      const before = this.view;
      const zoom = clamp(before.zoom * factor, 1, LARGEST);
      const shift = 1 / before.zoom - 1 / zoom;
      this.set({ zoom, x: before.x + (at.x - 0.5) * shift, y: before.y + (at.y - 0.5) * shift });
    }

    goTo(name) {
      const box = this.buttons.find((button) => button.dataset.crop === name)?.dataset.box;
      if (!box) return this.set({ x: 0.5, y: 0.5, zoom: 1 }, "whole");
      const [left, top, width, height] = box.split(",").map(Number);
      const [whole, tall] = this.size();
      return this.set(
        { x: (left + width / 2) / whole, y: (top + height / 2) / tall, zoom: Math.min(whole / width, tall / height) },
        name,
      );
    }

    size() {
      const [first] = this.lab.parentElement.querySelectorAll(".file");
      return first.textContent.match(/\d+/g).slice(0, 2).map(Number);
    }

    restore() {
      const crop = state.get("crop");
      const view = (state.get("view") ?? "").split(",").map(Number);
      if (crop && this.buttons.some((button) => button.dataset.crop === crop)) this.goTo(crop);
      else if (view.length === 3 && view.every(Number.isFinite)) this.set({ x: view[0], y: view[1], zoom: clamp(view[2], 1, LARGEST) });
      else this.set({ x: 0.5, y: 0.5, zoom: 1 }, "whole");
    }

    draw() {
      const { x, y, zoom } = this.view;
      for (const pane of this.frames) {
        const { layers, image, frame } = pane;
        const width = layers.clientWidth;
        const height = layers.clientHeight;
        layers.style.transform = `translate(${width * (0.5 - x * zoom)}px, ${height * (0.5 - y * zoom)}px) scale(${zoom})`;
        const pixel = (zoom * width * devicePixelRatio) / Number(image.dataset.pixels ?? image.naturalWidth ?? 1);
        layers.classList.toggle("crisp", pixel > 1.5);
        frame.classList.toggle("close", zoom > 1);
        if (zoom > 1 && !pane.isFull) this.fetchFull(pane);
      }
      for (const button of this.buttons) button.setAttribute("aria-pressed", String(button.dataset.crop === this.crop));
      this.said.textContent = zoom === 1 ? "" : `${zoom.toFixed(1)} times, middle at ${Math.round(100 * x)} %, ${Math.round(100 * y)} %`;
    }

    // The small picture stays until the full one is there.
    async fetchFull(pane) {
      pane.isFull = true;
      const full = new Image();
      full.src = pane.full;
      try {
        await full.decode();
      } catch {
        return; // the small one is still shown
      }
      pane.image.loading = "eager";
      pane.image.src = pane.full;
      this.draw();
    }

    // Boxes of the crops on the first picture

    drawBoxes(grid) {
      const first = grid.querySelector(".frame .layers");
      const [width, height] = this.size();
      for (const button of this.buttons) {
        if (!button.dataset.box) continue;
        const [x, y, w, h] = button.dataset.box.split(",").map(Number);
        const box = document.createElement("span");
        box.className = "crop-box";
        box.setAttribute("aria-hidden", "true");
        box.textContent = button.dataset.crop;
        Object.assign(box.style, {
          left: `${(100 * x) / width}%`, top: `${(100 * y) / height}%`, width: `${(100 * w) / width}%`, height: `${(100 * h) / height}%`,
        });
        first.append(box);
      }
    }

    // Pointers and keys

    place(event, pane) {
      const box = pane.frame.getBoundingClientRect();
      return { x: clamp((event.clientX - box.left) / box.width, 0, 1), y: clamp((event.clientY - box.top) / box.height, 0, 1) };
    }

    click(event, pane) {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return; // still a link to the file
      event.preventDefault();
      if (this.dragged) return;
      if (this.view.zoom > 1) return void this.goTo("whole");
      const at = event.detail > 0 ? this.place(event, pane) : { x: 0.5, y: 0.5 }; // a key press has no place
      const natural = this.size()[0] / pane.layers.clientWidth;
      this.set({ x: at.x, y: at.y, zoom: clamp(Math.max(3, natural), 1, LARGEST) });
    }

    press(event, pane) {
      if (event.button !== 0) return;
      this.fingers ??= new Map();
      this.fingers.set(event.pointerId, event);
      this.dragged = false;
      if (this.view.zoom === 1 && this.fingers.size < 2) return;
      const move = (next) => {
        const last = this.fingers.get(next.pointerId);
        if (!last) return;
        const box = pane.frame.getBoundingClientRect();
        const others = [...this.fingers.values()].filter((finger) => finger.pointerId !== next.pointerId);
        if (others.length) {
          const [other] = others;
          const spread = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1;
          this.zoomBy(spread(next) / spread(last), this.place(other, pane));
        } else {
          if (Math.hypot(next.clientX - event.clientX, next.clientY - event.clientY) > 3) this.dragged = true;
          const { x, y, zoom } = this.view;
          this.set({ zoom, x: x - (next.clientX - last.clientX) / box.width / zoom, y: y - (next.clientY - last.clientY) / box.height / zoom });
        }
        this.fingers.set(next.pointerId, next);
      };
      const end = (last) => {
        this.fingers.delete(last.pointerId);
        removeEventListener("pointermove", move);
        removeEventListener("pointerup", end);
        removeEventListener("pointercancel", end);
      };
      addEventListener("pointermove", move);
      addEventListener("pointerup", end);
      addEventListener("pointercancel", end);
    }

    turn(event, pane) {
      // A page scrolls past pictures; only who looks into one, or asks for it, turns the wheel to zoom.
      if (this.view.zoom === 1 && !event.ctrlKey) return;
      event.preventDefault();
      this.zoomBy(Math.exp(-event.deltaY / 300), this.place(event, pane));
    }

    key(event) {
      const far = 0.1 / this.view.zoom;
      const moves = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] };
      if (event.key === "+" || event.key === "=") this.zoomBy(STEP);
      else if (event.key === "-") this.zoomBy(1 / STEP);
      else if (event.key === "0" || event.key === "Escape") this.goTo("whole");
      else if (event.key in moves && this.view.zoom > 1) {
        const [dx, dy] = moves[event.key];
        this.set({ ...this.view, x: this.view.x + dx, y: this.view.y + dy });
      } else return;
      event.preventDefault();
    }
  }

  for (const grid of document.querySelectorAll("[data-panes]")) {
    const section = grid.parentElement;
    const lab = section.querySelector("[data-lab]");
    lab.hidden = false;
    section.querySelector("[data-panes-hint]").hidden = false;
    window.ldpbench.panes = new Panes(grid, lab);
  }
})();
