// dynvert inspect: tables for people.

#include <dynvert/sim/inspect/inspect_print.hpp>
#include <dynvert/sim/trial/measures.hpp>

#include <fmt/ostream.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <span>

namespace dynvert {

namespace {

using TextRows = std::vector<std::vector<std::string>>;

/// The same, in several tables where one would be wider than people have: each with the first column.
void print_wide_table(std::ostream& out, const TextRows& rows) {
  constexpr std::size_t widest = 120;
  const auto width_of = [&](std::size_t c) {
    std::size_t width = 0;
    for (const auto& row : rows) width = std::max(width, row[c].size());
    return width;
  };
  const std::size_t columns = rows.front().size();
  if (columns == 1) print_table(out, rows);
  for (std::size_t first = 1; first < columns;) {
    std::size_t width = width_of(0), end = first;
    while (end < columns && (end == first || width + 2 + width_of(end) <= widest)) width += 2 + width_of(end++);
    TextRows part;
    for (const auto& row : rows) {
      auto& to = part.emplace_back(std::vector{row[0]});
      to.insert(to.end(), row.begin() + static_cast<std::ptrdiff_t>(first),
                row.begin() + static_cast<std::ptrdiff_t>(end));
    }
    if (first > 1) fmt::print(out, "\n");
    print_table(out, part);
    first = end;
  }
}

/// Without the columns that have nothing but "-" below their heads.
TextRows without_empty_columns(const TextRows& rows) {
  TextRows kept(rows.size());
  for (std::size_t c = 0; c < rows.front().size(); ++c) {
    const auto empty = [&](const auto& row) { return row[c] == "-" || row[c].empty(); };
    if (c > 0 && rows.size() > 1 && std::all_of(rows.begin() + 1, rows.end(), empty)) continue;
    for (std::size_t r = 0; r < rows.size(); ++r) kept[r].push_back(rows[r][c]);
  }
  return kept;
}

std::string percent_of_band(double band) { return fmt::format("{:g} %", 100 * band); }

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
    // a circuit has the parameters that its file declares
    dynamics = config.description ? fmt::format(", {}", config.circuit) : fmt::format(", alpha {:g}", config.alpha);
    if (m.solver)
      dynamics +=
          fmt::format(", solver {}, dt {:g}, duration {:g}", *m.solver, config.dynamics.dt, config.dynamics.duration);
  } else if (m.solver) {
    dynamics = ", solver " + *m.solver;
  }
  fmt::print(out, "{}: {}{}{}, {} trials, {}\n", m.name, m.credit, m.feedback ? ", feedback " + *m.feedback : "",
             dynamics, m.trials, m.status);
}

