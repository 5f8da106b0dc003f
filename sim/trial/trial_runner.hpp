#pragma once

/// Runs one trial: the forward pass, then the algebraic rule or the stages of a model of credit assignment, each
/// through its phases. A trial has one column or a batch of them. What goes wrong is reported as data: whoever runs
/// trials decides what follows. Learning, experiments without learning and the inspection of files all run their trials
/// here.
///
/// | columns | what a column is                         | when one diverges                                      |
/// |---------|------------------------------------------|--------------------------------------------------------|
/// | samples | a sample of the one trial                | the trial has failed                                   |
/// | trials  | a trial, numbered from that of the first | the others continue; the batch ends when all have done |

#include <dynvert/models/error.hpp>
#include <dynvert/sim/trial/stage_runner.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dynvert {

/// Where, when and how a trial failed.
struct TrialFailure {
  std::string where;  ///< "loop 2", "forward pass"
  std::string what;   ///< the population that diverged, or the values that are not finite
  double time = 0;
  Fault fault = Fault::diverged;
  std::optional<NumericalError> cause = std::nullopt;  ///< another numerical failure than divergence
};
/// "trial 3, loop 2: u_2 diverged at time 17.5"
[[nodiscard]] std::string describe(std::size_t trial, const TrialFailure& failure);

/// What belongs to one run of a trial.
struct TrialCall {
  std::size_t trial = 0;  ///< its number; where columns are trials, that of the first
  const Network& network;
  const Feedback& feedback;
  bool learns = true;               ///< weights that move within the trial do so
  std::optional<double> keep = {};  ///< time between the samples of the trajectories; nothing: none are kept
  std::size_t order = 1;            ///< of the solver, for averages over time
  std::uint64_t path = 0;           ///< of white noise: number of the first column's, the others' follow
  bool evaluates = false;           ///< an evaluation, of samples from that of this number on
  std::size_t first_sample = 0;
  std::function<void(std::size_t stage)> prepare = nullptr;  ///< before a stage runs, when it has weights and columns
};

class TrialRunner {
 public:
  enum class Columns { samples, trials };
  /// The rule of an algebraic model (CreditModel::assign).
  using Assign = std::function<void(const Network&, const Feedback&, const Activity&, Credit&)>;
  /// What a described circuit begins a trial with (DescribedCircuit::start).
  using Start = std::function<void(const TrialCall&, Activity&, Credit&)>;

  /// @param assign  nullptr: the model has stages, or there is no model
  /// @param solver  of the stages; nullptr where there are none
  TrialRunner(std::vector<StagePlan> stages, Assign assign, std::unique_ptr<Solver> solver, Columns columns);
  /// Of white noise.
  void set_seed(std::uint64_t seed) { seed_ = seed; }
  void set_start(Start start) { start_ = std::move(start); }
  /// For stages that end when they have settled.
  void set_settling_solver(std::unique_ptr<Solver> solver) { settling_ = std::move(solver); }

  /// The forward pass is a stage, or part of one.
  [[nodiscard]] bool forward_moves() const noexcept { return forward_moves_; }

  /// What the next trial shows: x n_0 x batch, t n_L x batch. Runs the forward pass where that takes no time.
  /// @param block  open, or nullptr: the first layer's input currents are its
  void show(const Network& network, const arma::mat& x, const arma::mat& t, const OnlineBlock* block);
  /// The same where activity and credit so far are known.
  void show(Activity activity, Credit credit);

  /// Runs what was shown. @return nothing: the trial is complete (columns that are trials: see diverged)
  [[nodiscard]] std::optional<TrialFailure> run(const TrialCall& call);
  /// Runs the stages that the trial has run once more, the same way, for their trajectories.
  void run_again(const TrialCall& call);
  /// The first divergence of a column.
  [[nodiscard]] std::optional<TrialFailure> diverged(std::size_t column) const;

  [[nodiscard]] const Activity& activity() const noexcept { return activity_; }
  [[nodiscard]] const Credit& credit() const noexcept { return credit_; }
  /// for what clips it before weights change
  [[nodiscard]] Credit& credit() noexcept { return credit_; }
  [[nodiscard]] std::size_t stages() const noexcept { return stages_.size(); }
  [[nodiscard]] StageRunner& stage(std::size_t i) { return stages_[i]; }
  [[nodiscard]] const StageRunner& stage(std::size_t i) const { return stages_[i]; }
  /// for a record of the trace
  [[nodiscard]] std::vector<const StageRunner*> stage_list() const;
  /// what measures look at, by stage
  [[nodiscard]] std::vector<StageResult> results(bool with_trajectories);

 private:
  [[nodiscard]] Solver& solver_of(const StageRunner& stage);
  void start_stage(std::size_t i, const TrialCall& call);
  [[nodiscard]] std::optional<TrialFailure> run_stages(const TrialCall& call);
  [[nodiscard]] std::optional<TrialFailure> check_shown() const;

  std::vector<StageRunner> stages_;
  Assign assign_;
  Start start_ = nullptr;
  std::unique_ptr<Solver> solver_, settling_;
  Columns columns_;
  std::uint64_t seed_ = 0;
  bool forward_moves_ = false;
  Activity activity_;
  Credit credit_;
};

}  // namespace dynvert
