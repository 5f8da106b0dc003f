#include <dynvert/models/error.hpp>
#include <dynvert/sim/config/difference.hpp>
#include <dynvert/sim/inspect/inspect.hpp>
#include <dynvert/sim/trial/measures.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace dynvert {

namespace {

std::optional<double> finite(double value) { return std::isfinite(value) ? std::optional(value) : std::nullopt; }

template <typename T>
std::optional<T> attribute_as(const RunReader& file, const std::string& object, const std::string& name) {
  const auto value = file.attribute(object, name);
  if (!value || !std::holds_alternative<T>(*value)) return std::nullopt;
  return std::get<T>(*value);
}

std::optional<double> last_finite(const RunReader& file, const std::string& dataset) {
  if (!file.has(dataset)) return std::nullopt;
  const std::size_t rows = file.length(dataset);
  return rows == 0 ? std::nullopt : finite(file.value(dataset, rows - 1));
}

/// The part of the trials in which all flags are 1; nothing where they are not defined in any (converged_flag).
std::optional<double> fraction_of_ones(const RunReader& file, const std::vector<std::string>& flags,
                                       std::size_t trials) {
  constexpr std::size_t block = std::size_t{1} << 17;
  // a run that was cut short may have more rows of one dataset than of another
  for (const std::string& dataset : flags) trials = std::min(trials, file.length(dataset));
  if (trials == 0) return 0;
  std::size_t ones = 0, undefined = 0;
  for (std::size_t first = 0; first < trials; first += block) {
    std::vector<bool> all(std::min(block, trials - first), true), any_undefined(all.size(), false);
    for (const std::string& dataset : flags) {
      const auto values = file.rows(dataset, first, all.size()).values;
      for (std::size_t k = 0; k < all.size(); ++k) {
        all[k] = all[k] && values[k] == 1;
        any_undefined[k] = any_undefined[k] || values[k] == not_defined_flag;
      }
    }
    ones += static_cast<std::size_t>(std::ranges::count(all, true));
    undefined += static_cast<std::size_t>(std::ranges::count(any_undefined, true));
  }
  if (undefined == trials) return std::nullopt;
  return static_cast<double>(ones) / static_cast<double>(trials);
}

/// A string of TOML without its quotes.
std::string unquoted(const std::string& value) {
  const bool quoted = value.size() >= 2 && (value.front() == '\'' || value.front() == '"');
  return quoted ? value.substr(1, value.size() - 2) : value;
}

/// Losses, NSE and accuracies. @param row  of the evaluations; nothing: of each dataset the last
std::vector<std::pair<std::string, double>> evaluated(const RunReader& file, const std::string& eval,
                                                      std::optional<std::size_t> row = std::nullopt) {
  std::vector<std::pair<std::string, double>> values;
  if (!file.has(eval)) return values;
  for (const std::string& name : file.children(eval)) {
    // the row dimension itself is over nothing
    if (file.axes(eval + "/" + name) != std::vector<std::string>{"evaluation"}) continue;
    const auto value = row ? std::optional(file.value(eval + "/" + name, *row)) : last_finite(file, eval + "/" + name);
    values.emplace_back(name, value.value_or(std::numeric_limits<double>::quiet_NaN()));
  }
  return values;
}

/// @param pooled  all trials together; false: they are of different points, and each measure is without value
std::vector<MeasureSummary> summarise_measures(const RunReader& file, const std::string& rows, bool pooled) {
  std::vector<MeasureSummary> summaries;
  for (const TrialMeasure& measure : measures()) {
    if (measure.summary == OverTrials::nothing) continue;
    if (!pooled) {
      summaries.push_back({.measure = &measure, .value = std::nullopt, .median = std::nullopt});
      continue;
    }
    const auto missing = measure.late_where_missing ? MissingValue::infinite : MissingValue::left_out;
    const ColumnStatistics statistics =
        column_statistics(file, datasets_of(file, rows, measure.name), false, std::size_t{1} << 21, missing);
    summaries.push_back(
        {.measure = &measure,
         .value = finite(measure.summary == OverTrials::median ? statistics.median : statistics.greatest),
         .median = finite(statistics.median)});
  }
  return summaries;
}

/// Whether the trials are of more than one point of a grid.
bool has_several_points(const RunReader& file, const std::string& rows) {
  for (const char* name : {"alpha", "tau_u"}) {
    const std::string dataset = fmt::format("{}/{}", rows, name);
    if (rows.empty() || !file.has(dataset) || file.length(dataset) == 0) continue;
    const ColumnStatistics values = column_statistics(file, {&dataset, 1});
    if (values.least != values.greatest) return true;
  }
  return false;
}

/// Whether a dataset has one number for each of the model's trials.
bool is_quantity(const RunReader& file, const std::string& dataset) {
  return file.axes(dataset) == std::vector<std::string>{"trial"};
}

}  // namespace