/// "train_loss 0.02, train_accuracy 0.98"
std::string evaluation_text(const std::vector<std::pair<std::string, double>>& values) {
  std::vector<std::string> texts;
  for (const auto& [name, value] : values) texts.push_back(fmt::format("{} {}", name, cell(value)));
  return fmt::format("{}", fmt::join(texts, ", "));
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

/// @param band  within which the loop has settled
void print_loop(std::ostream& out, const TrialInspection& t, const TrialInspection::Loop& loop, double band) {
  const LoopStability& s = loop.stability;
  fmt::print(out, "\nloop {} ({}, alpha {:g}{})\n", s.loop, s.controller, s.alpha,
             s.linear ? "" : ", linearised where it ended");
  TextRows rows;
  const auto row = [&](const auto& measure, double value) {
    rows.push_back({"  " + measure.label, cell(value), measure.units == "1" ? "" : measure.units});
  };
  std::string settled = loop.no_steady_state ? "there is no unique steady state" : loop.converged ? "yes" : "no";
  if (!t.diverged.empty()) settled = "diverged";
  rows.push_back({fmt::format("  within {} of its steady state at the end", percent_of_band(band)), settled, ""});
  // what follows from the spectrum is in s, also where the trial diverged
  for (const auto& [measure, l, value] : t.measures) {
    if (measure->of == TrialMeasure::Of::loop && !measure->of_spectrum && l == s.loop) row(*measure, value);
  }
  for (std::size_t i = 0; i < s.values.size(); ++i) row(stability_measures()[i], s.values[i]);
  if (loop.smallest_singular_value)
    rows.push_back({"  smallest singular value of W", cell(*loop.smallest_singular_value), ""});
  print_table(out, rows);
  if (!loop.eigenvalues.empty())
    fmt::print(out, "  eigenvalues of W B, the slowest first: {}\n", eigenvalues_text(loop.eigenvalues));
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

using Median = std::pair<const TrialMeasure*, double>;

/// "2 %", or, where models differ, their key.
std::string band_text(const std::vector<InspectedModel>& models) {
  double band = default_settling_band;
  for (const InspectedModel& model : models) {
    if (!model.recorded) continue;
    const double own = model.recorded->config().dynamics.settling_band;
    if (&model != &models.front() && own != band) return "their settling_band";
    band = own;
  }
  return percent_of_band(band);
}

constexpr std::size_t most_points_in_overview = 60, most_points_of_model = 1000;

/// The points of the grids, a row each. @param most  points of all models
void print_grids(std::ostream& out, std::span<const InspectedModel> models, std::size_t most) {
  TextRows rows{{"model", "alpha", "tau_u/tau_delta", "samples", "settled"}};
  std::vector<const TrialMeasure*> columns;
  std::size_t points = 0;
  for (const InspectedModel& model : models) {
    points += model.grid.size();
    if (model.grid.empty()) continue;
    for (const auto& [measure, median] : model.grid.front().medians) {
      if (std::ranges::find(columns, measure) == columns.end()) columns.push_back(measure);
    }
  }
  if (points == 0) return;
  for (const TrialMeasure* measure : columns) rows[0].push_back(measure->label);
  rows[0].emplace_back("notes");
  for (const InspectedModel& model : models) {
    for (const GridPoint& point : model.grid) {
      if (rows.size() > most) break;
      std::optional<double> percent;
      if (point.settled_fraction) percent = 100 * *point.settled_fraction;
      auto& row = rows.emplace_back(std::vector{model.summary.name, cell(point.alpha), cell(point.ratio),
                                                fmt::format("{}", point.samples), cell(percent, "{:.1f} %")});
      for (const TrialMeasure* measure : columns) {
        const auto found = std::ranges::find(point.medians, measure, &Median::first);
        const double median = found == point.medians.end() ? std::nan("") : found->second;
        row.push_back(std::isinf(median) ? "infinite" : cell(median));
      }
      const auto unstable = [](const Median& of) {
        return of.first->unstable_above && of.second > *of.first->unstable_above;
      };
      row.emplace_back(std::ranges::any_of(point.medians, unstable) ? "unstable" : "");
    }
  }
  fmt::print(out, "\nAt each point of the grid, medians over its samples{}\n",
             rows.size() > points
                 ? ""
                 : fmt::format(" (the first {} of {} points; --model and --json show more)", most, points));
  print_wide_table(out, without_empty_columns(rows));
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
    for (const MeasureSummary& measure : models[0].summary.measures) {
      const bool two = measure.measure->summary == OverTrials::largest;
      rows[0].emplace_back(measure.measure->label + (two ? ", median" : ""));
      if (two) rows[0].emplace_back(measure.measure->label + ", largest");
    }
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
    for (const MeasureSummary& measure : m.measures) {
      if (measure.measure->summary == OverTrials::largest) row.push_back(cell(measure.median));
      row.push_back(cell(measure.value));
    }
    row.push_back(fmt::format("{}", fmt::join(notes, ", ")));
    for (const SnapshotStability& s : model.stability) {
      for (auto& entry : with_prefix(m.name + ", ", s.findings)) found.push_back(std::move(entry));
    }
    if (!model.not_computed.empty()) missing.push_back(fmt::format("{}: {}", m.name, model.not_computed));
  }
  print_wide_table(out, without_empty_columns(rows));
  fmt::print(out, "\n");
  for (const std::string& name : finals) fmt::print(out, "{}: after the last trial\n", name);
  const bool on_grid = std::ranges::any_of(models, [](const InspectedModel& m) { return !m.grid.empty(); });
  const auto has = [&](const auto& of) { return std::ranges::any_of(models, of); };
  if (on_grid || has([](const InspectedModel& m) { return m.summary.settled_fraction.has_value(); }))
    fmt::print(out, "settled: trials that ended within {} of the steady state\n", band_text(models));
  for (std::size_t i = 0; !models.empty() && i < models[0].summary.measures.size(); ++i) {
    const TrialMeasure& measure = *models[0].summary.measures[i].measure;
    const bool recorded = has([i](const InspectedModel& m) { return m.summary.measures[i].value.has_value(); });
    const bool in_grid = has([&](const InspectedModel& m) {
      return !m.grid.empty() && std::ranges::count(m.grid.front().medians, &measure, &Median::first) > 0;
    });
    if (!recorded && !in_grid) continue;
    const std::string_view statistic = in_grid                                  ? "median over samples"
                                       : measure.summary == OverTrials::largest ? "median and largest over trials"
                                                                                : "median over trials";
    fmt::print(out, "{}, {}, {}: {}{}\n", measure.label, statistic, measure.units, measure.description,
               measure.late_where_missing ? "; the median counts that as later than any other" : "");
  }
  print_grids(out, models, most_points_in_overview);
  print_findings(out, found, "with the final weights, unstable or close to instability:");
  for (const std::string& text : missing) fmt::print(out, "\nstability of {}\n", text);
}

void print_model(std::ostream& out, const InspectedModel& model) {
  print_head(out, model);
  if (!model.summary.final.empty()) fmt::print(out, "after the last trial: {}\n", evaluation_text(model.summary.final));
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
  print_grids(out, {&model, 1}, most_points_of_model);
  if (model.fixed_points) print_fixed_points(out, *model.fixed_points, model.summary.trials);
  print_stability(out, model);
  print_not_computed(out, model);
}

void print_trial(std::ostream& out, const InspectedModel& model) {
  print_head(out, model);
  fmt::print(out, "trial {}\n", model.trial->trial);
  if (!model.trial->evaluation.empty())
    fmt::print(out, "evaluated after {} trials: {}\n", model.trial->evaluated,
               evaluation_text(model.trial->evaluation));
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
    const double band = model.recorded ? model.recorded->config().dynamics.settling_band : default_settling_band;
    for (const TrialInspection::Loop& loop : t.loops) print_loop(out, t, loop, band);
    print_findings(out, with_prefix("", t.findings));
  }
  if (model.circuit) print_circuit_trial(out, *model.circuit, model.config->circuit.dynamics.settling_band);
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
