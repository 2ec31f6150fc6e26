// Two pictures of a scene under one divider, at any size. Small pictures grow by whole numbers only and stay crisp.
"use strict";

(() => {
  const { state } = window.ldpbench;
  const TALLEST_PX = 720;

  const start = (viewer) => {
    const frame = viewer.querySelector("[data-window]");
    const stage = viewer.querySelector("[data-stage]");
    const canvas = viewer.querySelector("[data-canvas]");
    const divider = viewer.querySelector("[data-divider]");
    const buttons = [...viewer.querySelectorAll("[data-zoom]")];
    const selects = { left: viewer.querySelector('[data-side="left"]'), right: viewer.querySelector('[data-side="right"]') };
    const images = {};
    const names = {};
    for (const side of ["right", "left"]) {
      names[side] = document.createElement("span");
      names[side].className = `name ${side}`;
      names[side].setAttribute("aria-hidden", "true");
      frame.append(names[side]);
      images[side] = document.createElement("img");
      images[side].className = side;
      images[side].draggable = false;
      canvas.append(images[side]);
    }
    const line = document.createElement("span");
    line.className = "line";
    canvas.append(line);
    let zoom = "fit";

    const chosen = (side) => selects[side].selectedOptions[0];
    const natural = () => ({ width: Number(chosen("left").dataset.width), height: Number(chosen("left").dataset.height) });

    const fitScale = () => {
      const { width, height } = natural();
      const tallest = Math.max(240, Math.min(TALLEST_PX, 0.8 * window.innerHeight));
      const scale = Math.min(viewer.clientWidth / width, tallest / height);
      const pixel = window.devicePixelRatio; // whole screen pixels
      return scale > 1 ? Math.max(1, Math.floor(scale * pixel) / pixel) : scale;
    };

    // The divider stays where it is in the window while the picture moves beneath it.
    const cut = () => {
      const x = stage.scrollLeft + (Number(divider.value) / 100) * stage.clientWidth - canvas.offsetLeft;
      canvas.style.setProperty("--cut", `${x}px`);
    };

    const layout = () => {
      const { width, height } = natural();
      const fit = fitScale();
      const scale = zoom === "fit" ? fit : Number(zoom) / window.devicePixelRatio;
      const middle = {
        x: (stage.scrollLeft + stage.clientWidth / 2) / (canvas.offsetWidth || 1),
        y: (stage.scrollTop + stage.clientHeight / 2) / (canvas.offsetHeight || 1),
      };
      stage.style.height = `${Math.round(height * Math.min(fit, scale))}px`;
      frame.style.maxWidth = divider.style.maxWidth = `${Math.ceil(width * scale)}px`;
      canvas.style.width = `${width * scale}px`;
      canvas.style.height = `${height * scale}px`;
      canvas.classList.toggle("crisp", scale * window.devicePixelRatio >= 1.5);
      stage.scrollLeft = middle.x * canvas.offsetWidth - stage.clientWidth / 2;
      stage.scrollTop = middle.y * canvas.offsetHeight - stage.clientHeight / 2;
      stage.classList.toggle("pannable", canvas.offsetWidth > stage.clientWidth + 1 || canvas.offsetHeight > stage.clientHeight + 1);
      if (stage.classList.contains("pannable")) stage.tabIndex = 0;
      else stage.removeAttribute("tabindex");
      cut();
    };

    const show = () => {
      for (const side of ["left", "right"]) {
        images[side].src = chosen(side).value;
        names[side].textContent = chosen(side).dataset.label;
        images[side].alt = `${chosen(side).textContent.trim()}, ${side} of the divider`;
      }
      layout();
    };

    const divide = () => {
      cut();
      state.set("cut", divider.value === divider.defaultValue ? null : divider.value);
    };

    const setDivider = (clientX) => {
      const box = stage.getBoundingClientRect();
      divider.value = String(Math.round((100 * (clientX - box.left)) / stage.clientWidth));
      divide();
    };

    const drag = (event) => {
      if (event.button !== 0) return;
      const at = stage.getBoundingClientRect().left + (Number(divider.value) / 100) * stage.clientWidth;
      const panning = stage.classList.contains("pannable") && Math.abs(event.clientX - at) > 28;
      if (panning && event.pointerType !== "mouse") return; // touch already scrolls
      event.preventDefault();
      stage.setPointerCapture(event.pointerId);
      let last = { x: event.clientX, y: event.clientY };
      const move = (next) => {
        if (panning) stage.scrollBy(last.x - next.clientX, last.y - next.clientY);
        else setDivider(next.clientX);
        last = { x: next.clientX, y: next.clientY };
      };
      if (!panning) move(event);
      const end = () => stage.removeEventListener("pointermove", move);
      stage.addEventListener("pointermove", move);
      stage.addEventListener("pointerup", end, { once: true });
      stage.addEventListener("pointercancel", end, { once: true });
    };

    const resize = (wanted) => {
      zoom = buttons.some((button) => button.dataset.zoom === wanted) ? wanted : "fit";
      for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.zoom === zoom));
      layout();
    };

    // The address: places of the two pictures, the divider and the size.
    const usual = Object.fromEntries(Object.entries(selects).map(([side, select]) => [side, select.selectedIndex]));
    const restore = () => {
      for (const [side, select] of Object.entries(selects)) {
        const place = Number(state.get(side) ?? usual[side]);
        select.selectedIndex = select.options[place] ? place : usual[side];
      }
      divider.value = state.get("cut") ?? divider.defaultValue;
      show();
      resize(state.get("size") ?? "fit");
    };

    for (const button of buttons) {
      button.addEventListener("click", () => {
        resize(button.dataset.zoom);
        state.set("size", zoom === "fit" ? null : zoom);
      });
    }
    for (const [side, select] of Object.entries(selects)) {
      select.addEventListener("change", () => {
        state.set(side, select.selectedIndex === usual[side] ? null : select.selectedIndex);
        show();
      });
    }
    stage.addEventListener("pointerdown", drag);
    stage.addEventListener("scroll", cut);
    divider.addEventListener("input", divide);
    state.onchange(restore);
    viewer.hidden = false;
    const fallback = viewer.parentElement.querySelector("[data-fallback]");
    if (fallback) fallback.hidden = true;
    restore();
    new ResizeObserver(layout).observe(viewer);
  };

  document.querySelectorAll("[data-viewer]").forEach(start);
})();
