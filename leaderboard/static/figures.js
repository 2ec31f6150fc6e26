// What the plots of a board look like: from numbers to figures as plotly takes them. Nothing here touches the page.
"use strict";

window.ldpbenchFigures = (() => {
  const ROW_PX = 24;
  const MOST_NAMES = 25;
  const MANY_SCENES = 150;
  const NARROW_PX = 560;
  const LONGEST_NAME = 34;

  // The library reads a little markup in texts. Names have none, and ours is line breaks only: it writes the rest as
  // style attributes, which the page's policy refuses.
  const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const short = (text) => (text.length > LONGEST_NAME ? `${text.slice(0, LONGEST_NAME - 1)}…` : text);
  const minus = (text) => text.replace("-", "−");
  const fixed = (value, { decimals }) => minus((Number(value.toFixed(decimals)) || 0).toFixed(decimals)); // no negative zero
  const signed = (value, metric) => (value > 0 ? "+" : "") + fixed(value, metric);
  const withUnit = (text, unit) => (unit ? `${text} ${unit}` : text);
  const three = (value) => (value === 0 ? "0" : value >= 100 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3))));
  const heading = (thing) => (thing.unit ? `${thing.title} (${thing.unit})` : thing.title);
  const listed = (names) => names.join(", ");
  const counted = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

  const isDual = (method) => method.views.startsWith("dual");

  const meanText = (mean, metric) => {
    const value = withUnit(fixed(mean[0], metric), metric.unit);
    return mean.length === 3 ? `${value}, 95 %: [${fixed(mean[1], metric)}, ${fixed(mean[2], metric)}]` : value;
  };

  const bestFirst = (metric) => (a, b) => (metric.higher ? b - a : a - b);

  // Methods with a finite mean of the metric, the best first.
  const ordered = (all, metric) =>
    all.methods
      .map((method, place) => ({ ...method, place, mean: method.means[metric.id] }))
      .filter((method) => method.mean !== null)
      .sort((a, b) => bestFirst(metric)(a.mean[0], b.mean[0]) || a.place - b.place);

  const padded = (values, share = 0.05) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const room = (high - low || Math.abs(high) || 1) * share;
    return [low - room, high + room];
  };

  const axis = (theme, options) => ({
    gridcolor: theme.rule,
    linecolor: theme.soft,
    tickcolor: theme.soft,
    tickfont: { color: theme.soft, size: 12 },
    showline: true,
    zeroline: false,
    ticks: "outside",
    ticklen: 4,
    ...options,
    title: { text: options.title, font: { color: theme.ink, size: 13 }, standoff: 8 },
  });

  const layout = (theme, size, margin, options) => ({
    ...size,
    margin: { pad: 0, ...margin },
    autosize: false,
    paper_bgcolor: theme.background,
    plot_bgcolor: theme.background,
    font: { family: theme.font, size: 13, color: theme.ink },
    hovermode: "closest",
    hoverdistance: 24,
    hoverlabel: { bgcolor: theme.paper, bordercolor: theme.soft, align: "left", font: { family: theme.font, size: 13, color: theme.ink } },
    showlegend: true,
    legend: { orientation: "h", x: 0, xanchor: "left", y: 1, yanchor: "bottom", font: { size: 12, color: theme.soft }, itemclick: false, itemdoubleclick: false },
    ...options,
  });

  // Quality against cost

  const logTicks = ([low, high]) => {
    const steps = high - low > 3 ? [1] : [1, 2, 5];
    const values = [];
    for (let power = Math.floor(low); power <= Math.ceil(high); power += 1) for (const step of steps) values.push(step * 10 ** power);
    return values.map((value) => Number(value.toPrecision(1))).filter((value) => Math.log10(value) >= low && Math.log10(value) <= high);
  };

  // A place beside each point where its name covers no other name and no point; what finds none has no name.
  const placedNames = (points, lines, area, measure) => {
    const taken = [...points.map(({ x, y }) => [x - 5, y - 5, x + 5, y + 5]), ...lines];
    const free = ([left, top, right, bottom], own) =>
      left >= area.left && right <= area.right && top >= area.top && bottom <= area.bottom &&
      !taken.some((box, place) => place !== own && left < box[2] && right > box[0] && top < box[3] && bottom > box[1]);
    const places = new Map();
    for (const [own, point] of points.entries()) {
      if (point.name === null) continue;
      const width = measure(point.name) + 4;
      const boxes = {
        "top left": [point.x - width - 4, point.y - 20, point.x - 4, point.y - 3],
        "top right": [point.x + 4, point.y - 20, point.x + width + 4, point.y - 3],
        "bottom right": [point.x + 4, point.y + 3, point.x + width + 4, point.y + 18],
        "bottom left": [point.x - width - 4, point.y + 3, point.x - 4, point.y + 18],
        "top center": [point.x - width / 2, point.y - 22, point.x + width / 2, point.y - 6],
        "bottom center": [point.x - width / 2, point.y + 6, point.x + width / 2, point.y + 22],
      };
      const found = places.size < MOST_NAMES && Object.entries(boxes).find(([, box]) => free(box, own));
      if (!found) continue;
      places.set(own, found[0]);
      taken.push(found[1]);
    }
    return places;
  };

  // Axes and methods of the plot: what is where, in values and in pixels.
  const costFrame = ({ all, metric, choice, width, room }) => {
    const id = choice.cost.id;
    const height = Math.round(Math.min(460, Math.max(320, width * 0.55))) + room.top + room.bottom;
    const margin = { l: 66, r: 18, t: 34 + room.top, b: 56 + room.bottom };
    const sides = { left: margin.l, right: width - margin.r, top: margin.t, bottom: height - margin.b };
    const known = ordered(all, metric).filter((method) => method.costs[id] !== null);
    const drawable = known.filter((method) => !choice.log || method.costs[id] > 0);
    const scale = choice.log ? Math.log10 : (value) => value;
    const xRange = drawable.length ? padded(drawable.map((method) => scale(method.costs[id])), 0.08) : [0, 1];
    if (!choice.log) xRange[0] = Math.min(0, xRange[0]);
    const yRange = padded(known.length ? known.map((method) => method.mean[0]) : [0, 1], 0.12);
    const across = (value, [low, high], from, to) => from + ((value - low) / (high - low)) * (to - from);
    const front = all.fronts[metric.id][id].map((place) => known.find((method) => method.place === place));
    return {
      height, margin, sides, known, xRange, yRange, front,
      onFront: new Set(front),
      drawn: drawable.sort((a, b) => front.includes(b) - front.includes(a)), // so that the front is named first
      pixel: (x, y) => [across(scale(x), xRange, sides.left, sides.right), across(y, yRange, sides.bottom, sides.top)],
    };
  };

  // The corners of the front. On a logarithmic axis the quality of what costs nothing holds from the left edge on.
  const stairsOf = ({ front, xRange }, { cost: { id }, log }) => {
    const [leftmost, rightmost] = log ? xRange.map((end) => 10 ** end) : [-Infinity, xRange[1]];
    const corners = front.map((method) => [Math.max(method.costs[id], leftmost), method.mean[0]]);
    return corners.length ? [...corners, [rightmost, corners.at(-1)[1]]] : [];
  };

  const costNames = ({ drawn, onFront, sides, pixel }, stairs, { choice, theme, width, measure }) => {
    const points = drawn.map((method) => {
      const [x, y] = pixel(method.costs[choice.cost.id], method.mean[0]);
      return { name: width >= NARROW_PX || onFront.has(method) ? short(method.title) : null, x, y };
    });
    const corners = stairs.map(([x, y]) => pixel(x, y));
    const lines = corners.slice(1).flatMap(([x, y], before) => {
      const [fromX, fromY] = corners[before];
      return [[fromX, fromY, x, fromY], [x, Math.min(y, fromY), x, Math.max(y, fromY)]];
    });
    return placedNames(points, lines, sides, (name) => measure(name, 12, theme.font));
  };

  const costPoints = ({ drawn, onFront }, places, { metric, choice, theme }) => {
    const { id, title, unit, note } = choice.cost;
    const hover = (method) => [
      plain(method.title),
      `${plain(metric.title)} ${meanText(method.mean, metric)}`,
      `${title} ${withUnit(three(method.costs[id]), unit)}`,
      wrapped(note),
      ...(onFront.has(method) ? ["on the Pareto front"] : []),
    ].join("<br>");
    return (name, symbol, fits) => {
      const mine = drawn.map((method, own) => ({ method, own })).filter(({ method }) => fits(method));
      const of = (what) => mine.map(({ method, own }) => what(method, own));
      return {
        type: "scatter", mode: "markers+text", name, cliponaxis: false, hoverinfo: "text",
        x: of((method) => method.costs[id]),
        y: of((method) => method.mean[0]),
        text: of((method, own) => (places.has(own) ? plain(short(method.title)) : "")),
        textposition: of((_, own) => places.get(own) ?? "top center"),
        textfont: { size: 12, color: of((method) => (onFront.has(method) ? theme.ink : theme.soft)) },
        marker: { symbol, size: 9, color: of((method) => (onFront.has(method) ? theme.right : theme.left)), line: { width: 1, color: theme.paper } },
        hovertext: of(hover),
        customdata: of((method) => method.href),
      };
    };
  };

  const costNotes = (all, metric, { id, title, unit, note }, { front, known, drawn }) => {
    const told = front.map((method) => `${method.title} (${withUnit(fixed(method.mean[0], metric), metric.unit)} at ${withUnit(three(method.costs[id]), unit)})`);
    const unmeasured = all.methods.filter((method) => method.costs[id] === null).map((method) => method.title);
    const meanless = all.methods.filter((method) => method.means[metric.id] === null).map((method) => method.title);
    const free = known.filter((method) => !drawn.includes(method)).map((method) => method.title);
    return [
      `On the Pareto front, the cheapest first: ${listed(told) || "no method"}.`,
      `${title}: ${note}.`,
      ...(unmeasured.length ? [`${title} not known, and not drawn: ${listed(unmeasured)}.`] : []),
      ...(free.length ? [`At 0, which a logarithmic axis does not have: ${listed(free)}.`] : []),
      ...(meanless.length ? [`Without a finite ${metric.title}, and not drawn: ${listed(meanless)}.`] : []),
    ];
  };

  const cost = (input) => {
    const { all, metric, choice, theme, width } = input;
    const frame = costFrame(input);
    const stairs = stairsOf(frame, choice);
    const points = costPoints(frame, costNames(frame, stairs, input), input);
    const line = {
      type: "scatter", mode: "lines", name: "Pareto front", hoverinfo: "skip",
      line: { shape: "hv", color: theme.right, width: 1.5 },
      x: stairs.map(([x]) => x),
      y: stairs.map(([, y]) => y),
    };
    const title = `${metric.title} against ${choice.cost.title.toLowerCase()}`;
    const notes = costNotes(all, metric, choice.cost, frame);
    return {
      title,
      notes,
      label: `${title} of ${counted(frame.known.length, "method")}. ${notes[0]}`,
      data: [line, points("both views", "circle", isDual), points("one picture", "diamond", (method) => !isDual(method))].filter((trace) => trace.x.length),
      layout: layout(theme, { width, height: frame.height }, frame.margin, {
        xaxis: axis(theme, {
          title: heading(choice.cost) + (choice.log ? ", logarithmic" : ""), type: choice.log ? "log" : "linear", range: frame.xRange,
          ...(choice.log ? { tickvals: logTicks(frame.xRange), ticktext: logTicks(frame.xRange).map(three) } : {}),
        }),
        yaxis: axis(theme, { title: `${heading(metric)}, ${metric.higher ? "higher" : "lower"} is better`, range: frame.yRange }),
      }),
    };
  };

  // Long remarks in several lines, so that a hover label fits on a telephone.
  const wrapped = (text) => {
    const lines = [""];
    for (const word of text.split(" ")) {
      if (lines.at(-1).length + word.length > 40) lines.push("");
      lines.push(`${lines.pop()} ${word}`.trim());
    }
    return lines.map(plain).join("<br>");
  };

  // One row per method

  // Names stand left of the rows, or above them where there is no room.
  const rowsLayout = ({ theme, width, measure, room }, names, xaxis) => {
    const narrow = width < NARROW_PX;
    const labels = names.map(short);
    const widest = Math.max(...labels.map((name) => measure(name, 12, theme.font)), 0);
    const margin = { l: narrow ? 12 : Math.ceil(widest) + 18, r: 18, t: 34 + room.top, b: 56 + room.bottom };
    const height = names.length * (narrow ? 1.6 * ROW_PX : ROW_PX) + margin.t + margin.b;
    const above = labels.map((name, row) => ({
      text: plain(name), x: 0, xref: "paper", xanchor: "left", y: row - 0.28, yref: "y", yanchor: "bottom", showarrow: false, font: { size: 12, color: theme.ink },
    }));
    const named = narrow ? { showticklabels: false, ticks: "" } : { tickvals: labels.map((_, row) => row), ticktext: labels.map(plain), ticks: "" };
    return layout(theme, { width, height }, margin, {
      xaxis: axis(theme, { fixedrange: true, ...xaxis }),
      yaxis: { ...axis(theme, { showgrid: false, showline: false, fixedrange: true, range: [names.length - 0.4, narrow ? -0.9 : -0.6], ...named }), tickfont: { color: theme.ink, size: 12 } },
      annotations: narrow ? above : [],
    });
  };

  // A line through all values of a row with a tick at each: one path, however many scenes there are.
  const ticks = (values, row, half) => {
    const x = [];
    const y = [];
    for (const value of values) {
      x.push(value, value, value, value);
      y.push(row, row - half, row + half, row);
    }
    return { x, y };
  };

  // Methods with a finite value on some scene, the best mean first; an infinite mean is the highest, none is last.
  const methodsWithScenes = (all, metric, values) => {
    const rows = all.methods.map((method, place) => {
      const found = all.scenes.map((scene, column) => ({ scene, value: values.images[place][column] }));
      const identical = found.filter(({ value }) => value === "inf").length;
      const mean = method.means[metric.id];
      return {
        method: { ...method, mean },
        finite: found.filter(({ value }) => typeof value === "number").sort((a, b) => a.value - b.value),
        identical,
        key: mean ? mean[0] : identical ? Infinity : null,
      };
    });
    const compare = (a, b) => (a === b ? 0 : a === null || b === null ? (a === null) - (b === null) : bestFirst(metric)(a, b));
    return rows.filter(({ finite }) => finite.length).sort((a, b) => compare(a.key, b.key));
  };

  const scenes = (input) => {
    const { all, metric, values, choice, theme } = input;
    const rows = methodsWithScenes(all, metric, values);
    const shown = choice.all ? rows : rows.slice(0, choice.most);
    const direction = metric.higher ? "higher" : "lower";
    const traces = shown.map(({ method, finite }, row) => {
      const texts = finite.map(({ scene, value }) => `${plain(scene.title)}<br>${plain(method.title)}<br>${plain(metric.title)} ${withUnit(fixed(value, metric), metric.unit)}`);
      const fourTimes = (list) => list.flatMap((one) => [one, one, one, one]);
      return {
        type: "scatter", mode: "lines", showlegend: false,
        line: { color: theme.left, width: all.scenes.length > MANY_SCENES ? 0.6 : 1.25 }, opacity: 0.8, hoverinfo: "text",
        ...ticks(finite.map(({ value }) => value), row, 0.28),
        hovertext: fourTimes(texts),
        customdata: fourTimes(finite.map(({ scene }) => scene.href)),
      };
    });
    const upright = (name, size, width, colour) => ({
      type: "scatter", mode: "markers", name, marker: { symbol: "line-ns-open", size, color: colour, line: { width, color: colour } },
    });
    const sample = { ...upright("one scene", 10, 1.25, theme.left), x: [null], y: [null] };
    const withMean = shown.map(({ method }, row) => ({ ...method, row })).filter(({ mean }) => mean !== null);
    const means = {
      ...upright("mean", 16, 3, theme.right), hoverinfo: "text",
      x: withMean.map(({ mean }) => mean[0]),
      y: withMean.map(({ row }) => row),
      hovertext: withMean.map((method) => `${plain(method.title)}<br>mean ${plain(metric.title)} ${meanText(method.mean, metric)}`),
      customdata: withMean.map(({ href }) => href),
    };
    const every = shown.flatMap(({ finite }) => finite.map(({ value }) => value));
    const [low, high] = every.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
    const range = every.length ? padded([low, high]) : [0, 1];
    const best = shown.find(({ method }) => method.mean !== null);
    const fact = best
      ? `The best finite mean is that of ${best.method.title}, ${withUnit(fixed(best.method.mean[0], metric), metric.unit)}; ` +
        `its scenes lie between ${fixed(best.finite[0].value, metric)} and ${fixed(best.finite.at(-1).value, metric)}.`
      : "No method has a finite mean.";
    const identical = shown.filter((row) => row.identical).map((row) => `${row.method.title} (${counted(row.identical, "scene")})`);
    const without = all.methods.filter((method) => !rows.some((row) => row.method.id === method.id)).map(({ title }) => title);
    return {
      title: `${metric.title}, scene by scene`,
      label: `${metric.title} of ${counted(shown.length, "method")} on ${counted(all.scenes.length, "scene")}, ${direction} is better. ${fact}`,
      notes: [
        "The line of a method spans its scenes.",
        ...(shown.length < rows.length ? [`The best ${shown.length} of ${rows.length} methods are drawn.`] : []),
        ...(identical.length ? [`Outputs that equal their targets exactly have no place on the axis, nor have their means: ${listed(identical)}.`] : []),
        ...(without.length ? [`Without a finite ${metric.title} on any scene, and not drawn: ${listed(without)}.`] : []),
      ],
      data: traces.length ? [...traces, sample, means] : [],
      layout: rowsLayout(input, shown.map(({ method }) => method.title), { title: `${heading(metric)} of a scene, ${direction} is better`, range }),
    };
  };

  // Difference of a method to a reference: its mean and the ends of its interval, or null. Pairs are kept once.
  const difference = (pairs, reference, place) => {
    if (place > reference) return pairs[reference][place - reference - 1];
    const found = pairs[place][reference - place - 1];
    return found && (found.length === 3 ? [-found[0], -found[2], -found[1]] : [-found[0]]);
  };

  // Whether a difference is shown: its interval excludes 0, on the good side or on the other.
  const kindOf = (metric) => ({ pair }) => {
    if (pair.length < 3 || (pair[1] <= 0 && pair[2] >= 0)) return "open";
    return pair[0] > 0 === metric.higher ? "better" : "worse";
  };

  const differenceMarks = (shown, reference, metric) => (name, which, symbol, colour) => {
    const mine = shown.map((method, row) => ({ ...method, row })).filter((method) => kindOf(metric)(method) === which);
    const ends = mine.map(({ pair }) => (pair.length === 3 ? [pair[2] - pair[0], pair[0] - pair[1]] : [0, 0]));
    return {
      type: "scatter", mode: "markers", name, hoverinfo: "text",
      x: mine.map(({ pair }) => pair[0]),
      y: mine.map(({ row }) => row),
      error_x: { type: "data", symmetric: false, array: ends.map(([above]) => above), arrayminus: ends.map(([, below]) => below), color: colour, thickness: 1.5, width: 0 },
      marker: { symbol, size: 9, color: colour, line: { color: colour, width: symbol.endsWith("open") ? 2 : 0 } },
      hovertext: mine.map(({ title, pair }) =>
        `${plain(title)}<br>${plain(metric.title)} ${withUnit(signed(pair[0], metric), metric.unit)} to ${plain(reference.title)}` +
        (pair.length === 3 ? `<br>95 %: [${signed(pair[1], metric)}, ${signed(pair[2], metric)}]` : "")),
      customdata: mine.map(({ href }) => href),
    };
  };

  const differences = (input) => {
    const { all, metric, values, choice, theme } = input;
    const reference = all.methods[choice.reference];
    const others = all.methods.map((method, place) => ({ ...method, place })).filter(({ place }) => place !== choice.reference);
    const told = others.map((method) => ({ ...method, pair: difference(values.pairs, choice.reference, method.place) }));
    const shown = told.filter(({ pair }) => pair !== null).sort((a, b) => bestFirst(metric)(a.pair[0], b.pair[0]) || a.place - b.place);
    const group = differenceMarks(shown, reference, metric);
    const total = (which) => shown.filter((method) => kindOf(metric)(method) === which).length;
    const lacking = told.filter(({ pair }) => pair === null).map(({ title }) => title);
    const intervals = shown.some(({ pair }) => pair.length === 3);
    const direction = `${metric.higher ? "right" : "left"} is better`;
    return {
      title: `${metric.title}: paired differences to ${reference.title}`,
      label:
        `Mean difference in ${metric.title} of ${counted(shown.length, "method")} to ${reference.title}: ${total("better")} better and ${total("worse")} worse ` +
        `with an interval that excludes 0, ${total("open")} without one.`,
      notes: [
        ...(intervals
          ? [`Bars are 95 % intervals of single differences, from the paired bootstrap over ${all.scenes.length} scenes. They are not corrected for the number of pairs; the ties in the table are.`]
          : []),
        ...(all.scenes.length === 1 ? ["One scene says nothing about others: there are no intervals."] : []),
        ...(lacking.length ? [`Without a finite difference on every scene, and not drawn: ${listed(lacking)}.`] : []),
      ],
      data: [
        group("better, 0 excluded", "better", "circle", theme.left),
        group("worse, 0 excluded", "worse", "square", theme.right),
        group("0 not excluded", "open", "circle-open", theme.soft),
      ].filter((trace) => trace.x.length),
      layout: rowsLayout(input, shown.map(({ title }) => title), {
        title: `Difference in ${heading(metric)}, ${direction}`,
        range: padded([0, ...shown.flatMap(({ pair }) => pair)]),
        zeroline: true,
        zerolinecolor: theme.ink,
        zerolinewidth: 1.5,
      }),
    };
  };

  return { cost, scenes, differences, plain };
})();
