#pragma once

/// Datasets that several tables of the file have: axes over units, counters, what is known of each loop, weights.

#include <dynvert/analysis/trial/measures.hpp>
#include <dynvert/models/credit/credit.hpp>
#include <dynvert/sim/config/config.hpp>
#include <dynvert/sim/record/columns.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace dynvert {

/// The axis over the units of a layer, "unit_2": 0 .. units - 1.
[[nodiscard]] Axis layer_axis(std::size_t layer, std::size_t units);
/// The axis over the units of a population: that of its layer, or "unit_E" where it is of none.
[[nodiscard]] Axis unit_axis(const Population& population);

/// Role, layer and loop of a population, as its dataset has them.
[[nodiscard]] std::vector<Attribute> role_attributes(const Population& population);
/// The attribute `role` alone, of a dataset that is no population's.
[[nodiscard]] std::vector<Attribute> role_attribute(std::string role);
[[nodiscard]] Attribute number_attribute(std::string name, std::size_t value);

/// A dataset of integers over the row dimension alone.
[[nodiscard]] DatasetSpec counter(std::string name, std::string description);
/// The first dataset of a group that holds a state (Recorder::add_state); its values are the recorder's.
[[nodiscard]] DatasetSpec slot_dataset();
/// A dataset of flags: -1 and -2 where there is no answer. @param description  "whether ..."
[[nodiscard]] DatasetSpec converged_flag(std::string name, std::string description);

/// "angle_bp_1": the measure of layer, path or loop l; "angle_gradient_W2": of a matrix. @param of  "1", "W2"
[[nodiscard]] DatasetSpec measure_dataset(const TrialMeasure& measure, const std::string& of);
/// steps_l and converged_l of a loop
[[nodiscard]] DatasetSpec steps_dataset(std::size_t loop);
[[nodiscard]] DatasetSpec converged_dataset(std::size_t loop);

/// A matrix of a model in the file: W_l, b_l, B of a feedback path, another one of a described circuit, or what an
/// optimiser of it remembers.
struct WeightsDataset {
  enum class Of { forward, bias, feedback, others, memory };
  DatasetSpec spec;
  Of of = Of::forward;
  std::size_t number = 0;  ///< l, the number of the path, or the place in Network::others or ::memory

  [[nodiscard]] const arma::mat& matrix(const Network& network, const Feedback& feedback) const;
  [[nodiscard]] arma::mat& matrix(Network& network, Feedback& feedback) const;
};
/// All of them but memory, over the axes of the layers, or of populations that are of none.
[[nodiscard]] std::vector<WeightsDataset> weights_datasets(const Config& config, const ModelConfig& model);
/// What the model's optimisers remember.
[[nodiscard]] std::vector<WeightsDataset> memory_datasets(const Config& config, const ModelConfig& model);

/// The states that a described circuit carries from trial to trial: in the state of a model, units x columns.
struct CarriedDatasets {
  std::vector<DatasetSpec> datasets;  ///< by DescribedCircuit::carried()
  std::vector<Axis> axes;
  std::vector<arma::mat> nothing;  ///< before the first trial: NaN
};
[[nodiscard]] CarriedDatasets carried_datasets(const Config& config, const ModelConfig& model);

/// A snapshot of a model's weights.
struct WeightsRow {
  std::size_t trials_done;
  const Network& network;
  const Feedback& feedback;
};
/// /models/NAME/weights
[[nodiscard]] Table<WeightsRow> weights_table(const Config& config, const ModelConfig& model);

/// Row-major, as the file has it.
void append_row_major(std::vector<double>& to, const arma::mat& m);
void read_row_major(std::span<const double> from, arma::mat& to);

}  // namespace dynvert
