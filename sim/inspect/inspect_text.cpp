// dynvert inspect: tables for people.

#include <dynvert/sim/inspect/inspect_print.hpp>

#include <fmt/ostream.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace dynvert {

namespace {

using Rows = std::vector<std::vector<std::string>>;

/// Columns as wide as their widest cell; the first flush left, the others right.
void print_table(std::ostream& out, const Rows& rows) {
  std::vector<std::size_t> width;
  for (const auto& row : rows) {
    width.resize(std::max(width.size(), row.size()));
    for (std::size_t c = 0; c < row.size(); ++c) width[c] = std::max(width[c], row[c].size());
  }
  for (const auto& row : rows) {
    std::string line = fmt::format("{:<{}}", row[0], width[0]);
    for (std::size_t c = 1; c < row.size(); ++c) line += fmt::format("  {:>{}}", row[c], width[c]);
    line.erase(line.find_last_not_of(' ') + 1);
    fmt::print(out, "{}\n", line);
  }
}

std::string cell(const std::optional<double>& value, const char* format = "{:.4g}") {
  if (!value || std::isnan(*value)) return "-";
  if (std::isinf(*value)) return *value > 0 ? "any" : "-";
  return fmt::format(fmt::runtime(format), *value);
}

void print_findings(std::ostream& out, const std::vector<std::pair<std::string, Finding>>& findings,
                    const char* title = "not stable, or near it:") {
  if (findings.empty()) return;
  fmt::print(out, "\n{}\n", title);
  for (const auto& [where, finding] : findings) {
    fmt::print(out, "  {}{}{}\n", where, finding.unstable ? "! " : "", finding.text);
  }
}

/// Stability of loops, a row each, with what the row is of.
void print_loops(std::ostream& out, const std::vector<std::pair<std::string, const LoopStability*>>& loops) {
  if (loops.empty()) return;
  Rows rows{{"loop", "alpha", "abscissa", "slowest time const.", "num. abscissa", "critical leak", "delay margin",
             "step euler", "step rk4", "step seq. euler"}};
  for (const auto& [name, s] : loops) {
    rows.push_back({name, cell(s->alpha), cell(s->spectral_abscissa, "{:.3g}"), cell(s->slowest_time_constant),
                    cell(s->numerical_abscissa, "{:.3g}"), cell(s->critical_leak, "{:.3g}"),
                    cell(s->delay_margin, "{:.3g}"), cell(s->step_euler, "{:.3g}"), cell(s->step_rk4, "{:.3g}"),
                    cell(s->step_sequential_euler, "{:.3g}")});
  }
  print_table(out, rows);
}

void print_head(std::ostream& out, const InspectedModel& model) {
  const ModelSummary& m = model.summary;
  std::string dynamics;
  if (model.recorded && !model.recorded->stages().empty()) {
    const ModelConfig& config = model.recorded->config();
    dynamics = fmt::format(", alpha {:g}", config.alpha);
    if (m.solver)
      dynamics +=
          fmt::format(", solver {}, dt {:g}, duration {:g}", *m.solver, config.dynamics.dt, config.dynamics.duration);
  } else if (m.solver) {
    dynamics = ", solver " + *m.solver;
  }
  fmt::print(out, "{}: {}{}{}, {} trials, {}\n", m.name, m.credit, m.feedback ? ", feedback " + *m.feedback : "",
             dynamics, m.trials, m.status);
}

void print_not_computed(std::ostream& out, const InspectedModel& model) {
  if (!model.not_computed.empty()) fmt::print(out, "\nstability: not computed: {}\n", model.not_computed);
}

/// The value of a measure of a trial; nothing where the model does not have it.
std::optional<double> measured(const TrialInspection& trial, std::string_view name, std::size_t l) {
  for (const auto& m : trial.measures) {
    if (m.l == l && m.measure->name == name) return m.value;
  }
  return std::nullopt;
}

/// How close the credit signals are to those of other rules.
void print_distances(std::ostream& out, const TrialInspection& t) {
  std::vector<std::size_t> layers;
  for (const auto& m : t.measures) {
    if (m.measure->of == TrialMeasure::Of::credit && std::ranges::find(layers, m.l) == layers.end()) {
      layers.push_back(m.l);
    }
  }
  if (layers.empty()) return;
  Rows rows{{"credit signal", "compared with", "distance", "angle"}};
  for (const std::size_t l : layers) {
    const auto row = [&](const char* rule, const char* text) {
      const auto distance = measured(t, fmt::format("distance_{}", rule), l);
      if (!distance) return;
      rows.push_back({fmt::format("delta_{}", l), text, cell(distance, "{:.3g}"),
                      cell(measured(t, fmt::format("angle_{}", rule), l), "{:.3g} deg")});
    };
    row("ndi", "NDI, the settled loops");
    row("pbp", "PBP, pseudo-inverse");
    row("bp", "BP, transposed weights");
  }
  fmt::print(out, "\n");
  print_table(out, rows);
}

void print_loop(std::ostream& out, const ModelConfig& config, const TrialInspection& t,
                const TrialInspection::Loop& loop) {
  const LoopStability& s = loop.stability;
  const auto value = [&](const char* name) { return measured(t, name, s.loop); };
  fmt::print(out, "\nloop {} ({}, alpha {:g}{})\n", s.loop, s.controller, s.alpha,
             s.linear ? "" : ", linearised where it ended");
  Rows rows;
  const auto row = [&](const char* name, const std::string& text, const std::string& beside = {}) {
    rows.push_back({std::string("  ") + name, text, beside});
  };
  std::string settled = loop.no_steady_state ? "there is no unique steady state" : loop.converged ? "yes" : "no";
  if (!t.diverged.empty()) settled = "diverged";
  row("within 2 % of its steady state at the end", settled);
  if (t.interval > 0 && t.diverged.empty()) {
    row("settling time", cell(value("settling_time")), fmt::format("of {:g}", config.dynamics.duration));
    row("overshoot", cell(value("overshoot"), "{:.3g}"));
    row("transient amplification", cell(value("amplification")));
  }
  if (t.diverged.empty()) {
    row("residual |W f(delta) - alpha u - s| / |s|", cell(value("residual"), "{:.3g}"));
    row("angle of B to minus the transposed weights", cell(value("angle_feedback"), "{:.3g} deg"));
  }
  const auto step = [&](const char* solver) {
    rows.push_back({fmt::format("  largest stable step of {}", solver), cell(s.step_of(solver)),
                    solver == config.dynamics.solver ? fmt::format("dt {:g}", config.dynamics.dt) : std::string()});
  };
  row("spectral abscissa", cell(s.spectral_abscissa));
  if (t.interval > 0 && t.diverged.empty()) row("decay rate, fitted to the trajectory", cell(value("decay_rate")));
  row("slowest time constant", cell(s.slowest_time_constant));
  row("numerical abscissa", cell(s.numerical_abscissa));
  row("critical leak", cell(s.critical_leak), fmt::format("alpha {:g}", s.alpha));
  row("delay margin", cell(s.delay_margin));
  step("euler");
  step("rk4");
  step("sequential_euler");
  print_table(out, rows);
}

std::vector<std::pair<std::string, Finding>> with_prefix(const std::string& prefix, const std::vector<Finding>& list) {
  std::vector<std::pair<std::string, Finding>> result;
  for (const Finding& finding : list) result.emplace_back(prefix, finding);
  return result;
}

/// The loops with the weights of snapshots, and what is to be said of them.
void print_stability(std::ostream& out, const InspectedModel& model) {
  if (model.stability.empty()) return;
  std::vector<std::pair<std::string, const LoopStability*>> loops;
  std::vector<std::pair<std::string, Finding>> found;
  for (const SnapshotStability& s : model.stability) {
    for (const LoopStability& loop : s.loops) {
      loops.emplace_back(fmt::format("{} after {} trials", loop.loop, s.snapshot), &loop);
    }
    for (auto& entry : with_prefix(fmt::format("after {} trials, ", s.snapshot), s.findings)) {
      found.push_back(std::move(entry));
    }
  }
  const bool linear = std::ranges::all_of(loops, [](const auto& entry) { return entry.second->linear; });
  fmt::print(out, "\nStability of the loops with the weights of snapshots{}\n",
             linear ? "" : " (linearised at rest: zero input, zero error)");
  print_loops(out, loops);
  print_findings(out, found);
}

}  // namespace

