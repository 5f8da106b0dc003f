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

// A user-defined circuit stands in the place of a loop.
const nameOf = (loop) => (loop.circuit ? "circuit" : `loop ${loop.number}`);
const headOf = (loop) => (loop.circuit ? "Circuit" : `Loop ${loop.number}`);

function residualWords(loops) {
  const words = [];
  if (loops.some((loop) => loop.circuit && loop.residual.length > 0)) {
    words.push("x: the states of all populations; x*: the fixed point next to the end of the trial. Where x* is 0: |x|.");
  }
  if (loops.some((loop) => loop.way === "weights")) words.push("From the weights of this trial, at every sample.");
  if (loops.some((loop) => loop.way === "differences")) {
    words.push(
      "Estimated by finite differences of the recorded u: the file has no snapshot of the weights at this trial.",
    );
  }
  for (const loop of loops.filter((l) => l.residual_missing)) words.push(`${headOf(loop)}: ${loop.residual_missing}.`);
  return words.join(" ");
}

function spectrumWords(loop) {
  if (!loop.spectrum) return `${headOf(loop)}: ${loop.spectrum_missing}.`;
  const { re, snapshot, exact } = loop.spectrum;
  const abscissa = re.reduce((most, v) => Math.max(most, v), -Infinity);
  const rate =
    abscissa < 0
      ? `stable, slowest time constant ${number(-1 / abscissa, 3)}`
      : "not stable: it grows, or does not decay";
  const weights = exact
    ? "weights of this trial"
    : `weights after ${snapshot} trials, the last snapshot before this trial`;
  const when = loop.circuit ? "at the fixed point next to the end of the trial" : weights;
  return `${headOf(loop)}: abscissa ${number(abscissa, 3)} (1/time), ${rate}; ${when}.`;
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
    this.follow();
    addEventListener("hashchange", () => this.follow());
  }

  // #model=DI&trial=500&population=u_2, each part or none: a link to what is shown. What there is not is passed over.
  follow() {
    const link = new URLSearchParams(location.hash.slice(1));
    if ([...link].length === 0) return;
    const model = this.models.find((m) => m.name === link.get("model")) ?? this.model;
    const trial = parseFloat(link.get("trial"));
    this.wanted = link.get("population") ?? this.wanted;
    this.chooseModel(model.name, Number.isFinite(trial) ? trial : this.trial.trial);
  }

  remember() {
    const link = { model: this.model.name, trial: this.trial.trial, population: this.populationSelect.value };
    history.replaceState(null, "", `#${new URLSearchParams(link)}`);
  }

  build(parent) {
    const text = (model) => (model.trials.length > 0 ? model.name : `${model.name} (no trajectories)`);
    this.modelSelect = select(
      this.data.models.map((m) => ({ value: m.name, text: text(m), disabled: m.trials.length === 0 })),
      this.model.name,
    );
    this.trialSelect = select([]);
    this.populationSelect = select([]);
    this.linesSelect = select([]);
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
    this.modelSelect.addEventListener("change", () => {
      this.chooseModel(this.modelSelect.value);
      this.remember();
    });
    this.trialSelect.addEventListener("change", () => {
      this.chooseTrial(Number(this.trialSelect.value));
      this.remember();
    });
    this.populationSelect.addEventListener("change", () => {
      this.wanted = this.populationSelect.value;
      this.offerLines();
      this.renderTransient();
      this.remember();
    });
    this.linesSelect.addEventListener("change", () => this.renderTransient());
    // a menu of the system opens on some arrow keys on some systems: here they step, everywhere alike
    pick.addEventListener("keydown", (event) => this.key(event));
  }

  buildCharts(parent) {
    const left = element("div", { class: "column wide" });
    const right = element("div", { class: "column" });
    parent.append(element("div", { class: "columns" }, [left, right]));
    const together = [];
    left.append(
      element("div", { class: "controls" }, [
        labelled("Population", this.populationSelect),
        labelled("Lines", this.linesSelect),
      ]),
    );
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
    this.remember();
  }

  chooseModel(name, trial = this.trial.trial) {
    this.model = this.models.find((model) => model.name === name);
    this.modelSelect.value = name;
    const options = this.model.trials.map((t, i) => element("option", { value: i }, String(t.trial)));
    this.trialSelect.replaceChildren(...options);
    // that trial, or the one nearest to it
    const away = this.model.trials.map((t) => Math.abs(t.trial - trial));
    this.chooseTrial(away.indexOf(Math.min(...away)));
  }

  chooseTrial(index) {
    this.trial = this.model.trials[index];
    this.trialSelect.value = String(index);
    const names = this.populations().map((p) => p.name);
    this.populationSelect.replaceChildren(...names.map((name) => element("option", { value: name }, name)));
    const credit = this.populations().find((p) => p.role === "error")?.name;
    this.populationSelect.value = names.includes(this.wanted) ? this.wanted : (credit ?? names[0] ?? "");
    this.offerLines();
    this.render();
  }

  // What can be drawn: states and, where they are others, rates.
  populations(trial = this.trial) {
    return trial.populations
      .filter((p) => !isSwitch(p) && p.labels.length > 0)
      .flatMap((p) =>
        p.rates
          ? [p, { ...p, name: `${p.name} (rate)`, about: "rate of the population", values: p.rates, fixed_point: [] }]
          : [p],
      );
  }

  chosenPopulation(trial = this.trial) {
    return this.populations(trial).find((p) => p.name === this.populationSelect.value);
  }

  // The units of this trial, or one unit in all trials of the page.
  offerLines() {
    const population = this.chosenPopulation();
    const before = this.linesSelect.value;
    const several = this.model.trials.length > 1 ? (population?.labels ?? []) : [];
    const units = (label) => (population.units > 1 ? `unit ${label}, all trials` : "all trials");
    const offered = [
      { value: "", text: population?.units > 1 ? "all units, this trial" : "this trial" },
      ...several.map((label) => ({ value: label, text: units(label) })),
    ];
    this.linesSelect.replaceChildren(...offered.map(({ value, text }) => element("option", { value }, text)));
    this.linesSelect.value = offered.some(({ value }) => value === before) ? before : "";
  }

  unitLines(population) {
    const x = Array.from(population.time);
    return population.labels.map((label, i) => ({
      label: population.units > 1 ? `unit ${label}` : population.name,
      x,
      y: finiteOrNull(population.values.subarray(i * x.length, (i + 1) * x.length)),
      stroke: unitColour(i),
      width: 1.25,
    }));
  }

  trialLines(label) {
    return this.model.trials.flatMap((trial, i) => {
      const population = this.chosenPopulation(trial);
      const unit = population ? population.labels.indexOf(label) : -1;
      if (unit < 0) return [];
      const line = this.unitLines(population)[unit];
      return [{ ...line, label: `trial ${trial.trial}`, stroke: unitColour(i), width: trial === this.trial ? 2.5 : 1 }];
    });
  }

  // Where the units would come to rest.
  fixedPointLines(population, label) {
    const x = [population.time[0], population.time[population.time.length - 1]];
    return population.labels.flatMap((name, i) =>
      (label === "" || label === name) && i < population.fixed_point.length
        ? [
            {
              label: population.units > 1 ? `fixed point of unit ${name}` : "fixed point",
              x,
              y: [population.fixed_point[i], population.fixed_point[i]],
              stroke: unitColour(label === "" ? i : this.model.trials.indexOf(this.trial)),
              width: 1,
              dash: [2, 4],
              spanGaps: true,
            },
          ]
        : [],
    );
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
    const population = this.chosenPopulation();
    if (!population) {
      this.transient.show({ lines: [], words: "No population was recorded.", xLabel: "time", yLabel: "state" });
      return;
    }
    const label = this.linesSelect.value;
    const lines = label === "" ? this.unitLines(population) : this.trialLines(label);
    const fixed = this.fixedPointLines(population, label);
    const about = population.about ? `${population.about}. ` : "";
    const dotted = fixed.length > 0 ? "Dotted: the fixed point next to the end of this trial. " : "";
    this.transient.show({
      title: label === "" ? `Transient of ${population.name}` : `${population.name} in all trials of the page`,
      words: `${about}${dotted}${populationWords(population)}`,
      lines: [...lines, ...fixed],
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
        label: nameOf(loop),
        x: Array.from(loop.time),
        y: finiteOrNull(loop.residual),
        ...lineStyle(i),
      }));
    this.residual.show({
      title: loops.some((loop) => loop.circuit)
        ? "Distance from the fixed point |x − x*| / |x*|"
        : "Residual |W f(δ) − α u − s| / |s|",
      words: residualWords(loops) || "No control loops.",
      lines,
      xLabel: "time",
      yLabel: loops.some((loop) => loop.circuit) ? "distance" : "residual",
      log: true,
      marks: switchMarks(this.trial.populations),
    });
  }

  renderSpectrum() {
    const loops = this.trial.loops.filter((loop) => loop.spectrum);
    const lines = loops.map((loop, i) => ({
      label: nameOf(loop),
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
    // what is not defined for a circuit without controllers takes no room
    const defined = this.data.stability
      .map((measure, i) => ({ ...measure, i }))
      .filter(({ i }) => loops.some((loop) => !loop.circuit || loop.spectrum.stability[i] !== null));
    const rows = defined.map(({ label, units, about, i }) =>
      element("tr", {}, [
        element("th", { scope: "row", title: about }, label),
        ...loops.map((loop) => element("td", { class: "numeric" }, word(loop.spectrum.stability[i]))),
        element("td", {}, units === "1" ? "" : units),
      ]),
    );
    const heads = ["stability", ...loops.map(nameOf), "units"];
    this.stability.replaceChildren(
      element("table", {}, [
        element(
          "caption",
          {},
          loops[0].circuit
            ? "Stability of the circuit, linearised at its fixed point"
            : "Stability of the loops, with the weights of the spectrum",
        ),
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
