// dynvert inspect: tables for people.

#include <dynvert/sim/inspect/inspect_print.hpp>
#include <dynvert/sim/trial/measures.hpp>

#include <fmt/ostream.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace dynvert {

namespace {

using TextRows = std::vector<std::vector<std::string>>;

/// Columns as wide as their widest cell; the first flush left, the others right.
void print_table(std::ostream& out, const TextRows& rows) {
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
                    const char* title = "unstable, or close to instability:") {
  if (findings.empty()) return;
  fmt::print(out, "\n{}\n", title);
  for (const auto& [where, finding] : findings) {
    fmt::print(out, "  {}{}{}\n", where, finding.unstable ? "! " : "", finding.text);
  }
}

/// Stability of loops, a row each, with what the row is of.
void print_loops(std::ostream& out, const std::vector<std::pair<std::string, const LoopStability*>>& loops) {
  if (loops.empty()) return;
  TextRows rows{{"loop", "alpha"}};
  for (const LoopMeasure& measure : stability_measures()) rows[0].push_back(measure.label);
  for (const auto& [name, s] : loops) {
    auto& row = rows.emplace_back(std::vector{name, cell(s->alpha)});
    for (const double value : s->values) row.push_back(cell(value, "{:.3g}"));
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

std::string with_units(std::string_view label, std::string_view units) {
  return units == "1" ? std::string(label) : fmt::format("{} ({})", label, units);
}

/// The measures of layers: a row a layer, a column a measure.
void print_layers(std::ostream& out, const TrialInspection& t, TrialMeasure::Of of, const char* title,
                  const char* prefix) {
  std::vector<const TrialMeasure*> columns;
  std::map<std::size_t, std::vector<std::string>> layers;
  TextRows rows{{title}};
  for (const auto& [measure, l, value] : t.measures) {
    if (measure->of != of) continue;
    if (std::ranges::find(columns, measure) == columns.end()) {
      columns.push_back(measure);
      rows[0].push_back(with_units(measure->label, measure->units));
    }
    auto& row = layers[l];
    row.resize(columns.size(), "-");
    row.back() = cell(value, "{:.3g}");
  }
  if (layers.empty()) return;
  for (auto& [l, row] : layers) {
    row.insert(row.begin(), fmt::format("{}{}", prefix, l));
    rows.push_back(std::move(row));
  }
  fmt::print(out, "\n");
  print_table(out, rows);
}

void print_loop(std::ostream& out, const TrialInspection& t, const TrialInspection::Loop& loop) {
  const LoopStability& s = loop.stability;
  fmt::print(out, "\nloop {} ({}, alpha {:g}{})\n", s.loop, s.controller, s.alpha,
             s.linear ? "" : ", linearised where it ended");
  TextRows rows;
  const auto row = [&](const auto& measure, double value) {
    rows.push_back({"  " + measure.label, cell(value), measure.units == "1" ? "" : measure.units});
  };
  std::string settled = loop.no_steady_state ? "there is no unique steady state" : loop.converged ? "yes" : "no";
  if (!t.diverged.empty()) settled = "diverged";
  rows.push_back({"  within 2 % of its steady state at the end", settled, ""});
  // what follows from the spectrum is in s, also where the trial diverged
  for (const auto& [measure, l, value] : t.measures) {
    if (measure->of == TrialMeasure::Of::loop && !measure->of_spectrum && l == s.loop) row(*measure, value);
  }
  for (std::size_t i = 0; i < s.values.size(); ++i) row(stability_measures()[i], s.values[i]);
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

/// The names that any model has, in the order in which they come.
template <typename Pairs>
std::vector<std::string> columns_of(const std::vector<InspectedModel>& models, const Pairs& pairs) {
  std::vector<std::string> names;
  for (const InspectedModel& model : models) {
    for (const auto& pair : pairs(model)) {
      if (std::ranges::find(names, pair.first) == names.end()) names.push_back(pair.first);
    }
  }
  return names;
}

template <typename T>
std::optional<T> value_of(const std::vector<std::pair<std::string, T>>& pairs, const std::string& name) {
  const auto found = std::ranges::find(pairs, name, &std::pair<std::string, T>::first);
  return found == pairs.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

void print_overview(std::ostream& out, const std::vector<InspectedModel>& models) {
  const auto parameters = columns_of(models, [](const InspectedModel& m) { return m.parameters; });
  const auto finals = columns_of(models, [](const InspectedModel& m) { return m.summary.final; });
  TextRows rows{{"model", "solver"}};
  for (const std::string& key : parameters) rows[0].push_back(key);
  for (const std::string& name : finals) rows[0].push_back(name);
  rows[0].emplace_back("settled");
  if (!models.empty()) {
    for (const MeasureSummary& measure : models[0].summary.measures) rows[0].emplace_back(measure.measure->label);
  }
  rows[0].emplace_back("notes");
  std::vector<std::pair<std::string, Finding>> found;
  std::vector<std::string> missing;
  for (const InspectedModel& model : models) {
    const ModelSummary& m = model.summary;
    std::vector<std::string> notes;
    if (m.status != "complete") notes.push_back(m.status);
    if (m.diverged_trials > 0) notes.push_back(fmt::format("{} diverged", m.diverged_trials));
    if (m.restabilisations.value_or(0) > 0) notes.push_back(fmt::format("{} x restabilised", *m.restabilisations));
    if (std::ranges::any_of(m.measures, &MeasureSummary::unstable)) notes.emplace_back("unstable in some trial");
    std::optional<double> percent;
    if (m.settled_fraction) percent = 100 * *m.settled_fraction;
    auto& row = rows.emplace_back(std::vector{m.name, m.solver.value_or("-")});
    for (const std::string& key : parameters) row.push_back(value_of(model.parameters, key).value_or("-"));
    for (const std::string& name : finals) row.push_back(cell(value_of(m.final, name)));
    row.push_back(cell(percent, "{:.1f} %"));
    for (const MeasureSummary& measure : m.measures) row.push_back(cell(measure.value));
    row.push_back(fmt::format("{}", fmt::join(notes, ", ")));
    for (const SnapshotStability& s : model.stability) {
      for (auto& entry : with_prefix(m.name + ", ", s.findings)) found.push_back(std::move(entry));
    }
    if (!model.not_computed.empty()) missing.push_back(fmt::format("{}: {}", m.name, model.not_computed));
  }
  print_table(out, rows);
  fmt::print(out, "\n");
  for (const std::string& name : finals) fmt::print(out, "{}: after the last trial\n", name);
  fmt::print(out, "settled: trials that ended within 2 % of the steady state\n");
  if (!models.empty()) {
    for (const MeasureSummary& s : models[0].summary.measures) {
      fmt::print(out, "{}, {} over trials, {}: {}{}\n", s.measure->label, s.statistic(), s.measure->units,
                 s.measure->description,
                 s.measure->late_where_missing ? "; the median counts that as later than any other" : "");
    }
  }
  print_findings(out, found, "with the final weights, unstable or close to instability:");
  for (const std::string& text : missing) fmt::print(out, "\nstability of {}\n", text);
}

void print_model(std::ostream& out, const InspectedModel& model) {
  print_head(out, model);
  if (!model.quantities.empty()) {
    TextRows rows{{"quantity", "least", "median", "greatest", "last", "values", "missing", "units"}};
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
      fmt::print(out, "the trajectory was sampled only every {:g}, to bound the memory\n", t.interval);
    }
    if (!t.diverged.empty()) fmt::print(out, "diverged: {}\n", t.diverged);
    print_layers(out, t, TrialMeasure::Of::credit, "credit signal", "delta_");
    print_layers(out, t, TrialMeasure::Of::feedback, "feedback", "B_");
    for (const TrialInspection::Loop& loop : t.loops) print_loop(out, t, loop);
    print_findings(out, with_prefix("", t.findings));
  }
  print_stability(out, model);
  fmt::print(out, "\nas recorded\n");
  TextRows rows;
  for (const auto& [name, value] : model.trial->values) {
    rows.push_back({"  " + name, std::isnan(value) ? "-" : fmt::format("{:.10g}", value)});
  }
  print_table(out, rows);
  if (model.trial->record) {
    fmt::print(out, "  trajectory: record {} of /models/{}/trace\n", *model.trial->record, model.summary.name);
  } else {
    fmt::print(out, "  trajectory: not recorded (record.trials, record.every)\n");
  }
  if (!model.not_computed.empty()) fmt::print(out, "\nnot computed: {}\n", model.not_computed);
}

}  // namespace dynvert