void print_overview(std::ostream& out, const std::vector<InspectedModel>& models) {
  Rows rows{{"model", "solver", "final NSE", "settled", "median settling time", "median angle to NDI",
             "largest abscissa", "notes"}};
  std::vector<std::pair<std::string, Finding>> found;
  std::vector<std::string> missing;
  for (const InspectedModel& model : models) {
    const ModelSummary& m = model.summary;
    std::vector<std::string> notes;
    if (m.status != "complete") notes.push_back(m.status);
    if (m.diverged_trials > 0) notes.push_back(fmt::format("{} diverged", m.diverged_trials));
    if (m.restabilisations.value_or(0) > 0) notes.push_back(fmt::format("{} x restabilised", *m.restabilisations));
    if (m.largest_abscissa.value_or(-1) > 0) notes.emplace_back("unstable in some trial");
    std::optional<double> percent;
    if (m.settled_fraction) percent = 100 * *m.settled_fraction;
    rows.push_back({m.name, m.solver.value_or("-"), cell(m.final_nse, "{:.3e}"), cell(percent, "{:.1f} %"),
                    cell(m.median_settling_time), cell(m.median_angle_ndi, "{:.3g} deg"),
                    cell(m.largest_abscissa, "{:.3g}"), fmt::format("{}", fmt::join(notes, ", "))});
    for (const SnapshotStability& s : model.stability) {
      for (auto& entry : with_prefix(m.name + ", ", s.findings)) found.push_back(std::move(entry));
    }
    if (!model.not_computed.empty()) missing.push_back(fmt::format("{}: {}", m.name, model.not_computed));
  }
  print_table(out, rows);
  fmt::print(
      out,
      "\nsettled: trials that ended within 2 % of the steady state; settling times in units of the time constants, "
      "where a "
      "trial\nthat did not settle counts as later than any other (-: so did half of them or more); angles in degrees; "
      "abscissa:\nlargest real part of a loop's spectrum, < 0 is stable.\n");
  print_findings(out, found, "with the weights of the end of the run, not stable or near it:");
  for (const std::string& text : missing) fmt::print(out, "\nstability of {}\n", text);
}

