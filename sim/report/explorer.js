// One recorded trial of a model: its transient, the residual of its loops, their spectra, and what was measured.

const endings = {
  1: "settled: it ended within the settling band (2 % by default) of the steady state",
  0: "not settled: it ended outside the settling band (2 % by default) around the steady state",
  "-1": "failed: it diverged or met the step limit",
  "-2": "there is no unique steady state",
  "-3": "not defined: the error fluctuates, or the circuit has too many variables",
};

// Populations of zeros and ones that say when stimulus and target were on: drawn as marks, not as lines.
const isSwitch = (population) => population.role === "switch";

function switchMarks(populations) {
  const marks = [];
  for (const population of populations.filter(isSwitch)) {
    let before = 0;
    population.values.forEach((on, k) => {
      if (on === before) return;
      marks.push({ x: population.time[k], text: `${population.name} ${on ? "on" : "off"}` });
      before = on;
    });
  }
  return marks;
}

function populationWords(population) {
  const words = [];
  const { labels, units, time, samples } = population;
  if (labels.length < units) words.push(`${labels.length} of ${number(units)} units, evenly spaced.`);
  if (time.length < samples) {
    words.push(
      `${time.length} of ${number(samples)} samples: every unit's extremes, and of each interval the smallest and the ` +
        "largest state.",
    );
  }
  return words.join(" ");
}

function residualWords(loops) {
  const words = [];
  if (loops.some((loop) => loop.way === "weights")) words.push("From the weights of this trial, at every sample.");
  if (loops.some((loop) => loop.way === "differences")) {
    words.push(
      "Estimated by finite differences of the recorded u: the file has no snapshot of the weights at this trial.",
    );
  }
  for (const loop of loops.filter((l) => l.way === null)) words.push(`Loop ${loop.number}: ${loop.residual_missing}.`);
  return words.join(" ");
}

function spectrumWords(loop) {
  if (!loop.spectrum) return `Loop ${loop.number}: ${loop.spectrum_missing}.`;
  const { re, snapshot, exact } = loop.spectrum;
  const abscissa = re.reduce((most, v) => Math.max(most, v), -Infinity);
  const rate =
    abscissa < 0
      ? `stable, slowest time constant ${number(-1 / abscissa, 3)}`
      : "not stable: it grows, or does not decay";
  const when = exact
    ? "weights of this trial"
    : `weights after ${snapshot} trials, the last snapshot before this trial`;
  return `Loop ${loop.number}: abscissa ${number(abscissa, 3)} (1/time), ${rate}; ${when}.`;
}

class Explorer {
  constructor(parent, data) {
    this.data = data;
    this.models = data.models.filter((model) => model.trials.length > 0);
    if (this.models.length === 0) {
      parent.append(element("p", {}, "The file holds no trajectories of trials (record.trials, record.every)."));
      return;
    }
    this.model = this.models[0];
    this.trial = this.model.trials[0];
    this.wanted = null; // the population that was chosen last, by name
    this.build(parent);
    this.chooseModel(this.model.name);
  }

  build(parent) {
    const text = (model) => (model.trials.length > 0 ? model.name : `${model.name} (no trajectories)`);
    this.modelSelect = select(
      this.data.models.map((m) => ({ value: m.name, text: text(m), disabled: m.trials.length === 0 })),
      this.model.name,
    );
    this.trialSelect = select([]);
    this.populationSelect = select([]);
    this.hint = element("p", { class: "hint" }, "Arrow keys here: ← → trial, ↑ ↓ model.");
    const pick = element("div", { class: "controls", role: "group", "aria-label": "Model and trial" }, [
      labelled("Model", this.modelSelect),
      labelled("Trial", this.trialSelect),
    ]);
    this.hint.id = freshId("hint");
    pick.setAttribute("aria-describedby", this.hint.id);
    this.outcome = element("p", { class: "outcome", role: "status" });
    parent.append(pick, this.hint, this.outcome);
    this.buildCharts(parent);
    this.modelSelect.addEventListener("change", () => this.chooseModel(this.modelSelect.value));
    this.trialSelect.addEventListener("change", () => this.chooseTrial(Number(this.trialSelect.value)));
    this.populationSelect.addEventListener("change", () => {
      this.wanted = this.populationSelect.value;
      this.renderTransient();
    });
    // a menu of the system opens on some arrow keys on some systems: here they step, everywhere alike
    pick.addEventListener("keydown", (event) => this.key(event));
  }