std::vector<std::string> datasets_of(const RunReader& file, const std::string& group, const std::string& name) {
  std::vector<std::string> found;
  if (group.empty()) return found;
  for (const std::string& child : file.children(group)) {
    if (child == name) found.push_back(group + "/" + child);
    if (!child.starts_with(name + "_")) continue;
    const std::string layer = child.substr(name.size() + 1);
    if (!layer.empty() && std::ranges::all_of(layer, [](unsigned char c) { return std::isdigit(c) != 0; }))
      found.push_back(group + "/" + child);
  }
  return found;
}

std::string_view MeasureSummary::statistic() const {
  return measure->summary == OverTrials::median ? "median" : "largest";
}

std::string MeasureSummary::title(std::string_view of) const {
  return fmt::format("{} {} over trials{}", of, measure->label,
                     measure->units == "1" ? std::string() : fmt::format(" ({})", measure->units));
}

bool MeasureSummary::unstable() const { return value && measure->unstable_above && *value > *measure->unstable_above; }

std::string rows_of(const RunReader& file, const std::string& model) {
  for (const auto* group : {"learning", "grid"}) {
    const std::string path = fmt::format("/models/{}/{}", model, group);
    if (file.has(path + "/trial")) return path;
  }
  return {};
}

std::map<std::string, std::vector<std::pair<std::string, std::string>>> differing_parameters(const Config& config) {
  // what a column of its own shows, and what is too long for one
  static constexpr std::array<std::string_view, 4> shown{"name", "credit", "solver", "circuit_text"};
  std::map<std::string, std::map<std::string, std::string>> by_key;  // then by model
  for (const auto& [key, value] : config_values(config.resolved)) {
    for (const ModelConfig& model : config.models) {
      const std::string prefix = fmt::format("model.{}.", model.name);
      if (key.starts_with(prefix)) by_key[key.substr(prefix.size())][model.name] = value;
    }
  }
  std::map<std::string, std::vector<std::pair<std::string, std::string>>> differing;
  for (const auto& [key, values] : by_key) {
    const auto same = [&, first = values.begin()->second](const auto& v) { return v.second == first; };
    if (std::ranges::find(shown, key) != shown.end() || std::ranges::all_of(values, same)) continue;
    for (const auto& [model, value] : values) differing[model].emplace_back(key, unquoted(value));
  }
  return differing;
}

ModelSummary summarise(const RunReader& file, const std::string& model) {
  const std::string path = fmt::format("/models/{}", model);
  const std::string rows = rows_of(file, model);
  ModelSummary summary{.name = model,
                       .credit = attribute_as<std::string>(file, path, "credit").value_or("circuit"),
                       .status = attribute_as<std::string>(file, path, "status").value_or("?"),
                       .solver = attribute_as<std::string>(file, path, "solver"),
                       .feedback = attribute_as<std::string>(file, path, "feedback"),
                       .final = evaluated(file, path + "/eval"),
                       .final_loss = last_finite(file, path + "/eval/train_loss"),
                       .final_nse = last_finite(file, path + "/eval/nse"),
                       .settled_fraction = std::nullopt,
                       .restabilisations = std::nullopt,
                       .measures = summarise_measures(file, rows, !has_several_points(file, rows))};
  if (!rows.empty()) {
    summary.trials = file.length(rows + "/trial");
  } else if (file.has(path + "/trace/trial")) {
    summary.trials = file.length(path + "/trace/trial");
  }
  summary.diverged_trials =
      static_cast<std::size_t>(attribute_as<std::int64_t>(file, path, "diverged_trials").value_or(0));

  const auto loops = datasets_of(file, rows, "converged");
  if (!loops.empty() && summary.trials > 0 && !has_several_points(file, rows))
    summary.settled_fraction = fraction_of_ones(file, loops, summary.trials);
  if (const auto events = datasets_of(file, rows, "restabilised"); !events.empty()) {
    std::size_t count = 0;
    for_each_block(file, events, [&](std::span<const double> flags) {
      count += static_cast<std::size_t>(std::ranges::count(flags, 1.0));
    });
    summary.restabilisations = count;
  }
  return summary;
}

