// Tables as files, exactly as they are shown: rows, columns and order. The command line writes the same bytes, see
// ldpbench/site/exports; a change here is a change there.
"use strict";

(() => {
  const { save, script } = window.ldpbench;

  // What a table shows now.

  const textOf = (cell) => {
    const copy = cell.cloneNode(true);
    for (const extra of copy.querySelectorAll("small, sup, .unseen")) extra.remove();
    return words(copy.textContent);
  };
  const words = (text) => text.split(/\s+/).filter(Boolean).join(" ");

  const readColumn = (heading) => {
    const copy = heading.cloneNode(true);
    const unit = words(copy.querySelector(".unit")?.textContent ?? "");
    for (const extra of copy.querySelectorAll(".unit, .better, .unseen")) extra.remove();
    const title = words(copy.textContent);
    return {
      title,
      unit,
      better: heading.dataset.better ?? "",
      isNumber: heading.classList.contains("number"),
      heading: unit ? `${title} (${unit})` : title,
    };
  };

  const number = (text) => (text === "inf" ? Infinity : text === "-inf" ? -Infinity : Number(text));

  const readCell = (cell, column) => ({
    text: textOf(cell),
    value: column.isNumber && cell.dataset.sort !== undefined ? number(cell.dataset.sort) : null,
    mark: ["best", "second", "missing"].find((mark) => cell.classList.contains(mark)) ?? "",
    note: words(cell.querySelector("small:not(.in-print)")?.textContent ?? ""),
  });

  const read = (table) => {
    const headings = [...table.tHead.rows[0].cells];
    const shown = headings.flatMap((heading, place) => (heading.hidden || heading.classList.contains("strip") ? [] : [place]));
    const columns = shown.map((place) => readColumn(headings[place]));
    const groups = [];
    for (const body of table.tBodies) {
      let heading = null;
      const rows = [];
      for (const row of body.rows) {
        if (row.hidden) continue;
        if (row.classList.contains("group")) heading = words(row.textContent);
        else rows.push(shown.map((place, number) => readCell(row.cells[place], columns[number])));
      }
      if (rows.length) groups.push({ heading, rows });
    }
    return { caption: words(table.caption.textContent), columns, groups };
  };

  const rowsOf = (table) => table.groups.flatMap(({ heading, rows }) => rows.map((row) => [heading, row]));
  const hasHeadings = (table) => table.groups.some(({ heading }) => heading !== null);
  const isInterval = (note) => /^\[.*\]$/.test(note);
  const notesTitle = (table, place) => {
    const notes = rowsOf(table).map(([, row]) => row[place].note).filter(Boolean);
    return notes.length ? `${table.columns[place].heading} ${notes.every(isInterval) ? "95 %" : "note"}` : null;
  };

  // The formats.

  const quoted = (raw) => {
    let text = raw.replaceAll("−", "-");
    if (/^[=+\-@\t\r]/.test(text) && !/^[-+]?[\d.,]+$/.test(text)) text = `'${text}`; // or a spreadsheet would take it for a formula
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };

  const toCsv = (table) => {
    const notes = table.columns.map((_, place) => notesTitle(table, place));
    const grouped = hasHeadings(table);
    const lines = [
      [...(grouped ? ["Group"] : []), ...table.columns.flatMap((column, place) => (notes[place] ? [column.heading, notes[place]] : [column.heading]))],
    ];
    for (const [heading, row] of rowsOf(table)) {
      const cells = row.flatMap((cell, place) => {
        const text = cell.mark === "missing" ? "" : cell.text;
        return notes[place] ? [text, cell.note] : [text];
      });
      lines.push([...(grouped ? [heading ?? ""] : []), ...cells]);
    }
    return lines.map((line) => `${line.map(quoted).join(",")}\n`).join("");
  };

  const toJson = (table) => {
    const columns = table.columns.map(({ title, unit, better }) => ({ title, unit, better }));
    const rows = rowsOf(table).map(([group, row]) => ({
      group,
      cells: row.map(({ text, value, mark, note }) => ({ text, value: Number.isFinite(value) ? value : null, mark, note })),
    }));
    return `${JSON.stringify({ schema: 1, caption: table.caption, columns, rows }, null, 2)}\n`;
  };

  const MARKDOWN_ARROWS = { "": "", higher: " ↑", lower: " ↓" };
  const inMarkdown = (text) => words(text).replace(/([\\`*_|<>[\]~&#])/g, "\\$1");
  const toMarkdown = (table) => {
    const line = (cells) => `| ${cells.join(" | ")} |`;
    const cellText = (cell) => {
      const plain = inMarkdown(cell.text);
      const text = cell.mark === "best" ? `**${plain}**` : cell.mark === "second" ? `<u>${plain}</u>` : plain;
      if (!cell.note) return text;
      return isInterval(cell.note) ? `${text} ${inMarkdown(cell.note)}` : `${text} (${inMarkdown(cell.note)})`;
    };
    const lines = [
      `**${inMarkdown(table.caption)}**`,
      "",
      line(table.columns.map((column) => inMarkdown(column.heading) + MARKDOWN_ARROWS[column.better])),
      line(table.columns.map((column) => (column.isNumber ? "--:" : ":--"))),
    ];
    for (const { heading, rows } of table.groups) {
      if (heading !== null) lines.push(line([`*${inMarkdown(heading)}*`, ...Array(table.columns.length - 1).fill("")]));
      for (const row of rows) lines.push(line(row.map(cellText)));
    }
    return `${lines.join("\n")}\n`;
  };

  const LATEX_ARROWS = { "": "", higher: " $\\uparrow$", lower: " $\\downarrow$" };
  const LATEX = {
    "\\": "\\textbackslash{}", "{": "\\{", "}": "\\}", $: "\\$", "&": "\\&", "#": "\\#", _: "\\_", "%": "\\%",
    "^": "\\textasciicircum{}", "~": "\\textasciitilde{}", "<": "\\textless{}", ">": "\\textgreater{}",
    "|": "\\textbar{}", '"': "\\textquotedbl{}", "−": "$-$", "×": "$\\times$", "±": "$\\pm$", "∞": "$\\infty$",
    "—": "---", "–": "--", "…": "\\ldots{}", "²": "\\textsuperscript{2}", "·": "$\\cdot$", "µ": "$\\mu$",
    "↑": "$\\uparrow$", "↓": "$\\downarrow$", "≤": "$\\leq$", "≥": "$\\geq$", "ρ": "$\\rho$",
    "“": "``", "”": "''", "‘": "`", "’": "'",
  };
  const inLatex = (text) => [...words(text)].map((letter) => LATEX[letter] ?? letter).join("");
  const toLatex = (table) => {
    const line = (cells) => {
      const text = `${cells.join(" & ")} \\\\`;
      return text.startsWith("[") ? `{}${text}` : text; // or it would be an option of the line break before
    };
    const cellText = (cell) => {
      const plain = inLatex(cell.text);
      const text = cell.mark === "best" ? `\\textbf{${plain}}` : cell.mark === "second" ? `\\underline{${plain}}` : plain;
      return cell.note ? `${text} {\\scriptsize ${inLatex(cell.note)}}` : text;
    };
    const lines = [
      "% Needs \\usepackage{booktabs}; \\textquotedbl needs \\usepackage[T1]{fontenc}.",
      "\\begin{table}",
      "\\centering",
      `\\caption{${inLatex(table.caption)}}`,
      `\\begin{tabular}{${table.columns.map((column) => (column.isNumber ? "r" : "l")).join("")}}`,
      "\\toprule",
      line(table.columns.map((column) => inLatex(column.heading) + LATEX_ARROWS[column.better])),
    ];
    for (const { heading, rows } of table.groups) {
      lines.push("\\midrule");
      if (heading !== null) lines.push(line([`\\multicolumn{${table.columns.length}}{l}{\\textit{${inLatex(heading)}}}`]));
      for (const row of rows) lines.push(line(row.map(cellText)));
    }
    return `${[...lines, "\\bottomrule", "\\end{tabular}", "\\end{table}"].join("\n")}\n`;
  };

  // The columns of the CSV: numbers with every digit, everything else as text.
  const toColumns = (table) => {
    const rows = rowsOf(table);
    const columns = hasHeadings(table) ? [{ name: "Group", type: "string", values: rows.map(([heading]) => heading) }] : [];
    table.columns.forEach((column, place) => {
      const cells = rows.map(([, row]) => row[place]);
      columns.push(
        column.isNumber
          ? { name: column.heading, type: "double", values: cells.map((cell) => cell.value) }
          : { name: column.heading, type: "string", values: cells.map((cell) => (cell.mark === "missing" ? null : cell.text)) },
      );
      const name = notesTitle(table, place);
      if (name) columns.push({ name, type: "string", values: cells.map((cell) => cell.note || null) });
    });
    return columns;
  };

  const toParquet = async (table) => {
    await script("static/parquet.js");
    return window.ldpbench.parquet(toColumns(table), { caption: table.caption });
  };

  // The menu below each table.

  const FORMATS = [
    ["CSV", "csv", "text/csv", toCsv],
    ["JSON", "json", "application/json", toJson],
    ["Parquet", "parquet", "application/vnd.apache.parquet", toParquet],
    ["Markdown", "md", "text/markdown", toMarkdown],
    ["LaTeX", "tex", "application/x-tex", toLatex],
  ];

  const fileName = (table) => words(table.caption.textContent).replace(/[^A-Za-z0-9]+/g, "-").replace(/^-|-$/g, "").toLowerCase().slice(0, 80) || "table";

  const menu = (table) => {
    const place = document.createElement("p");
    place.className = "exports";
    place.setAttribute("role", "group");
    place.setAttribute("aria-label", `Download as shown: ${words(table.caption.textContent)}`);
    place.append("Download");
    for (const [title, suffix, type, make] of FORMATS) {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.export = suffix;
      button.textContent = title;
      button.addEventListener("click", async () => save(`${fileName(table)}.${suffix}`, type, await make(read(table))));
      place.append(button);
    }
    return place;
  };

  window.ldpbench.tables = { read, toCsv, toJson, toMarkdown, toLatex, toParquet };
  for (const table of document.querySelectorAll("table:not([data-plain])")) {
    if (table.tHead && table.caption) table.closest(".scroll").after(menu(table));
  }
})();
