// The plots of a board: controls, loading, redrawing and saving. What they look like is in figures.js.
// The library is large: it is loaded when the plots come near the window.
"use strict";

(() => {
  const { state, load, script, save } = window.ldpbench;
  const LIBRARY = "static/plotly.min.js";
  const MOST_ROWS = 20;
  const SAVED_WIDTH_PX = 960;
  const CONFIG = { displayModeBar: false, responsive: false, doubleClick: "reset", showTips: false };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const printing = matchMedia("print");
  const fine = matchMedia("(pointer: fine)");
  const root = document.documentElement.dataset.root ?? "";

  // Files and paper are white whatever the screen is.
  const ON_PAPER = { ink: "#1b1d21", soft: "#4d525a", rule: "#dcdcd6", left: "#12707a", right: "#b0491f", paper: "#ffffff", background: "#ffffff" };
  const theme = (paper = false) => {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const font = colour("sans");
    if (paper) return { ...ON_PAPER, font };
    const names = ["ink", "soft", "rule", "left", "right", "paper"];
    return { ...Object.fromEntries(names.map((name) => [name, colour(name)])), background: "rgba(0,0,0,0)", font };
  };

  const pen = document.createElement("canvas").getContext("2d");
  const measure = (text, size, font) => {
    pen.font = `${size}px ${font}`;
    return pen.measureText(text).width;
  };

  class Plots {
    constructor(section) {
      this.section = section;
      this.view = section.dataset.view;
      this.status = section.querySelector("[data-status]");
      this.controls = Object.fromEntries([...section.querySelectorAll("[data-choose]")].map((control) => [control.dataset.choose, control]));
      this.usual = Object.fromEntries(Object.entries(this.controls).map(([name, control]) => [name, this.read(control)]));
      this.figures = [...section.querySelectorAll("[data-plot]")];
      this.widths = new WeakMap();
      section.hidden = false;
      this.restore();
      this.listen();
    }

    listen() {
      for (const [name, control] of Object.entries(this.controls))
        control.addEventListener("change", () => {
          const value = this.read(control);
          state.set(this.view + name, value === this.usual[name] ? null : value);
          this.draw();
        });
      for (const figure of this.figures)
        for (const button of figure.querySelectorAll("[data-save]")) button.addEventListener("click", () => this.saveAs(figure, button.dataset.save));
      state.onchange(() => {
        this.restore();
        this.draw();
      });
      dark.addEventListener("change", () => this.draw());
      printing.addEventListener("change", () => this.draw());
      const sizes = new ResizeObserver(() => requestAnimationFrame(() => this.fit()));
      for (const figure of this.figures) sizes.observe(this.canvasOf(figure));
      const near = new IntersectionObserver((entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        near.disconnect();
        this.start();
      }, { rootMargin: "300px" });
      near.observe(this.section);
    }

    // Controls and the address

    read(control) {
      return control.type === "checkbox" ? (control.checked ? "1" : "0") : control.value;
    }

    restore() {
      for (const [name, control] of Object.entries(this.controls)) {
        const value = state.get(this.view + name) ?? this.usual[name];
        if (control.type === "checkbox") control.checked = value === "1";
        else {
          control.value = value;
          if (control.selectedIndex < 0) control.value = this.usual[name]; // what the board has no more
        }
      }
    }

    // Drawing

    async start() {
      this.status.textContent = "Drawing …";
      try {
        [this.all] = await Promise.all([load(this.section.dataset.plots), script(LIBRARY)]);
        await this.draw();
        this.status.textContent = "";
        this.section.dataset.drawn = "";
      } catch (error) {
        this.status.textContent = `The plots cannot be drawn: ${error.message}.`;
      }
    }

    async draw() {
      if (!this.all) return;
      const metric = this.all.metrics.find(({ id }) => id === this.controls.y.value);
      const values = metric.file === null ? null : await load(metric.file);
      if (metric.id !== this.controls.y.value) return; // another one was chosen meanwhile
      this.metric = metric;
      this.values = values;
      for (const figure of this.figures) this.drawOne(figure);
    }

    // Only what changed its width.
    fit() {
      if (!this.metric) return;
      for (const figure of this.figures) if (this.widths.get(figure) !== this.canvasOf(figure).clientWidth) this.drawOne(figure);
    }

    canvasOf(figure) {
      return figure.querySelector("[data-canvas]");
    }

    drawOne(figure) {
      const canvas = this.canvasOf(figure);
      const width = canvas.clientWidth;
      this.widths.set(figure, width);
      const made = this.make(figure.dataset.plot, theme(printing.matches), width, { top: 0, bottom: 0 });
      const drawable = Boolean(made?.data.length);
      const all = figure.querySelector("[data-all]");
      if (all) all.hidden = this.all.methods.length <= MOST_ROWS;
      this.note(figure, made?.notes ?? [`${this.metric.title} is one number for the whole set: it has no values by scene.`]);
      canvas.setAttribute("aria-label", made?.label ?? "Nothing to draw");
      for (const button of figure.querySelectorAll("[data-save]")) button.disabled = !drawable;
      if (!drawable) {
        window.Plotly.purge(canvas);
        return;
      }
      window.Plotly.react(canvas, made.data, { ...made.layout, dragmode: fine.matches ? "zoom" : false }, CONFIG);
      this.follow(canvas);
    }

    // The figure by its name; null where the metric has no values for it.
    make(name, colours, width, room) {
      if (name !== "cost" && this.values === null) return null;
      return window.ldpbenchFigures[name]({
        all: this.all,
        metric: this.metric,
        values: this.values,
        theme: colours,
        width,
        room,
        measure,
        choice: {
          cost: this.all.costs.find(({ id }) => id === this.controls.x?.value),
          log: this.controls.log?.checked,
          all: this.controls.all.checked,
          most: MOST_ROWS,
          reference: this.all.methods.findIndex(({ id }) => id === this.controls.ref.value),
        },
      });
    }

    note(figure, texts) {
      const items = texts.map((text) => {
        const item = document.createElement("li");
        item.textContent = text;
        return item;
      });
      figure.querySelector("[data-notes]").replaceChildren(...items);
    }

    // A click leads to the page of a method or scene; a finger first shows the number.
    follow(canvas) {
      if (canvas.dataset.followed !== undefined) return;
      canvas.dataset.followed = "";
      let [finger, taps, shown, shownAt] = [false, 0, null, 0];
      canvas.addEventListener("pointerdown", (event) => {
        finger = event.pointerType === "touch";
        taps += 1;
      }, true);
      canvas.on("plotly_hover", ({ points }) => canvas.classList.toggle("on-link", points[0].customdata != null));
      canvas.on("plotly_unhover", () => canvas.classList.remove("on-link"));
      canvas.on("plotly_click", ({ points, event }) => {
        const href = points[0].customdata;
        if (href == null) return;
        // One tap may come as two clicks.
        if (finger && (shown !== href || shownAt === taps)) {
          [shown, shownAt] = [href, taps];
          return;
        }
        if (event.ctrlKey || event.metaKey) window.open(root + href, "_blank", "noopener");
        else location.assign(root + href);
      });
    }

    // Saving

    async saveAs(figure, format) {
      const colours = theme(true);
      const made = this.make(figure.dataset.plot, colours, SAVED_WIDTH_PX, { top: 44, bottom: 26 });
      const note = (text, options) => ({ text, xref: "paper", yref: "paper", x: 0, xanchor: "left", showarrow: false, ...options });
      const { height, margin } = made.layout;
      const plain = window.ldpbenchFigures.plain;
      const layout = {
        ...made.layout,
        annotations: [
          ...(made.layout.annotations ?? []),
          note(plain(made.title), { y: 1, yanchor: "bottom", yshift: 52, font: { size: 16, weight: 600, color: colours.ink } }),
          note(plain(this.all.title), { y: 1, yanchor: "bottom", yshift: 32, font: { size: 13, color: colours.ink } }),
          note(plain(this.all.source), { y: 0, yanchor: "top", yshift: -(margin.b - 22), font: { size: 11, color: colours.soft } }),
        ],
      };
      const options = { format, width: SAVED_WIDTH_PX, height, scale: format === "png" ? 2 : 1, imageDataOnly: true };
      const content = await window.Plotly.toImage({ data: made.data, layout, config: CONFIG }, options);
      const name = this.fileName(figure, format);
      if (format === "svg") save(name, "image/svg+xml", content);
      else save(name, "image/png", Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0)));
    }

    // Such as `sample--srgb-psnr-against-latency.svg`.
    fileName(figure, format) {
      const board = this.section.dataset.plots.split("/").at(-2);
      const about = { cost: `against-${this.controls.x?.value}`, scenes: "by-scene", differences: `differences-to-${this.controls.ref.value}` };
      return `${board}-${this.metric.id}-${about[figure.dataset.plot]}.${format}`.replace(/[^A-Za-z0-9._-]+/g, "-");
    }
  }

  for (const section of document.querySelectorAll("[data-plots]")) new Plots(section);
})();
