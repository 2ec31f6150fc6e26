// Tables that sort by their headings; those with a view can also be searched, filtered and cut to some columns, and
// keep all of that in the address. Rows stay inside their group; cells without a value go last.
"use strict";

(() => {
  const { state } = window.ldpbench;

  const number = (text) => Number(text === "inf" ? "Infinity" : text === "-inf" ? "-Infinity" : text);

  const make = (tag, attributes, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  class View {
    constructor(table) {
      this.table = table;
      this.prefix = table.dataset.view;
      this.headings = [...table.tHead.rows[0].cells];
      this.keys = this.headings.map((heading, place) => heading.dataset.key ?? String(place));
      this.groups = [...table.tBodies].map((body) => ({
        body,
        heading: [...body.rows].find((row) => row.classList.contains("group")),
        rows: [...body.rows].filter((row) => !row.classList.contains("group")),
      }));
      this.rows = this.groups.flatMap((group) => group.rows);
      this.sorted = null;
      this.optional = new Set(this.keys.filter((key, place) => "optional" in this.headings[place].dataset));
      this.addSortButtons();
      if (this.prefix === undefined) return;
      this.addTools();
      this.restore();
      state.onchange(() => this.restore());
    }

    // Sorting

    addSortButtons() {
      this.headings.forEach((heading, column) => {
        if (!this.rows.some((row) => row.cells[column]?.dataset.sort !== undefined)) return;
        const button = make("button", { type: "button", class: "sort" }, ...heading.childNodes);
        heading.append(button);
        button.addEventListener("click", () => {
          const before = heading.getAttribute("aria-sort");
          const descending = before ? before === "ascending" : heading.dataset.better === "higher";
          this.sortBy(column, descending);
          this.keep("sort", `${descending ? "-" : ""}${this.keys[column]}`);
        });
      });
      this.showSorted(null);
    }

    sortBy(column, descending) {
      const numeric = this.headings[column].classList.contains("number");
      const compare = (a, b) => {
        if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
        const order = numeric ? (a === b ? 0 : a - b) : a.localeCompare(b, "en", { numeric: true });
        return descending ? -order : order;
      };
      for (const group of this.groups) {
        const keyed = group.rows.map((row) => {
          const text = row.cells[column].dataset.sort;
          return [numeric && text !== undefined ? number(text) : text, row];
        });
        keyed.sort(([a], [b]) => compare(a, b));
        group.body.append(...keyed.map(([, row]) => row));
      }
      this.showSorted(column, descending);
    }

    // As the page came: by rank, where there is one.
    unsort() {
      for (const group of this.groups) group.body.append(...group.rows);
      this.showSorted(null);
    }

    showSorted(column, descending) {
      for (const heading of this.headings) heading.removeAttribute("aria-sort");
      if (column !== null) this.headings[column].setAttribute("aria-sort", descending ? "descending" : "ascending");
      else if (this.headings[0].querySelector(".sort") && this.headings[0].classList.contains("number"))
        this.headings[0].setAttribute("aria-sort", "ascending");
    }

    // Search, filters, columns

    addTools() {
      const what = this.table.caption.textContent.trim();
      this.search = make("input", { type: "search", "data-search": "", placeholder: "Search", "aria-label": `Search: ${what}` });
      this.search.addEventListener("input", () => this.narrowed("q", this.search.value.trim()));
      this.filters = new Map();
      const facets = this.headings.flatMap((heading, column) => ("facet" in heading.dataset ? this.filterFor(heading, column) : []));
      this.count = make("span", { "data-count": "", role: "status" });
      const reset = make("button", { type: "button", "data-reset": "" }, "Reset");
      reset.addEventListener("click", () => this.reset());
      this.tools = make("div", { class: "tools", "data-tools": "", role: "group", "aria-label": `Choose what is shown: ${what}` },
        this.search, ...facets, this.columnPicker(), reset, this.count);
      this.table.closest(".scroll").before(this.tools);
    }

    filterFor(heading, column) {
      const texts = [...new Set(this.rows.map((row) => row.cells[column].dataset.sort ?? ""))];
      if (texts.length < 2) return [];
      texts.sort((a, b) => (a === "") - (b === "") || a.localeCompare(b, "en", { numeric: true }));
      const name = this.titleOf(heading);
      const select = make("select", { "data-filter": this.keys[column], "aria-label": name }, make("option", { value: "" }, `${name}: all`));
      for (const text of texts) select.append(make("option", { value: text === "" ? "—" : text }, text === "" ? "not known" : text));
      select.addEventListener("change", () => this.narrowed(`f.${this.keys[column]}`, select.value));
      this.filters.set(this.keys[column], { select, column });
      return [select];
    }

    columnPicker() {
      this.boxes = new Map();
      const list = make("div", { class: "choices" });
      this.headings.forEach((heading, column) => {
        if (heading.getAttribute("scope") !== "col" || this.rows[0]?.cells[column]?.tagName === "TH") return; // names stay
        const box = make("input", { type: "checkbox", name: this.keys[column] });
        box.addEventListener("change", () => this.pick());
        this.boxes.set(this.keys[column], { box, column });
        list.append(make("label", {}, box, this.titleOf(heading)));
      });
      const details = make("details", { "data-columns": "" }, make("summary", {}, "Columns"), list);
      details.addEventListener("keydown", (event) => {
        if (event.key !== "Escape") return;
        details.open = false;
        details.firstElementChild.focus();
      });
      document.addEventListener("click", (event) => {
        if (!details.contains(event.target)) details.open = false;
      });
      return details;
    }

    titleOf(heading) {
      const copy = (heading.querySelector(".sort") ?? heading).cloneNode(true);
      for (const extra of copy.querySelectorAll(".better, .unseen, .unit")) extra.remove();
      return copy.textContent.trim();
    }

    narrowed(name, value) {
      this.keep(name, value || null);
      this.narrow();
    }

    narrow() {
      const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const group of this.groups) {
        let here = 0;
        for (const row of group.rows) {
          const text = words.length ? this.textOf(row) : "";
          let fits = words.every((word) => text.includes(word));
          for (const { select, column } of this.filters.values())
            fits &&= select.value === "" || (row.cells[column].dataset.sort ?? "—") === select.value;
          row.hidden = !fits;
          here += fits;
        }
        if (group.heading) group.heading.hidden = here === 0;
        shown += here;
      }
      const total = this.rows.length;
      this.count.textContent = shown === total ? `${total} rows` : `${shown} of ${total} rows`;
    }

    // Everything that is written in a row, its names and remarks too.
    textOf(row) {
      row.searchText ??= [...row.cells].map((cell) => `${cell.textContent} ${cell.title}`).join(" ").toLowerCase();
      return row.searchText;
    }

    pick() {
      const chosen = this.keys.filter((key) => this.boxes.get(key)?.box.checked);
      const usual = this.keys.filter((key) => this.boxes.has(key) && !this.optional.has(key));
      this.keep("cols", chosen.join(",") === usual.join(",") ? null : chosen.join(",") || "none");
      this.showColumns();
    }

    showColumns() {
      for (const { box, column } of this.boxes.values()) {
        this.headings[column].hidden = !box.checked;
        for (const row of this.rows) if (row.cells[column]) row.cells[column].hidden = !box.checked;
      }
    }

    // The address

    keep(name, value) {
      state.set(this.prefix + name, value);
    }

    restore() {
      const sort = state.get(`${this.prefix}sort`);
      const column = sort === null ? -1 : this.keys.indexOf(sort.replace(/^-/, ""));
      if (column >= 0) this.sortBy(column, sort.startsWith("-"));
      else this.unsort();
      this.search.value = state.get(`${this.prefix}q`) ?? "";
      for (const [key, { select }] of this.filters) {
        select.value = state.get(`${this.prefix}f.${key}`) ?? "";
        if (select.selectedIndex < 0) select.value = ""; // a value that no row has any more
      }
      const columns = state.get(`${this.prefix}cols`)?.split(",");
      for (const [key, { box }] of this.boxes) box.checked = columns ? columns.includes(key) : !this.optional.has(key);
      this.showColumns();
      this.narrow();
    }

    reset() {
      for (const name of ["sort", "q", "cols", ...[...this.filters.keys()].map((key) => `f.${key}`)]) this.keep(name, null);
      this.restore();
      this.search.focus();
    }
  }

  for (const table of document.querySelectorAll("table[data-sortable], table[data-view]")) new View(table);

  for (const list of document.querySelectorAll("[data-searchable]")) {
    const items = [...list.children];
    const count = make("span", { "data-count": "", role: "status" });
    const search = make("input", { type: "search", "data-search": "", placeholder: "Search", "aria-label": "Search the scenes" });
    const narrow = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const item of items) item.hidden = !words.every((word) => item.textContent.toLowerCase().includes(word));
      const shown = items.filter((item) => !item.hidden).length;
      count.textContent = shown === items.length ? `${shown} scenes` : `${shown} of ${items.length} scenes`;
    };
    const restore = () => {
      search.value = state.get("q") ?? "";
      narrow();
    };
    search.addEventListener("input", () => {
      state.set("q", search.value.trim() || null);
      narrow();
    });
    list.before(make("div", { class: "tools", "data-tools": "" }, search, count));
    state.onchange(restore);
    restore();
  }
})();
