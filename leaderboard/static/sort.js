// Makes tables sortable by their headings. Rows stay inside their group; cells without a value go last.
"use strict";

(() => {
  const value = (row, column, numeric) => {
    const text = row.cells[column].dataset.sort;
    return numeric && text !== undefined ? Number(text === "inf" ? "Infinity" : text === "-inf" ? "-Infinity" : text) : text;
  };

  const compare = (a, b, numeric) => {
    if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
    return numeric ? (a === b ? 0 : a - b) : a.localeCompare(b, "en", { numeric: true });
  };

  const sortBy = (table, heading) => {
    const column = heading.cellIndex;
    const numeric = heading.classList.contains("number");
    const bestIsHigh = heading.dataset.better === "higher";
    const before = heading.getAttribute("aria-sort");
    const descending = before ? before === "ascending" : bestIsHigh;
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
    for (const body of table.tBodies) {
      const rows = [...body.rows].filter((row) => !row.classList.contains("group"));
      const keyed = rows.map((row) => [value(row, column, numeric), row]);
      keyed.sort(([a], [b]) => {
        const missing = a === undefined || b === undefined;
        return descending && !missing ? compare(b, a, numeric) : compare(a, b, numeric);
      });
      body.append(...keyed.map(([, row]) => row));
    }
  };

  const isSortable = (table, column) =>
    [...table.tBodies].some((body) => [...body.rows].some((row) => row.cells[column]?.dataset.sort !== undefined));

  for (const table of document.querySelectorAll("table[data-sortable]")) {
    for (const heading of table.tHead.rows[0].cells) {
      if (!isSortable(table, heading.cellIndex)) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => sortBy(table, heading));
    }
    const first = table.tHead.rows[0].cells[0];
    if (first.classList.contains("number") && first.firstElementChild) first.setAttribute("aria-sort", "ascending");
  }
})();
