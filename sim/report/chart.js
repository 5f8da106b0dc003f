// One plot: uPlot with a title, a line that says the value under the cursor, buttons, and keys.

const keyStep = 1;
const keyStride = 10;
const zoomFactor = 0.5;
const pickDistance = 40; // px around a point of a scatter plot

// The place in a series nearest to i that holds a value: series with points of their own share one x axis.
function nearestValue(column, i) {
  for (let away = 0; away < column.length; away++) {
    if (i - away >= 0 && column[i - away] !== null && column[i - away] !== undefined) return i - away;
    if (i + away < column.length && column[i + away] !== null && column[i + away] !== undefined) return i + away;
  }
  return null;
}

function nearestPoint(plot, s) {
  const { left, top } = plot.cursor;
  let best = null;
  let distance = pickDistance;
  plot.data[s].forEach((y, i) => {
    if (y === null || y === undefined) return;
    const away = Math.hypot(plot.valToPos(plot.data[0][i], "x") - left, plot.valToPos(y, "y") - top);
    if (away < distance) [best, distance] = [i, away];
  });
  return best;
}

// One x axis for series that may each have their own.
function joined(lines) {
  const tables = lines.map((line) => [line.x, line.y]);
  const shared = lines.every((line) => line.x === lines[0].x);
  return shared ? [lines[0].x, ...lines.map((line) => line.y)] : uPlot.join(tables);
}

const positive = (column) => column.map((v) => (v > 0 ? v : null));

// Powers of ten, few enough to be read.
function decades(plot, axis, least, greatest) {
  const most = 8;
  const first = Math.ceil(Math.log10(least) - 1e-9);
  const last = Math.floor(Math.log10(greatest) + 1e-9);
  const step = Math.max(1, Math.ceil((last - first) / most));
  const splits = [];
  for (let k = first; k <= last; k += step) splits.push(10 ** k);
  return splits;
}

// A margin around points.
function padded(plot, least, greatest) {
  if (least === null || greatest === null) return [-1, 1];
  const margin = 0.06 * (greatest - least || Math.abs(greatest) || 10);
  return [least - margin, greatest + margin];
}

// The same along x, with zero among what is seen at first: the limit of stability.
function paddedWithZero(plot, least, greatest) {
  const x = plot.data[0];
  const all = least === x[0] && greatest === x[x.length - 1];
  return all ? padded(plot, Math.min(least, 0), Math.max(greatest, 0)) : padded(plot, least, greatest);
}

// A vertical dashed line with a word, at a place of the x axis. Words of neighbours stand on lines of their own.
function drawMark(plot, mark, i) {
  const { ctx, bbox } = plot;
  const x = plot.valToPos(mark.x, "x", true);
  if (x < bbox.left || x > bbox.left + bbox.width) return;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = pageColour("--quiet");
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
  const width = ctx.measureText(mark.text).width;
  const gap = 4 * devicePixelRatio;
  const fits = x + gap + width < bbox.left + bbox.width;
  ctx.textAlign = fits ? "left" : "right";
  ctx.fillText(mark.text, fits ? x + gap : x - gap, bbox.top + (12 + 14 * (i % 3)) * devicePixelRatio);
  ctx.restore();
}

const shapes = [
  (ctx, x, y, r) => ctx.arc(x, y, r, 0, 2 * Math.PI),
  (ctx, x, y, r) => ctx.rect(x - r, y - r, 2 * r, 2 * r),
  (ctx, x, y, r) => {
    ctx.moveTo(x, y - 1.2 * r);
    ctx.lineTo(x + 1.2 * r, y + r);
    ctx.lineTo(x - 1.2 * r, y + r);
    ctx.closePath();
  },
];

// Points whose shape says, without colour, which series they belong to.
function drawPoints(plot, s) {
  const { ctx } = plot;
  const radius = 4 * devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = plot.series[s].stroke(plot, s);
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.globalAlpha = plot.series[s].alpha;
  plot.data[s].forEach((y, i) => {
    if (y === null || y === undefined) return;
    ctx.beginPath();
    shapes[(s - 1) % shapes.length](
      ctx,
      plot.valToPos(plot.data[0][i], "x", true),
      plot.valToPos(y, "y", true),
      radius,
    );
    ctx.stroke();
  });
  ctx.restore();
  return false;
}

