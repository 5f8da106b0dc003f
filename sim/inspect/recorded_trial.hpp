#pragma once

/// One recorded trial of a file: the residual of its loops against time, and their spectrum.
///
/// The residual of a loop is  |W f(delta) - alpha u - s| / |s| = |tau_u du/dt| / |s|, in either of two ways:
///
/// | way         | du/dt                                          | where                                            |
/// |-------------|------------------------------------------------|--------------------------------------------------|
/// | weights     | of the circuit's right-hand side, at the state | the weights of that very trial are in the file   |
/// | differences | finite differences of the recorded u           | elsewhere: older weights would give another loop |
///
/// The differences are central and of fourth order in the interval between the samples, of second order next to the
/// ends and to the switches of stimulus and target. The spectrum is that of the weights of the last snapshot before the
/// trial, at the state in which credit was read.

#include <dynvert/sim/inspect/recorded_model.hpp>
#include <dynvert/sim/trial/loop_stability.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace dynvert {

class RecordedTrial {
 public:
  enum class Way { weights, differences };

  struct Spectrum {
    RecordedModel::Snapshot snapshot;
    bool of_trial = false;     ///< depends on the trial: on its state (the loop is not linear) or on its parameters
    arma::cx_vec eigenvalues;  ///< 1/time
    LoopStability stability;   ///< at the same place
  };

  /// @param model   of the same file; loads the snapshot before the trial into it
  /// @param record  row of /trace
  RecordedTrial(const RunReader& file, RecordedModel& model, std::size_t record);

  [[nodiscard]] std::size_t trial() const noexcept { return trial_; }
  [[nodiscard]] const RecordedModel::Snapshot& snapshot() const noexcept { return snapshot_; }

  /// @param loop  number of a loop of the model
  /// @param to    called with each sample's time and residual, in order; NaN where there is none: after the end of a
  ///              trial that ended early, and while the target is off
  /// @throws ValueError  the file does not hold what it takes, with the reason
  Way residual(std::size_t loop, const std::function<void(double time, double value)>& to) const;

  /// @throws ValueError as residual(); NumericalError  weights that are not finite
  [[nodiscard]] Spectrum spectrum(std::size_t loop) const;

 private:
  struct Place {
    const Stage& stage;
    const ControlLoop& loop;
  };
  [[nodiscard]] Place find(std::size_t loop) const;
  void take_activity();
  void take_signals();
  void require_activity(const Stage& stage) const;
  void by_weights(const Place& place, const std::function<void(double, double)>& to) const;
  void by_differences(const Place& place, RightHandSide& f, const std::function<void(double, double)>& to) const;
  /// The error that drives the loop at the output, where it moves of itself; nullptr: it does not.
  [[nodiscard]] std::function<arma::vec(std::size_t sample)> error_reader(const Place& place) const;
  [[nodiscard]] std::function<double(std::size_t sample)> signal_norm(const Place& place, RightHandSide& f) const;

  const RunReader& file_;
  RecordedModel& model_;
  std::string group_;  // "/models/DI/trace"
  std::size_t record_, trial_;
  RecordedModel::Snapshot snapshot_;
  Activity activity_;
  bool has_activity_ = false;
  Credit credit_;
};

}  // namespace dynvert
