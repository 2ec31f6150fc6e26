// What a page shows lives in its address: `#sort=-psnr&cols=rank,method`. Whatever reads and writes it goes through here.
// Also how scripts get their data: a page opened from the disk may fetch nothing, but it may load scripts.
"use strict";

window.ldpbench = (() => {
  const read = () => new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
  const listeners = new Set();
  let own = location.hash;

  const state = {
    // The text under a name, or null.
    get: (name) => read().get(name),
    // Null, or what the page shows anyway, is left out of the address.
    set(name, value) {
      const all = read();
      if (value === null || value === "") all.delete(name);
      else all.set(name, String(value));
      const text = all.toString();
      own = text ? `#${text}` : "";
      history.replaceState(null, "", own || location.pathname + location.search);
    },
    // Called when somebody changed the address by hand or went back.
    onchange: (listener) => listeners.add(listener),
  };

  addEventListener("hashchange", () => {
    if (location.hash === own || (location.hash && !location.hash.includes("="))) return; // ours, or a plain anchor
    own = location.hash;
    for (const listener of listeners) listener();
  });

  const waiting = new Map();
  const received = new Map();
  const root = document.documentElement.dataset.root ?? "";

  // The value of a data file, such as `data/board/sample--srgb.js`; loaded once.
  const load = (path) => {
    if (!received.has(path)) {
      received.set(
        path,
        new Promise((resolve, reject) => {
          waiting.set(path, resolve);
          script(path).catch(reject);
        }),
      );
    }
    return received.get(path);
  };
  const receive = (path, value) => waiting.get(path)?.(value);

  const scripts = new Map();
  // Runs a script of the site, once.
  const script = (path) => {
    if (!scripts.has(path)) {
      scripts.set(
        path,
        new Promise((resolve, reject) => {
          const element = document.createElement("script");
          element.src = root + path;
          element.addEventListener("load", () => resolve());
          element.addEventListener("error", () => reject(new Error(`${path} cannot be loaded`)));
          document.head.append(element);
        }),
      );
    }
    return scripts.get(path);
  };

  // A file made here, such as an export, offered for saving.
  const save = (name, type, content) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([content], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };

  return { state, load, receive, script, save };
})();