std::vector<QuantitySummary> summarise_quantities(const RunReader& file, const std::string& model) {
  std::vector<QuantitySummary> quantities;
  const std::string rows = rows_of(file, model);
  if (rows.empty()) return quantities;
  for (const std::string& name : file.children(rows)) {
    const std::string dataset = rows + "/" + name;
    if (!is_quantity(file, dataset)) continue;
    const bool flag = file.attribute(dataset, "legend").has_value();
    quantities.push_back({.name = name,
                          .units = attribute_as<std::string>(file, dataset, "units").value_or(""),
                          .description = attribute_as<std::string>(file, dataset, "long_name").value_or(""),
                          .values = column_statistics(file, {&dataset, 1}, flag)});
  }
  return quantities;
}

TrialSummary summarise_trial(const RunReader& file, const std::string& model, std::size_t trial) {
  TrialSummary summary;
  summary.trial = trial;
  const std::string records = fmt::format("/models/{}/trace/trial", model);
  if (file.has(records)) {
    const auto recorded = file.column(records);
    const auto found = std::ranges::find(recorded, static_cast<double>(trial));
    if (found != recorded.end()) summary.record = static_cast<std::size_t>(found - recorded.begin());
  }
  const std::string rows = rows_of(file, model);
  const std::size_t trials = rows.empty() ? 0 : file.length(rows + "/trial");
  if (trial >= trials && !summary.record) {
    throw ValueError(fmt::format("--trial {}", trial), fmt::format("model {} has no such trial", model),
                     trials > 0 ? fmt::format("0 to {}", trials - 1) : std::string("nothing: the file holds no trial"));
  }
  if (trial >= trials) return summary;
  const std::string eval = fmt::format("/models/{}/eval", model);
  if (file.has(eval + "/evaluation")) {
    const auto done = file.column(eval + "/evaluation");
    const auto after = std::ranges::upper_bound(done, static_cast<double>(trial));
    if (after != done.begin()) {
      summary.evaluated = static_cast<std::size_t>(*(after - 1));
      summary.evaluation = evaluated(file, eval, static_cast<std::size_t>(after - done.begin()) - 1);
    }
  }
  for (const std::string& name : file.children(rows)) {
    if (!is_quantity(file, rows + "/" + name)) continue;
    summary.values.emplace_back(name, file.value(rows + "/" + name, trial));
  }
  return summary;
}

std::vector<SnapshotStability> summarise_stability(const RunReader& file, RecordedModel& model, std::size_t most) {
  std::vector<SnapshotStability> result;
  const auto has_loops = [](const Stage& stage) { return !stage.loops.empty(); };
  if (std::ranges::none_of(model.stages(), has_loops)) return result;
  const std::string dataset = fmt::format("/models/{}/weights/snapshot", model.name());
  const auto snapshots = file.column(dataset);
  const std::size_t count = std::min(most, snapshots.size());
  for (std::size_t k = 0; k < count; ++k) {
    const std::size_t row = count == 1 ? snapshots.size() - 1 : k * (snapshots.size() - 1) / (count - 1);
    const RecordedModel::Snapshot snapshot{.row = row, .trials = trial_number(file, dataset, snapshots[row])};
    model.load(snapshot);
    SnapshotStability& s = result.emplace_back();
    s.snapshot = snapshot.trials;
    s.loops = loops_at_rest(model.stages(), model.network(), model.feedback());
    for (const LoopStability& loop : s.loops) {
      auto found = findings(loop, model.config().dynamics);
      std::ranges::move(found, std::back_inserter(s.findings));
    }
  }
  return result;
}

}  // namespace dynvert