class Chart {
  // title: of the plot; height: px; scatter: points in a plane; group: charts that share cursor and zoom along x
  constructor(parent, { title, height = 280, scatter = false, group = null, onCursor = null }) {
    Object.assign(this, { height, scatter, group, onCursor });
    this.plot = null;
    this.at = { series: 1, index: 0 };
    this.caption = element("h3", {}, title);
    this.area = element("div", { class: "plot", tabindex: "0", role: "application", "aria-roledescription": "plot" });
    this.readout = element("output", { class: "readout" });
    this.words = element("p", { class: "words" });
    const buttons = element("div", { class: "buttons" }, [
      this.button("+", "Zoom in", () => this.zoom(zoomFactor)),
      this.button("−", "Zoom out", () => this.zoom(1 / zoomFactor)),
      this.button("all", "Show all", () => this.reset()),
    ]);
    const head = element("div", { class: "chart-head" }, [this.caption, buttons]);
    this.root = element("div", { class: "chart" }, [head, this.area, this.readout, this.words]);
    parent.append(this.root);
    this.area.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.fit()).observe(this.area);
    if (group) group.push(this);
  }

  button(text, name, action) {
    const made = element("button", { type: "button", title: name, "aria-label": name }, text);
    made.addEventListener("click", action);
    return made;
  }

  // lines: [{ label, x, y, stroke, dash, width }], y null where there is nothing
  // marks: [{ x, text }]; value: text of the value under the cursor, by default "label: y"
  show({ title, words = "", lines, xLabel, yLabel, log = false, marks = [], value = null }) {
    this.plot?.destroy();
    this.plot = null;
    this.readout.textContent = "";
    this.words.textContent = words;
    if (title) this.caption.textContent = title;
    this.area.setAttribute("aria-label", `${this.caption.textContent}: ${yLabel} against ${xLabel}`);
    this.root.classList.toggle("empty", lines.length === 0);
    if (lines.length === 0) return;
    Object.assign(this, { lines, xLabel, value });
    this.at = { series: 1, index: 0 };
    const shown = log ? lines.map((line) => ({ ...line, y: positive(line.y) })) : lines;
    this.plot = new uPlot(this.options({ lines, xLabel, yLabel, log, marks }), joined(shown), this.area);
  }

  options({ lines, xLabel, yLabel, log, marks }) {
    const axis = (label, extra) => ({
      label,
      labelSize: 22,
      labelFont: "12px system-ui, sans-serif",
      font: "12px system-ui, sans-serif",
      stroke: pageColour("--text"),
      grid: { stroke: pageColour("--grid"), width: 1 },
      ticks: { stroke: pageColour("--grid"), width: 1 },
      values: (plot, splits) => splits.map((v) => (v === null ? "" : number(v, extra.digits))),
      ...extra,
    });
    return {
      width: this.area.clientWidth || 300,
      height: this.height,
      legend: { show: false },
      scales: {
        x: { time: false, range: this.scatter ? paddedWithZero : undefined },
        y: { distr: log ? 3 : 1, range: this.scatter ? padded : undefined },
      },
      axes: [
        axis(xLabel, { digits: 6, size: 32 }),
        axis(yLabel, { digits: log ? 1 : 6, size: 62, splits: log ? decades : undefined }),
      ],
      series: [{ label: xLabel }, ...lines.map((line) => this.series(line))],
      focus: { alpha: 0.25 },
      cursor: {
        points: { size: 8 },
        focus: { prox: this.scatter ? pickDistance : 1e6 },
        drag: { x: true, y: this.scatter, uni: 40 },
        dataIdx: (plot, s, i) => (s === 0 ? i : this.scatter ? nearestPoint(plot, s) : nearestValue(plot.data[s], i)),
        ...this.sync(),
      },
      hooks: {
        draw: [(plot) => marks.forEach((mark, i) => drawMark(plot, mark, i))],
        setCursor: [(plot) => this.cursorMoved(plot)],
        setSeries: [(plot, s) => this.cursorMoved(plot, s)],
        setScale: [(plot, scale) => scale === "x" && this.scaled(plot)],
      },
    };
  }

  series(line) {
    if (!this.scatter) {
      const { label, stroke, dash, width = 1.5 } = line;
      return { label, stroke, dash, width, spanGaps: line.spanGaps ?? false, points: { show: line.y.length === 1 } };
    }
    return { label: line.label, stroke: line.stroke, paths: () => null, points: { show: drawPoints } };
  }

  sync() {
    if (!this.group) return {};
    // only the cursor: zooming follows the scale, however that was changed
    const only = (type) => type === "mousemove" || type === "mouseleave";
    this.group.key ??= freshId("group");
    return { sync: { key: this.group.key, scales: ["x", null], setSeries: false, filters: { pub: only, sub: only } } };
  }

  scaled(plot) {
    if (!this.group || plot !== this.plot || this.group.busy) return;
    this.group.busy = true;
    const { min, max } = plot.scales.x;
    for (const other of this.group) {
      if (other !== this && other.plot && min !== null) other.plot.setScale("x", { min, max });
    }
    this.group.busy = false;
  }

  cursorMoved(plot, focused = undefined) {
    if (plot !== this.plot) return;
    if (focused !== undefined) this.focused = focused;
    const inside = plot.cursor.left >= 0;
    this.onCursor?.(inside ? plot.cursor.idxs : null);
    if (!inside) this.focused = null;
    const s = this.focused;
    const i = s ? plot.cursor.idxs[s] : null;
    if (i === null || i === undefined) {
      this.readout.textContent = "";
    } else {
      this.at = { series: s, index: i };
      this.readout.textContent = this.valueText(s, i);
    }
  }

  valueText(s, i) {
    const x = this.plot.data[0][i];
    const y = this.plot.data[s][i];
    if (this.value) return this.value(s - 1, x, y, i);
    return `${this.xLabel} ${number(x, 7)}  ·  ${this.lines[s - 1].label}: ${number(y, 7)}`;
  }

  key(event) {
    if (!this.plot || event.ctrlKey || event.altKey || event.metaKey) return;
    const stride = event.shiftKey ? keyStride : keyStep;
    const actions = {
      ArrowLeft: () => this.move(-stride),
      ArrowRight: () => this.move(stride),
      ArrowUp: () => this.change(-1),
      ArrowDown: () => this.change(1),
      "+": () => this.zoom(zoomFactor),
      "=": () => this.zoom(zoomFactor),
      "-": () => this.zoom(1 / zoomFactor),
      0: () => this.reset(),
      Escape: () => this.reset(),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  // Moves through the values that the series has.
  move(steps) {
    const column = this.plot.data[this.at.series];
    const places = [];
    column.forEach((v, i) => v !== null && v !== undefined && places.push(i));
    if (places.length === 0) return;
    const here = places.findIndex((i) => i >= this.at.index);
    const next = (here < 0 ? places.length - 1 : here) + steps;
    this.point(this.at.series, places[Math.min(Math.max(next, 0), places.length - 1)]);
  }

  change(by) {
    const visible = this.plot.series.map((s, i) => i).filter((i) => i > 0 && this.plot.series[i].show);
    if (visible.length === 0) return;
    const here = Math.max(visible.indexOf(this.at.series), 0);
    const series = visible[(here + by + visible.length) % visible.length];
    const index = nearestValue(this.plot.data[series], this.at.index);
    if (index !== null) this.point(series, index);
  }

  point(series, index) {
    const { plot } = this;
    const x = plot.data[0][index];
    const { min, max } = plot.scales.x;
    if (x < min || x > max) this.center(x);
    // fired and published: the plots of the group follow, as they do the mouse
    plot.setCursor({ left: plot.valToPos(x, "x"), top: plot.valToPos(plot.data[series][index], "y") }, true, true);
    // of lines that lie on each other, the one that was asked for
    plot.setSeries(series, { focus: true });
    this.at = { series, index };
    this.readout.textContent = this.valueText(series, index);
  }

  center(x) {
    const { min, max } = this.plot.scales.x;
    this.plot.setScale("x", { min: x - (max - min) / 2, max: x + (max - min) / 2 });
  }

  zoom(factor) {
    if (!this.plot) return;
    const { cursor, scales } = this.plot;
    const scaleBy = (name, place) => {
      const { min, max } = scales[name];
      const middle = place ?? (min + max) / 2;
      this.plot.setScale(name, { min: middle - (middle - min) * factor, max: middle + (max - middle) * factor });
    };
    const at = cursor.left >= 0 ? this.plot.posToVal(cursor.left, "x") : undefined;
    scaleBy("x", at);
    if (this.scatter) scaleBy("y", cursor.top >= 0 ? this.plot.posToVal(cursor.top, "y") : undefined);
  }

  reset() {
    if (!this.plot) return;
    for (const chart of this.group ?? [this]) chart.plot?.setData(chart.plot.data, true);
  }

  toggle(i, visible) {
    this.plot?.setSeries(i + 1, { show: visible });
  }

  fit() {
    if (this.plot && this.area.clientWidth > 0)
      this.plot.setSize({ width: this.area.clientWidth, height: this.height });
  }
}
