#pragma once

/// What `dynvert inspect` says of a file, as values. Tables and JSON are two ways to print them. Memory is bounded,
/// however long the file: columns are read in blocks.

#include <dynvert/analysis/trial/measures.hpp>
#include <dynvert/sim/inspect/column_statistics.hpp>
#include <dynvert/sim/inspect/recorded_model.hpp>
#include <dynvert/sim/trial/loop_stability.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dynvert {

/// A measure over all trials and layers, or loops, where it is defined. Absent: it was not recorded, or is nowhere.
struct MeasureSummary {
  const TrialMeasure* measure = nullptr;
  std::optional<double> value;
  std::optional<double> median;  ///< the same where that is the statistic

  [[nodiscard]] std::string_view statistic() const;  ///< "median", "largest"
  /// @param statistic  "median" or its own
  [[nodiscard]] std::string title(std::string_view statistic) const;  ///< "median angle to NDI over trials (degree)"
  /// it says of a loop that it was not stable in some trial
  [[nodiscard]] bool unstable() const;
};

/// A point of the grid of an experiment without learning, over its samples.
struct GridPoint {
  double alpha = 0;
  double ratio = 0;  ///< tau_u / tau_delta
  std::size_t samples = 0;
  std::optional<double> settled_fraction = std::nullopt;  ///< as of a model
  /// of those measures that have a summary and were recorded, over samples and loops; NaN: nowhere defined
  std::vector<std::pair<const TrialMeasure*, double>> medians = {};
};

/// One model of a file in one line. Of a grid of several points it has no measures: different points are not pooled.
/// Absent: the model does not have it.
struct ModelSummary {
  std::string name, credit, status;
  std::optional<std::string> solver, feedback;
  std::size_t trials = 0;
  std::size_t diverged_trials = 0;
  std::vector<std::pair<std::string, double>> final;  ///< what the last evaluation gave: losses, NSE, accuracies
  std::optional<double> final_loss;                   ///< of these, train_loss
  std::optional<double> final_nse;
  std::optional<double> settled_fraction;  ///< trials in which every loop ended within the settling band
  std::optional<std::size_t> restabilisations;
  std::vector<MeasureSummary> measures;  ///< those that have one, in the order of measures(), recorded or not
};

/// The distribution of one recorded quantity over the trials; NaN and the negative marks of flags do not count.
struct QuantitySummary {
  std::string name, units, description;
  ColumnStatistics values;
};

/// What was recorded of one trial.
struct TrialSummary {
  std::size_t trial = 0;
  std::vector<std::pair<std::string, double>> values;           ///< dataset of the model's rows and its value
  std::optional<std::size_t> record;                            ///< its number in /trace, if its trajectory was kept
  std::size_t evaluated = 0;                                    ///< trials done at the last evaluation before it
  std::vector<std::pair<std::string, double>> evaluation = {};  ///< losses and accuracies then
};

/// The loops of a model at rest, with the weights of a snapshot.
struct SnapshotStability {
  std::size_t snapshot = 0;  ///< trials done by then
  std::vector<LoopStability> loops;
  std::vector<Finding> findings;
};

/// The group whose rows are a model's trials: /models/NAME/learning, or /models/NAME/grid of an experiment without
/// learning. Empty: it has neither.
[[nodiscard]] std::string rows_of(const RunReader& file, const std::string& model);

/// For each model the keys of its configuration in which models differ, and its values. A key that only some
/// models have counts where they differ in it.
[[nodiscard]] std::map<std::string, std::vector<std::pair<std::string, std::string>>> differing_parameters(
    const Config& config);

[[nodiscard]] ModelSummary summarise(const RunReader& file, const std::string& model);
/// None: the model is not of an experiment without learning, or a user-defined circuit.
[[nodiscard]] std::vector<GridPoint> summarise_grid(const RunReader& file, const std::string& model);
[[nodiscard]] std::vector<QuantitySummary> summarise_quantities(const RunReader& file, const std::string& model);

/// Datasets of a group whose name is NAME_l, or NAME, as circuits without loops have it.
[[nodiscard]] std::vector<std::string> datasets_of(const RunReader& file, const std::string& group,
                                                   const std::string& name);
/// What a flag of convergence is where that is not defined (converged_flag).
inline constexpr double not_defined_flag = -3;
/// Of the values that are finite; NaN where more than half are not. @param late_where_missing  NaN is infinite, later
/// than any other
[[nodiscard]] double median_of(std::vector<double> values, bool late_where_missing);

/// @throws ValueError  a trial that was not recorded
[[nodiscard]] TrialSummary summarise_trial(const RunReader& file, const std::string& model, std::size_t trial);

/// At `most` snapshots, spread evenly, the last among them; one: the last alone. None: a model without loops.
/// @throws Error  weights that cannot be had, or are not finite
[[nodiscard]] std::vector<SnapshotStability> summarise_stability(const RunReader& file, RecordedModel& model,
                                                                 std::size_t most);

}  // namespace dynvert