  buildCharts(parent) {
    const left = element("div", { class: "column wide" });
    const right = element("div", { class: "column" });
    parent.append(element("div", { class: "columns" }, [left, right]));
    const together = [];
    left.append(element("div", { class: "controls" }, labelled("Population", this.populationSelect)));
    this.transient = new Chart(left, { title: "Transient", height: 320, group: together });
    this.residual = new Chart(left, { title: "Residual", height: 220, group: together });
    this.spectrum = new Chart(right, { title: "Spectrum", height: 320, scatter: true });
    this.measures = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Measures" });
    this.stability = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Stability" });
    right.append(this.stability, this.measures);
  }

  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    const [model, trial] = step;
    if (model) {
      const next = this.models[this.models.indexOf(this.model) + model];
      if (next) this.chooseModel(next.name);
    } else {
      const next = this.model.trials.indexOf(this.trial) + trial;
      if (this.model.trials[next]) this.chooseTrial(next);
    }
  }

  chooseModel(name) {
    this.model = this.models.find((model) => model.name === name);
    this.modelSelect.value = name;
    const options = this.model.trials.map((t, i) => element("option", { value: i }, String(t.trial)));
    this.trialSelect.replaceChildren(...options);
    // the trial that was looked at, or the one nearest to it
    const away = this.model.trials.map((t) => Math.abs(t.trial - this.trial.trial));
    this.chooseTrial(away.indexOf(Math.min(...away)));
  }

  chooseTrial(index) {
    this.trial = this.model.trials[index];
    this.trialSelect.value = String(index);
    const names = this.populations().map((p) => p.name);
    this.populationSelect.replaceChildren(...names.map((name) => element("option", { value: name }, name)));
    const credit = this.populations().find((p) => p.role === "error")?.name;
    this.populationSelect.value = names.includes(this.wanted) ? this.wanted : (credit ?? names[0] ?? "");
    this.render();
  }

  populations() {
    return this.trial.populations.filter((p) => !isSwitch(p) && p.labels.length > 0);
  }

  render() {
    if (!this.model) return;
    const { model, trial } = this;
    const ending = endings[trial.converged];
    const left = model.records - model.trials.length;
    const shown = left > 0 ? ` The page holds ${model.trials.length} of the ${model.records} recorded trials.` : "";
    this.outcome.textContent = `${model.name}, trial ${trial.trial}${ending ? ` – ${ending}` : ""}.${shown}`;
    this.renderTransient();
    this.renderResidual();
    this.renderSpectrum();
    this.renderStability();
    this.renderMeasures();
  }

  renderTransient() {
    const population = this.populations().find((p) => p.name === this.populationSelect.value);
    if (!population) {
      this.transient.show({ lines: [], words: "No population was recorded.", xLabel: "time", yLabel: "state" });
      return;
    }
    const x = Array.from(population.time);
    const lines = population.labels.map((label, i) => ({
      label: population.units > 1 ? `unit ${label}` : population.name,
      x,
      y: finiteOrNull(population.values.subarray(i * x.length, (i + 1) * x.length)),
      stroke: unitColour(i),
      width: 1.25,
    }));
    this.transient.show({
      title: `Transient of ${population.name}`,
      words: `${population.about ? `${population.about}. ` : ""}${populationWords(population)}`,
      lines,
      xLabel: "time",
      yLabel: population.name,
      marks: this.marks(),
    });
  }

  marks() {
    const marks = switchMarks(this.trial.populations);
    // where the error sets in later, settling times count from then
    if (marks.length > 0 || this.trial.populations.some((p) => p.role === "output_error")) return marks;
    for (const { loop, time, text } of this.trial.marks) {
      marks.push({ x: time, text: this.trial.loops.length > 1 ? `${text}, loop ${loop}` : text });
    }
    return marks;
  }

  renderResidual() {
    const loops = this.trial.loops;
    const lines = loops
      .filter((loop) => loop.residual.length > 0)
      .map((loop, i) => ({
        label: `loop ${loop.number}`,
        x: Array.from(loop.time),
        y: finiteOrNull(loop.residual),
        ...lineStyle(i),
      }));
    this.residual.show({
      title: "Residual |W f(δ) − α u − s| / |s|",
      words: residualWords(loops) || "No control loops.",
      lines,
      xLabel: "time",
      yLabel: "residual",
      log: true,
      marks: switchMarks(this.trial.populations),
    });
  }

  renderSpectrum() {
    const loops = this.trial.loops.filter((loop) => loop.spectrum);
    const lines = loops.map((loop, i) => ({
      label: `loop ${loop.number}`,
      x: Array.from(loop.spectrum.re),
      y: Array.from(loop.spectrum.im),
      stroke: unitColour(i),
    }));
    // joining by x keeps one value of each series at an x, and complex pairs share theirs: laid out one after the other
    const points = lines.flatMap((line, s) => line.x.map((x, i) => ({ x, y: line.y[i], s, i })));
    points.sort((a, b) => a.x - b.x);
    const x = points.map((p) => p.x);
    const spread = lines.map((line, s) => ({ ...line, x, y: points.map((p) => (p.s === s ? p.y : null)) }));
    this.spectrum.show({
      title: "Spectrum",
      words: this.trial.loops.map((loop) => spectrumWords(loop)).join(" ") || "No control loops.",
      lines: spread,
      xLabel: "real part (1/time)",
      yLabel: "imaginary part (1/time)",
      marks: [{ x: 0, text: "unstable →" }],
      value: (s, re, im, at) => {
        const count = loops[s].spectrum.count[points[at].i];
        const times = count > 1 ? `, ${count} times` : "";
        return `${lines[s].label}: ${number(re)} ${im < 0 ? "−" : "+"} ${number(Math.abs(im))} i${times}`;
      },
    });
  }

  renderStability() {
    const loops = this.trial.loops.filter((loop) => loop.spectrum);
    if (loops.length === 0) {
      this.stability.replaceChildren();
      return;
    }
    const word = (value) => (typeof value === "string" ? value : number(value, 6));
    const rows = this.data.stability.map(({ label, units, about }, i) =>
      element("tr", {}, [
        element("th", { scope: "row", title: about }, label),
        ...loops.map((loop) => element("td", { class: "numeric" }, word(loop.spectrum.stability[i]))),
        element("td", {}, units === "1" ? "" : units),
      ]),
    );
    const heads = ["stability", ...loops.map((loop) => `loop ${loop.number}`), "units"];
    this.stability.replaceChildren(
      element("table", {}, [
        element("caption", {}, "Stability of the loops, with the weights of the spectrum"),
        element("thead", {}, element("tr", {}, heads.map((head) => element("th", { scope: "col" }, head)))),
        element("tbody", {}, rows),
      ]),
    );
  }

  renderMeasures() {
    const { model, trial } = this;
    if (trial.measures.length === 0) {
      this.measures.replaceChildren();
      return;
    }
    const about = (name) => this.data.curves.find((c) => c.model === model.name && c.name === name);
    const rows = trial.measures.map(({ name, value }) => {
      const curve = about(name);
      return element("tr", {}, [
        element("th", { scope: "row", title: curve?.about }, name),
        element("td", { class: "numeric" }, number(value, 6)),
        element("td", {}, curve?.units && curve.units !== "1" ? curve.units : ""),
      ]);
    });
    const heads = ["measure", "value", "units"].map((head) => element("th", { scope: "col" }, head));
    this.measures.replaceChildren(
      element("table", {}, [
        element("caption", {}, `Recorded of trial ${trial.trial} of ${model.name}`),
        element("thead", {}, element("tr", {}, heads)),
        element("tbody", {}, rows),
      ]),
    );
  }
}