void print_model(std::ostream& out, const InspectedModel& model) {
  print_head(out, model);
  if (!model.quantities.empty()) {
    Rows rows{{"quantity", "least", "median", "greatest", "last", "values", "missing", "units"}};
    for (const QuantitySummary& q : model.quantities) {
      rows.push_back({q.name, cell(q.values.least), cell(q.values.median), cell(q.values.greatest), cell(q.values.last),
                      fmt::format("{}", q.values.count), fmt::format("{}", q.values.missing), q.units});
    }
    fmt::print(out, "\n");
    print_table(out, rows);
    fmt::print(out, "\n");
    for (const QuantitySummary& q : model.quantities) fmt::print(out, "{}: {}\n", q.name, q.description);
  }
  print_stability(out, model);
  print_not_computed(out, model);
}

void print_trial(std::ostream& out, const InspectedModel& model) {
  print_head(out, model);
  fmt::print(out, "trial {}\n", model.trial->trial);
  if (model.computed) {
    const TrialInspection& t = *model.computed;
    if (t.trials_away == 0) {
      fmt::print(out, "run again with the weights that it had (snapshot {})", t.snapshot.trials);
    } else {
      fmt::print(out,
                 "run again with the weights of snapshot {}, {} trials away: not the numbers of the run, see \"as "
                 "recorded\"\n(record.weights_every keeps more of them)",
                 t.snapshot.trials, t.trials_away);
    }
    fmt::print(out, "{}\n", t.batch ? "; of the first sample of its batch" : "");
    if (t.interval > (model.recorded ? model.recorded->config().dynamics.dt : 0) * (1 + 1e-9)) {
      fmt::print(out, "the trajectory was sampled every {:g} only, to bound the memory\n", t.interval);
    }
    if (!t.diverged.empty()) fmt::print(out, "diverged: {}\n", t.diverged);
    print_distances(out, t);
    for (const TrialInspection::Loop& loop : t.loops) print_loop(out, model.recorded->config(), t, loop);
    print_findings(out, with_prefix("", t.findings));
  }
  print_stability(out, model);
  fmt::print(out, "\nas recorded\n");
  Rows rows;
  for (const auto& [name, value] : model.trial->values) {
    rows.push_back({"  " + name, std::isnan(value) ? "-" : fmt::format("{:.10g}", value)});
  }
  print_table(out, rows);
  if (model.trial->record) {
    fmt::print(out, "  trajectory: record {} of /models/{}/trace\n", *model.trial->record, model.summary.name);
  } else {
    fmt::print(out, "  trajectory: not kept (record.trials, record.every)\n");
  }
  if (!model.not_computed.empty()) fmt::print(out, "\nnot computed: {}\n", model.not_computed);
}

}  // namespace dynvert
