#pragma once

/// One model of an experiment: its network, its feedback, its loops, and the rows that it has recorded since the last
/// commit. Models share nothing but the data, so that each can run on a thread of its own.

#include <dynvert/analysis/trial/measures.hpp>
#include <dynvert/models/credit/credit.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/sim/config/config.hpp>
#include <dynvert/sim/record/table.hpp>
#include <dynvert/sim/solvers/solver.hpp>
#include <dynvert/sim/trial/loss.hpp>
#include <dynvert/sim/trial/stage_runner.hpp>
#include <dynvert/sim/trial/trace.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace dynvert {

/// The groups of one model in the file, in this order. No trace: its spec has no datasets.
struct ModelGroups {
  GroupSpec learning, eval, weights, trace;
  GroupSpec state;  ///< what ModelTrainer::state makes a row of
};

/// What the model will record; computed without running or drawing anything.
[[nodiscard]] ModelGroups model_groups(const Config& config, const ModelConfig& model);

/// The group of a model's weights: W, b and the feedback.
[[nodiscard]] GroupSpec weights_group(const Config& config, const ModelConfig& model);
/// Its values, from dataset number 1 on.
void append_weights(const Network& network, std::span<const FeedbackPath> paths, const Feedback& feedback, Rows& row);
[[nodiscard]] SolverSettings solver_settings(const DynamicsConfig& dynamics);

/// The parts of it that the engine needs as well.
[[nodiscard]] LoopParameters loop_parameters(const Config& config, const ModelConfig& model);
/// The network of the configuration with zero weights.
[[nodiscard]] Network empty_network(const Config& config);
/// The stages of a trial of the model, a dynamic forward pass among them; none for algebraic rules.
[[nodiscard]] std::vector<Stage> model_stages(const ModelConfig& model, const Network& network,
                                              const LoopParameters& parameters);
/// The phases of a stage, without gaps.
[[nodiscard]] std::vector<Phase> stage_phases(const Stage& stage, const DynamicsConfig& dynamics);
[[nodiscard]] TraceSettings trace_settings(const Config& config, const ModelConfig& model);
/// the columns that measures fill, in the order of the learning group
[[nodiscard]] std::vector<std::pair<const TrialMeasure*, std::size_t>> measure_columns(const Config& config,
                                                                                       const ModelConfig& model);

/// Threads that a model may use by itself, for the columns of batches and of evaluations: where there are more than
/// models.
[[nodiscard]] std::size_t threads_of_model(const Config& config);

/// What takes the place of plain forms in a model's trials.
struct AcceleratedForms {
  std::string text;        ///< "learns in blocks of 64 trials; loop 2 as 10 units, all steps at once"; empty: none
  std::size_t values = 0;  ///< numbers that loops in such a form keep in memory
};
[[nodiscard]] AcceleratedForms accelerated_forms(const Config& config, const ModelConfig& model);

/// Weights that the stages of a model hold beside the network: of the circuit, of its evaluator, and of the copies that
/// groups of columns take.
[[nodiscard]] std::size_t loop_values(const Config& config, const ModelConfig& model);

/// The group of a model's state.
/// @param weights  the group of its snapshots
[[nodiscard]] GroupSpec state_group(const ModelConfig& model, const GroupSpec& weights);

/// Rows that wait, one Rows a group.
struct ModelRows {
  explicit ModelRows(const ModelGroups& groups)
      : learning(groups.learning), eval(groups.eval), weights(groups.weights), trace(groups.trace) {}
  Rows learning, eval, weights, trace;
};

class ModelTrainer {
 public:
  /// @param network  the weights that all models start from
  /// @throws NumericalError  feedback of kind optimised that cannot be stabilised
  /// @throws IoError         feedback from a file that cannot be had
  ModelTrainer(const Config& config, const ModelConfig& model, Network network, const Evaluators& evaluators);

  /// Shows batches one after the other: x n_0 x batch, t n_L x batch of each. Records them, and changes the weights.
  /// @param first  number of the first trial
  /// @throws DivergenceError, NumericalError  with on_divergence = "stop"; the trial is recorded, the weights are not
  /// changed
  void run_trials(std::size_t first, std::span<const arma::mat> x, std::span<const arma::mat> t);
  /// Records the final weights, where no snapshot of them was taken yet.
  void finish();

  /// Forgets what was recorded of trials from `trials` on: where another model has ended the run earlier.
  void truncate(std::size_t trials);

  /// All that the trials so far have left, but for what is recorded: a row of groups().state.
  [[nodiscard]] Rows state() const;
  /// Goes on from there, bit for bit; what waits to be recorded is forgotten.
  void restore(const Rows& state);

