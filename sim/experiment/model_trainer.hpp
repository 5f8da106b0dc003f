#pragma once

/// Trains one model of an experiment: runs its trials, changes its weights, and keeps the rows that were recorded since
/// the last commit. Models share nothing but the data, so that each can run on a thread of its own.

#include <dynvert/models/network/network.hpp>
#include <dynvert/models/program/described_circuit.hpp>
#include <dynvert/sim/config/config.hpp>
#include <dynvert/sim/experiment/first_layer.hpp>
#include <dynvert/sim/experiment/model_tables.hpp>
#include <dynvert/sim/trial/learning_reference.hpp>
#include <dynvert/sim/trial/loss.hpp>
#include <dynvert/sim/trial/trial_runner.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace dynvert {

class ModelTrainer {
 public:
  /// @param network  the weights that all models start from
  /// @throws NumericalError  feedback of kind optimised that cannot be stabilised
  /// @throws IoError         feedback from a file that cannot be had
  ModelTrainer(const Config& config, const ModelConfig& model, Network network, const Evaluators& evaluators);
  /// its runners refer to it
  ModelTrainer(const ModelTrainer&) = delete;
  ModelTrainer& operator=(const ModelTrainer&) = delete;
  ~ModelTrainer() = default;

  /// Shows batches one after the other: x n_0 x batch, t n_L x batch of each. Records them, and changes the weights.
  /// @param first  number of the first trial
  /// @throws DivergenceError, NumericalError  with on_divergence = "stop"; the trial is recorded, the weights are not
  /// changed
  /// @param samples  of each trial, in the data set: where states are carried from one trial of a sample to its next
  void run_trials(std::size_t first, std::span<const arma::mat> x, std::span<const arma::mat> t,
                  std::span<const std::vector<std::size_t>> samples = {});
  /// Records the final weights, where no snapshot of them was taken yet.
  void finish();

  /// Forgets what was recorded of trials from `trials` on: where another model has ended the run earlier.
  void truncate(std::size_t trials);

  /// All that the trials so far have left, except what is recorded: a row of tables().state.
  [[nodiscard]] Rows state() const { return state_row(tables_, network_, feedback_, counts_, carried_); }
  /// Resumes from there, bit for bit; what waits to be recorded is forgotten.
  void restore(const Rows& state);

  [[nodiscard]] const ModelConfig& config() const noexcept { return model_; }
  [[nodiscard]] const ModelTables& tables() const noexcept { return tables_; }
  [[nodiscard]] ModelRows& rows() noexcept { return rows_; }
  [[nodiscard]] const ModelRows& rows() const noexcept { return rows_; }
  [[nodiscard]] std::size_t trials_done() const noexcept { return counts_.trials_done; }
  /// traces that may still be recorded automatically
  [[nodiscard]] std::size_t automatic_left() const;
  /// rows of the weights table
  [[nodiscard]] std::size_t snapshots() const noexcept { return counts_.snapshots; }
  [[nodiscard]] std::size_t diverged_trials() const noexcept { return counts_.diverged; }
  /// "trial 3, loop 2: diverged at time 17.5": the first since the run was begun or resumed; empty: none
  [[nodiscard]] const std::string& first_fault() const noexcept { return first_fault_; }
  [[nodiscard]] double last_loss() const noexcept { return counts_.last_loss; }
  /// the largest finite train_loss so far
  [[nodiscard]] double largest_loss() const noexcept { return counts_.largest_loss; }
  [[nodiscard]] const Network& network() const noexcept { return network_; }

 private:
  void run_trial(std::size_t trial, const arma::mat& x, const arma::mat& t);
  /// Of a described circuit: what the trial begins with.
  [[nodiscard]] TrialRunner::Start start_of_trials() const;
  /// The columns of carried_ that belong to a trial.
  void find_places(std::span<const std::vector<std::size_t>> samples, std::size_t k, std::size_t columns);
  [[nodiscard]] std::optional<TrialFailure> run_stages(const TrialCall& call);
  void stabilise(std::size_t stage, const ControlLoop& loop);
  void restabilise(std::size_t stage);
  /// @return whether every loop was within 2 % of its steady state
  bool look_at_loops(const TrialView& view, bool failed);
  void change_weights(bool learns);
  /// What measures of matrices compare. @param learns  whether the trial may change weights
  [[nodiscard]] TrialLearning learning_of_trial(bool learns);
  [[nodiscard]] std::vector<arma::mat> changes_by_matrix(bool learns);
  /// Weights that rules at the end of a trial change: of a circuit whose rules are not the network's own.
  [[nodiscard]] bool has_own_rules() const { return circuit_ != nullptr && !circuit_->plan().learns_as_network(); }
  [[nodiscard]] std::vector<StageResult> results(bool with_trajectories);
  void record_evaluation();
  /// of a circuit with a readout of its own
  [[nodiscard]] Score score_of_readout(const LossEvaluator& evaluator);
  void record_weights();
  void record_trace(std::size_t trial, const TrialView* view);
  [[noreturn]] void stop(std::size_t trial, const TrialFailure& failure);
  /// "the largest weight of W2 has grown from 0.3 to 4e+05"; empty: no matrix has grown by orders of magnitude
  [[nodiscard]] std::string growth_of_weights();

  const Config& config_;
  ModelConfig model_;
  std::shared_ptr<const DescribedCircuit> circuit_;  // of a circuit file
  ModelTables tables_;
  ModelRows rows_;
  Network network_;
  std::vector<FeedbackPath> paths_;
  Feedback feedback_;
  const Evaluators& evaluators_;
  LearningRule rule_;
  TrialRunner runner_;
  std::optional<TrialRunner> evaluation_;        // where the output is what a circuit's phases come to
  std::vector<LoopRecord> loops_;                // of the last trial, in the order of the stages
  std::vector<std::size_t> first_loop_;          // by stage: its first loop in loops_
  std::vector<std::optional<double>> abscissa_;  // by stage: of its only loop, where restabilisation has asked for it
  std::size_t threads_ = 1;
  FirstLayer first_layer_;
  std::unique_ptr<const LearningReference> reference_;  // nullptr: no measure asks for it
  DescribedCircuit::Changes changes_;                   // by the circuit's own rules, of the trial that has been run
  std::vector<double> largest_at_start_;                // by layer: the largest |W_ij| before the first trial
  double sample_interval_ = 0;                          // of trajectories
  bool has_trajectory_ = false;                         // the model's solver gives one
  bool follows_ = false;                                // some measure or rule needs the trajectory of every trial
  std::vector<arma::mat> carried_;                      // states that go over to later trials
  std::vector<std::size_t> places_;                     // by column of the trial: its column there
  TrainerCounts counts_;
  std::string first_fault_;
};

}  // namespace dynvert
