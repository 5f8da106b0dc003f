#pragma once

/// What `dynvert inspect` says of a file, as values. Tables and JSON are two ways to print them.

#include <dynvert/sim/run_reader.hpp>

#include <optional>
#include <string>
#include <vector>

namespace dynvert {

/// One model of a file in one line. Absent: the model does not have it.
struct ModelSummary {
  std::string name, credit, status;
  std::optional<std::string> solver, feedback;
  std::size_t trials = 0;
  std::size_t diverged_trials = 0;
  std::optional<double> final_loss;  ///< train_loss at the last evaluation
  std::optional<double> final_nse;
  std::optional<double> settled_fraction;      ///< trials in which every loop ended within 2 % of its steady state
  std::optional<double> median_settling_time;  ///< over the trials that settled, all loops
  std::optional<double> median_angle_ndi;      ///< degrees, over trials and layers
  std::optional<double> largest_abscissa;      ///< spectral abscissa, over trials and loops
  std::optional<std::size_t> restabilisations;
};

/// The distribution of one recorded quantity over the trials; NaN and the negative marks of flags do not count.
struct QuantitySummary {
  std::string name, units, description;
  std::size_t count = 0;    ///< values that count
  std::size_t missing = 0;  ///< those that do not
  double least = 0, median = 0, greatest = 0, last = 0;
};

/// What was recorded of one trial.
struct TrialSummary {
  std::size_t trial = 0;
  std::vector<std::pair<std::string, double>> values;  ///< dataset of /learning and its value
  std::optional<std::size_t> record;                   ///< its number in /trace, if its trajectory was kept
};

[[nodiscard]] ModelSummary summarise(const RunReader& file, const std::string& model);
[[nodiscard]] std::vector<QuantitySummary> summarise_quantities(const RunReader& file, const std::string& model);
/// @throws ValueError  a trial that was not recorded
[[nodiscard]] TrialSummary summarise_trial(const RunReader& file, const std::string& model, std::size_t trial);

}  // namespace dynvert
