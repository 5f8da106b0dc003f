// Learning curves: one quantity of all models against the trials.

const wideRange = 100; // from this ratio on a logarithmic axis shows more

function byQuantity(curves) {
  const quantities = new Map();
  for (const curve of curves) {
    const key = `${curve.group}/${curve.name}`;
    if (!quantities.has(key)) quantities.set(key, []);
    quantities.get(key).push(curve);
  }
  return quantities;
}

function spansDecades(curves) {
  let least = Infinity;
  let greatest = -Infinity;
  for (const curve of curves) {
    for (const y of curve.y) {
      if (!Number.isFinite(y)) continue;
      if (y <= 0) return false;
      least = Math.min(least, y);
      greatest = Math.max(greatest, y);
    }
  }
  return greatest / least > wideRange;
}

function downsamplingWords(curves) {
  const downsampled = curves.filter((curve) => curve.x.length < curve.rows);
  if (downsampled.length === 0) return "";
  const [first] = downsampled;
  return `Downsampled: about ${first.x.length} of ${number(first.rows)} values a line, the least and the greatest of every interval.`;
}

function swatch(style) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const line = document.createElementNS(space, "line");
  const put = (node, attributes) => Object.entries(attributes).forEach(([k, v]) => node.setAttribute(k, v));
  put(svg, { width: 34, height: 10, "aria-hidden": "true" });
  put(line, { x1: 1, x2: 33, y1: 5, y2: 5, stroke: style.stroke, "stroke-width": 2, "stroke-dasharray": style.dash });
  svg.append(line);
  return svg;
}

class Curves {
  constructor(parent, data) {
    this.quantities = byQuantity(data.curves);
    if (this.quantities.size === 0) {
      parent.append(element("p", {}, "The file holds no quantities over the trials."));
      return;
    }
    this.order = data.models.map((model) => model.name);
    this.hidden = new Set();
    const keys = [...this.quantities.keys()];
    // what people look at first, of learning or of a grid
    const wanted = ["eval/nse", "eval/train_loss", "grid/settling_time", "grid/residual"];
    const first = wanted.map((name) => keys.find((key) => key.startsWith(name))).find(Boolean) ?? keys[0];
    this.quantity = select(
      keys.map((key) => ({ value: key, text: key.split("/")[1] })),
      first,
    );
    this.log = element("input", { type: "checkbox" });
    this.legend = element("fieldset", { class: "legend" });
    parent.append(
      element("div", { class: "controls" }, [labelled("Quantity", this.quantity), labelled("Logarithmic", this.log)]),
    );
    this.chart = new Chart(parent, { title: "", height: 340, onCursor: (at) => this.showValues(at) });
    parent.append(this.legend);
    this.quantity.addEventListener("change", () => this.choose());
    this.log.addEventListener("change", () => this.render());
    this.choose();
  }

  choose() {
    this.log.checked = spansDecades(this.quantities.get(this.quantity.value));
    this.render();
  }

  render() {
    if (!this.chart) return;
    const curves = this.quantities.get(this.quantity.value);
    const [first] = curves;
    this.lines = curves.map((curve) => ({
      label: curve.model,
      x: Array.from(curve.x),
      y: finiteOrNull(curve.y),
      // a model looks the same in every quantity
      ...lineStyle(this.order.indexOf(curve.model)),
      spanGaps: true,
    }));
    const flag = first.legend ? ` (${first.legend})` : "";
    this.chart.show({
      title: `${first.name}${first.about ? `: ${first.about}` : ""}${flag}`,
      words: downsamplingWords(curves),
      lines: this.lines,
      xLabel: first.against === "evaluation" ? "trials done" : first.against,
      yLabel: `${first.name}${inUnits(first.units)}`,
      log: this.log.checked,
      whole: true,
    });
    this.showLegend();
  }

  showLegend() {
    this.values = this.lines.map(() => element("span", { class: "value" }));
    const entries = this.lines.map((line, i) => {
      const box = element("input", { type: "checkbox" });
      box.checked = !this.hidden.has(line.label);
      this.chart.toggle(i, box.checked);
      box.addEventListener("change", () => {
        if (box.checked) this.hidden.delete(line.label);
        else this.hidden.add(line.label);
        this.chart.toggle(i, box.checked);
      });
      return element("label", {}, [box, swatch(line), element("span", {}, line.label), this.values[i]]);
    });
    this.legend.replaceChildren(element("legend", {}, "Lines"), ...entries);
  }

  showValues(at) {
    this.values?.forEach((value, i) => {
      const index = at?.[i + 1];
      const y = index === null || index === undefined ? null : this.chart.plot.data[i + 1][index];
      value.textContent = y === null || y === undefined ? "" : number(y);
    });
  }
}