  [[nodiscard]] const ModelConfig& config() const noexcept { return model_; }
  [[nodiscard]] const ModelGroups& groups() const noexcept { return groups_; }
  [[nodiscard]] ModelRows& rows() noexcept { return rows_; }
  [[nodiscard]] const ModelRows& rows() const noexcept { return rows_; }
  [[nodiscard]] std::size_t trials_done() const noexcept { return trials_done_; }
  /// whether a trial is to be recorded
  [[nodiscard]] bool is_asked(std::size_t trial) const;
  /// trials that may still be recorded unasked
  [[nodiscard]] std::size_t automatic_left() const;
  /// rows of the weights group
  [[nodiscard]] std::size_t snapshots() const noexcept { return snapshots_; }
  [[nodiscard]] std::size_t diverged_trials() const noexcept { return diverged_trials_; }
  /// "trial 3, loop 2: diverged at time 17.5": the first since the run was begun or gone on with; empty: none
  [[nodiscard]] const std::string& first_fault() const noexcept { return first_fault_; }
  [[nodiscard]] double last_loss() const noexcept { return last_loss_; }
  /// the largest finite train_loss so far
  [[nodiscard]] double largest_loss() const noexcept { return largest_loss_; }
  [[nodiscard]] const Network& network() const noexcept { return network_; }

 private:
  /// A stage, and what the trial says of its loops.
  struct Runner {
    StageRunner run;
    std::vector<bool> restabilised = {};            ///< by loop
    std::optional<double> abscissa = std::nullopt;  ///< of its only loop, where restabilisation has asked for it
    std::vector<std::int64_t> converged = {};       ///< by loop, as the legend of converged_l has it
  };

  struct Divergence {
    std::string where;  ///< "loop 2", "forward pass"
    std::string population;
    double time = 0;
    Fault fault = Fault::diverged;
    std::optional<NumericalError> cause = std::nullopt;  ///< another numerical failure than divergence
  };

  void stabilise(Runner& runner, const ControlLoop& loop);
  void restabilise(Runner& runner);
  void run_trial(std::size_t trial, const arma::mat& x, const arma::mat& t);
  void begin_block(std::span<const arma::mat> x);
  void end_block();
  void end_trials();
  template <typename Work>
  void with_all_changes(const Work& work);
  void show(const arma::mat& x, const arma::mat& t);
  [[nodiscard]] std::optional<Divergence> assign_credit(std::size_t trial, bool keep_trajectory);
  [[nodiscard]] std::optional<Divergence> run_stage(Runner& runner, std::size_t trial, bool keep_trajectory);
  void set_plasticity(Runner& runner, std::size_t trial) const;
  void retrace(std::size_t trial);
  [[nodiscard]] std::string describe(std::size_t trial, const Divergence& divergence) const;
  void change_weights(bool learns);
  [[nodiscard]] std::vector<StageResult> results(bool with_trajectories);
  void record_learning(std::size_t trial, const TrialView* view, Fault fault);
  void record_evaluation();
  void record_weights(std::size_t trials_done);
  void record_trace(std::size_t trial, const TrialView* view);

  const Config& config_;
  ModelConfig model_;
  const CreditModel& credit_model_;
  const SolverKind& solver_kind_;
  ModelGroups groups_;
  ModelRows rows_;
  Network network_;
  std::vector<FeedbackPath> paths_;
  Feedback feedback_;
  const Evaluators& evaluators_;
  LearningRule rule_;
  std::unique_ptr<Solver> solver_;
  std::vector<Runner> runners_;
  std::vector<std::pair<const TrialMeasure*, std::size_t>> measures_;
  std::vector<std::size_t> recorded_;  // record.trials, sorted
  std::size_t threads_ = 1;
  bool blocked_ = false;
  OnlineBlock block_;    // open while its trials run: W_1 then lags behind
  arma::fmat W_single_;  // W_1 while trials run, where it is held in single precision; else empty
  Activity activity_;
  Credit credit_;
  TraceSettings trace_settings_;
  bool measures_trajectory_ = false;  // some measure needs the trajectory of every trial
  bool forward_moves_ = false;        // the forward pass is a stage, or part of one
  std::size_t trials_done_ = 0, diverged_trials_ = 0, recorded_automatically_ = 0, records_ = 0, snapshots_ = 0;
  std::optional<std::size_t> last_snapshot_;
  std::string first_fault_;
  double last_loss_ = 0, largest_loss_ = 0;
};

}  // namespace dynvert
