#pragma once

/// What is measured of each trial, by name. A new measure is one function here, one line in the list of
/// trial_measures.cpp.

#include <dynvert/analysis/trajectory.hpp>
#include <dynvert/models/credit.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dynvert {

/// One loop as the trial left it.
struct LoopResult {
  const Loop* loop = nullptr;
  RightHandSide* f = nullptr;                     ///< with the trial's weights and inputs
  const State* x = nullptr;                       ///< the state at the end
  const Trajectory* trajectory = nullptr;         ///< nullptr: none was asked for, or the loop has none (fixed_point)
  std::optional<double> abscissa = std::nullopt;  ///< the spectral abscissa, where it is known already
};

/// A trial after its credit signals are known and before the weights change. The references that measures share (steady
/// state, backprop, pseudo-backprop) are computed when first asked for.
class TrialView {
 public:
  TrialView(const Network& network, const Feedback& feedback, const Activity& activity, const Credit& credit,
            std::span<const LoopResult> loops)
      : network_(network), feedback_(feedback), activity_(activity), credit_(credit), loops_(loops) {}

  [[nodiscard]] const Network& network() const { return network_; }
  [[nodiscard]] const Feedback& feedback() const { return feedback_; }
  [[nodiscard]] const Credit& credit() const { return credit_; }
  /// the loop that inverts W_l. Loops are few: found by search.
  [[nodiscard]] const LoopResult& loop(std::size_t l) const;

  /// delta of backpropagation and of pseudo-backpropagation for the same weights and error
  [[nodiscard]] const Credit& backprop() const;
  [[nodiscard]] const Credit& pseudo_backprop() const;
  /// delta where every loop has settled, each loop driven by the settled credit of the one above (NDI)
  [[nodiscard]] const Credit& steady() const;
  /// steady state of the loop that inverts W_l, driven as the trial drove it
  [[nodiscard]] const State& steady_state(std::size_t l) const;

 private:
  const Network& network_;
  const Feedback& feedback_;
  const Activity& activity_;
  const Credit& credit_;
  std::span<const LoopResult> loops_;
  mutable std::optional<Credit> backprop_, pseudo_backprop_, steady_;
  mutable std::vector<std::pair<std::size_t, State>> steady_states_;
};

/// A quantity per trial, for each hidden layer's credit signal, each feedback matrix, or each loop.
struct TrialMeasure {
  enum class Of {
    credit,    ///< the credit signal of layer l, l = 1..L-1, of every model
    feedback,  ///< B_l, l = 2..L, of models with feedback
    loop       ///< the loop that inverts W_l, of models with loops
  };
  std::string_view name;  ///< the dataset is NAME_l
  std::string_view units;
  std::string_view description;
  Of of = Of::credit;
  bool needs_loops = false;       ///< a measure of the credit that only models with loops have (angle_ndi)
  bool needs_trajectory = false;  ///< absent where the solver gives no trajectory (fixed_point)
  std::function<double(const TrialView&, std::size_t l)> value = nullptr;
};

[[nodiscard]] std::span<const TrialMeasure> trial_measures();

/// Whether the loop of l ended within settling_band of its steady state (see measures.hpp).
[[nodiscard]] bool converged(const TrialView& trial, std::size_t l);

}  // namespace dynvert
