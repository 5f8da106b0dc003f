#pragma once

/// What is measured of each trial, by name. A new measure is a function that returns its TrialMeasure, and one line in
/// registry.cpp.

#include <dynvert/analysis/linearised_loop.hpp>
#include <dynvert/analysis/loop_measure.hpp>
#include <dynvert/analysis/trajectory.hpp>
#include <dynvert/models/credit/credit.hpp>

#include <functional>
#include <list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dynvert {

/// One stage as the trial left it.
struct StageResult {
  const Stage* stage = nullptr;
  RightHandSide* f =
      nullptr;               ///< with the trial's weights, fixed, and the inputs of the phase in which credit was read
  const State* x = nullptr;  ///< the state then, of f's layout
  Phase phase = {};          ///< that phase
  const Trajectory* trajectory = nullptr;         ///< nullptr: none was asked for, or there is none (fixed_point)
  std::optional<double> abscissa = std::nullopt;  ///< the spectral abscissa of its only loop, where it is known already
};

/// A loop and the stage that it is in.
struct LoopView {
  const StageResult* result = nullptr;
  const ControlLoop* loop = nullptr;
};

/// What a trial changes, matrix by matrix, for measures that compare it: by number of the matrix, in the order in which
/// the model's matrices learn. Each is computed when it is first asked for. An empty matrix: there is none in this
/// trial.
struct TrialLearning {
  double eta = 0;  ///< learning.rate
  /// the change of each matrix by its rules, before decay
  std::function<std::vector<arma::mat>()> changes = nullptr;
  /// dE/dM of the readout's loss, summed over the batch (docs/mathematics.md)
  std::function<std::vector<arma::mat>()> gradient = nullptr;
  /// direction of the Gauss-Newton step of minimum norm, d h'
  std::function<std::vector<arma::mat>()> gauss_newton = nullptr;
};

/// A trial after its credit signals are known and before the weights change. The references that measures share (steady
/// state, spectra, backprop, pseudo-backprop) are computed when first asked for.
class TrialView {
 public:
  TrialView(const Network& network, std::span<const FeedbackPath> paths, const Feedback& feedback,
            const Activity& activity, const Credit& credit, std::span<const StageResult> stages,
            const TrialLearning* learning = nullptr)
      : network_(network),
        paths_(paths),
        feedback_(feedback),
        activity_(activity),
        credit_(credit),
        stages_(stages),
        learning_(learning) {}

  [[nodiscard]] const Network& network() const { return network_; }
  [[nodiscard]] const Feedback& feedback() const { return feedback_; }
  [[nodiscard]] const Credit& credit() const { return credit_; }
  /// the loop of number l, the path of number l. Loops are few: found by search.
  [[nodiscard]] LoopView loop(std::size_t l) const;
  [[nodiscard]] const FeedbackPath& path(std::size_t l) const;

  /// delta of backpropagation and of pseudo-backpropagation for the same weights and error
  [[nodiscard]] const Credit& backprop() const;
  [[nodiscard]] const Credit& pseudo_backprop() const;
  /// delta where everything has settled, each stage driven by the settled ones before it (NDI)
  [[nodiscard]] const Credit& steady() const;
  /// What the trial would change, and what it is compared with. Only of trials that learn.
  [[nodiscard]] double eta() const { return learning_->eta; }
  [[nodiscard]] const arma::mat& change(std::size_t matrix) const;
  [[nodiscard]] const arma::mat& gradient(std::size_t matrix) const;
  [[nodiscard]] const arma::mat& gauss_newton(std::size_t matrix) const;
  /// steady state of the stage of a loop, driven as the trial drove it
  [[nodiscard]] const State& steady_state(const StageResult& stage) const;
  /// A loop at the state where credit was read, of the first column: a linear loop's is the same for all.
  [[nodiscard]] const LinearisedLoop& linearised(std::size_t l) const;

 private:
  const Network& network_;
  std::span<const FeedbackPath> paths_;
  const Feedback& feedback_;
  const Activity& activity_;
  const Credit& credit_;
  std::span<const StageResult> stages_;
  const TrialLearning* learning_;
  mutable std::optional<Credit> backprop_, pseudo_backprop_, steady_;
  mutable std::optional<std::vector<arma::mat>> changes_, gradient_, gauss_newton_;
  mutable std::vector<std::pair<const Stage*, State>> steady_states_;
  mutable std::list<LinearisedLoop> linearised_;  // references stay
};

/// A quantity per trial, for each hidden layer's credit signal, each feedback matrix, each matrix that learns, or each
/// loop.
struct TrialMeasure {
  enum class Of {
    credit,    ///< the credit signal of layer l, l = 1..L-1, of every model
    feedback,  ///< each feedback matrix, of models with feedback
    matrix,    ///< each matrix that learns, of every model that does; the dataset is NAME_W2
    loop       ///< each control loop, of models with loops
  };
  std::string name;         ///< the dataset is NAME_l
  std::string label;        ///< heading of a table
  std::string units;        ///< "1": none
  std::string description;  ///< one line
  Of of = Of::credit;
  bool needs_loops = false;       ///< a measure of the credit that only models with loops have (angle_ndi)
  bool needs_network = false;     ///< of a matrix: the loss is that of the network's own forward pass
  bool needs_trajectory = false;  ///< absent where the solver gives no trajectory (fixed_point)
  bool of_spectrum = false;       ///< of a linear loop it follows from the weights: known where a trial diverged, too
  OverTrials summary = OverTrials::nothing;
  bool late_where_missing = false;  ///< a time: where there is none (NaN) a summary takes it as later than any other
  std::optional<double> unstable_above = std::nullopt;  ///< a loop whose value is above this is not stable
  /// The value is a time in the trial, and a plot of the transient marks it with this word; empty: it is not.
  std::string mark = {};
  std::function<double(const TrialView&, std::size_t l)> value = nullptr;
};

/// Residual of loop l, |W f(delta) - alpha u - s| / |s| = |tau_u du/dt| / |s|, at the state of the view.
[[nodiscard]] double loop_residual(const TrialView& trial, std::size_t l);

/// Whether the read-outs of loop l were within the settling band of their steady state.
[[nodiscard]] bool converged(const TrialView& trial, std::size_t l);

}  // namespace dynvert
