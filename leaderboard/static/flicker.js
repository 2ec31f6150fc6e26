// Two pictures in turn at one place: what moves between the two views is what is out of focus.
"use strict";

(() => {
  const { state } = window.ldpbench;
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  class Flicker {
    constructor(bar, grid) {
      this.figures = [...grid.querySelectorAll("figure")];
      this.one = bar.querySelector("[data-one]");
      this.other = bar.querySelector("[data-other]");
      this.run = bar.querySelector("[data-run]");
      this.rate = bar.querySelector("[data-rate]");
      this.timer = null;
      this.run.hidden = calm.matches; // who wants no motion changes the pictures by hand
      this.run.addEventListener("click", () => (this.timer === null ? this.start() : this.stop()));
      bar.querySelector("[data-swap]").addEventListener("click", () => this.swap());
      this.rate.addEventListener("change", () => this.timer !== null && this.start());
      for (const select of [this.one, this.other]) select.addEventListener("change", () => this.show());
      document.addEventListener("keydown", (event) => {
        if (event.key === "Escape" && this.timer !== null) this.stop();
      });
      const pair = (state.get("flicker") ?? "").split(",");
      if (pair.length === 2 && pair.every((place) => this.figures[Number(place)])) {
        [this.one.value, this.other.value] = pair;
        this.show();
      }
    }

    // The pane of the first picture shows both; the second lies over it and comes and goes.
    show() {
      this.hide();
      const first = this.figures[Number(this.one.value)];
      const second = this.figures[Number(this.other.value)];
      this.over = document.createElement("img");
      this.over.className = "flicker";
      this.over.alt = "";
      this.over.src = second.querySelector(".frame").href;
      this.layers = first.querySelector(".layers");
      this.layers.querySelector("img").src = first.querySelector(".frame").href;
      this.layers.append(this.over);
      this.caption = first.querySelector("b");
      this.names = [this.caption.textContent, second.querySelector("b").textContent];
      this.over.hidden = true;
      state.set("flicker", `${this.one.value},${this.other.value}`);
      first.scrollIntoView({ block: "nearest" });
    }

    hide() {
      if (!this.over) return;
      this.over.remove();
      this.caption.textContent = this.names[0];
      this.over = null;
    }

    swap() {
      if (!this.over) this.show();
      this.over.hidden = !this.over.hidden;
      this.caption.textContent = this.names[this.over.hidden ? 0 : 1];
    }

    start() {
      clearInterval(this.timer);
      if (!this.over) this.show();
      const rate = Math.min(8, Math.max(1, Number(this.rate.value) || 2));
      this.timer = setInterval(() => this.swap(), 1000 / rate);
      this.run.textContent = "Stop";
      this.run.setAttribute("aria-pressed", "true");
    }

    stop() {
      clearInterval(this.timer);
      this.timer = null;
      this.hide();
      state.set("flicker", null);
      this.run.textContent = "Start";
      this.run.setAttribute("aria-pressed", "false");
    }
  }

  const bar = document.querySelector("[data-flicker]");
  const grid = document.querySelector("[data-panes]");
  if (bar && grid) new Flicker(bar, grid);
})();
