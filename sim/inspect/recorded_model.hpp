#pragma once

/// A model of a file, set up again: the circuits that its configuration says, with the weights of a snapshot.

#include <dynvert/models/credit/credit.hpp>
#include <dynvert/models/network/network.hpp>
#include <dynvert/models/program/described_circuit.hpp>
#include <dynvert/sim/config/config.hpp>
#include <dynvert/sim/record/run_reader.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace dynvert {

/// The configuration that a file holds. @throws ConfigError  one that this program cannot read; IoError  none
[[nodiscard]] Config recorded_config(const RunReader& file);

/// A number of trials, or of one, as it stands in a file. @throws IoError for what is none
[[nodiscard]] std::size_t trial_number(const RunReader& file, const std::string& dataset, double value);

class RecordedModel {
 public:
  struct Snapshot {
    std::size_t row = 0;     ///< in /weights
    std::size_t trials = 0;  ///< trials done by then: the weights are those that trial number `trials` began with
    bool exact = false;      ///< they are those of the trial that was asked for
  };

  /// @param config  of the file, outlives this. @throws ValueError  it has no such model; IoError  no snapshots
  RecordedModel(const RunReader& file, const Config& config, const std::string& name);

  [[nodiscard]] const Config& experiment() const noexcept { return *config_; }
  [[nodiscard]] const ModelConfig& config() const noexcept { return *model_; }
  [[nodiscard]] const std::string& name() const noexcept { return model_->name; }
  /// of a trial, in their order; none: an algebraic rule
  [[nodiscard]] std::span<const Stage> stages() const noexcept { return stages_; }
  [[nodiscard]] std::span<const FeedbackPath> paths() const noexcept { return paths_; }

  /// The last snapshot that was taken before a trial changed the weights. Without learning there is one for all.
  [[nodiscard]] Snapshot before(std::size_t trial) const;

  /// Takes the weights of a snapshot. @throws IoError where the file does not have them as the configuration says
  void load(const Snapshot& snapshot);
  [[nodiscard]] const Network& network() const noexcept { return network_; }
  [[nodiscard]] const Feedback& feedback() const noexcept { return feedback_; }

  /// Rates for what a trial showed (of a batch its first sample), by the loaded weights.
  /// @return nothing where the data are not in the file
  [[nodiscard]] std::optional<Activity> activity(std::size_t trial) const;
  /// Rates for an input and a target of a trial, by the loaded weights.
  [[nodiscard]] Activity activity_of(std::size_t trial, arma::mat x, arma::mat t) const;

  /// Gives the controllers of a stage, of one column, the leak and the time constant that they had in a trial: at its
  /// point of the grid, where the trials have one each. @return whether they have
  bool set_parameters(std::size_t trial, const Stage& stage, RightHandSide& f) const;

 private:
  /// @throws ValueError  a trial begins with what was carried over to it
  void refuse_carried_states() const;
  [[nodiscard]] arma::mat matrix(const std::string& name, std::size_t row, std::size_t rows, std::size_t columns) const;

  const RunReader& file_;
  const Config* config_;
  const ModelConfig* model_;
  bool learns_;
  Network network_;
  Feedback feedback_;
  std::vector<FeedbackPath> paths_;
  std::vector<Stage> stages_;
  std::shared_ptr<const DescribedCircuit> circuit_;
  std::vector<double> snapshots_;
  std::optional<std::size_t> loaded_;
};

}  // namespace dynvert
