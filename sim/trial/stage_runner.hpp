#pragma once

/// Runs one stage of a trial through its phases and keeps what it leaves: the state, where credit is read, the
/// trajectory. The hooks of a stage are called from here.

#include <dynvert/analysis/trial/measures.hpp>
#include <dynvert/models/credit/credit.hpp>
#include <dynvert/sim/solvers/solver.hpp>

#include <cstddef>
#include <optional>
#include <vector>

namespace dynvert {

/// A stage and the phases that it runs through.
struct StagePlan {
  Stage stage;
  std::vector<Phase> phases;
};

/// A stage that is set up without being run.
struct ReadyStage {
  RightHandSide f;
  State x;
};
/// Whether weights that move within a trial do, or stay as they are loaded.
enum class MovingWeights { move, stay };
/// Takes weights, columns and gains of one trial; the state is zero, and no phase has begun.
[[nodiscard]] ReadyStage ready_stage(const Stage& stage, const Network& network, const Feedback& feedback,
                                     const Activity& activity, const Credit& credit,
                                     MovingWeights weights = MovingWeights::move);
/// Begins a phase: its inputs, and what it sets of the state.
void enter_phase(const Stage& stage, const Network& network, const Activity& activity, const Credit& credit,
                 const Phase& phase, ReadyStage& ready);

class StageRunner {
 public:
  /// @param phases  without gaps
  StageRunner(Stage stage, std::vector<Phase> phases);

  /// Forgets the trials before: what a stage that is not run in a trial says of it.
  void reset();
  /// Takes the weights alone.
  void load(const Network& network, const Feedback& feedback);
  /// New trials: takes weights, columns and gains; the state is zero.
  void begin(const Network& network, const Feedback& feedback, const Activity& activity, const Credit& credit);
  /// Runs the phases. Once every column has diverged it stops; else it reads activity and credit at the end of the
  /// last phase with the target on (NaN of columns that have diverged).
  /// @param keep   time between the samples of the trajectory; nothing: none is kept
  /// @param order  of the solver, for averages over time
  /// @throws NumericalError  see Solver::run
  void run(Solver& solver, const Network& network, Activity& activity, Credit& credit, std::optional<double> keep,
           std::size_t order = 1);
  /// Takes the weights that the trial has moved, where the stage has any. @return whether it has
  bool take_learned(Network& network);

  [[nodiscard]] const Stage& stage() const noexcept { return stage_; }
  [[nodiscard]] RightHandSide& f() noexcept { return f_; }
  [[nodiscard]] const RightHandSide& f() const noexcept { return f_; }
  /// at the end, and where credit is read
  [[nodiscard]] const State& x() const noexcept { return x_; }
  [[nodiscard]] const State& x_read() const noexcept { return x_read_; }
  [[nodiscard]] const std::vector<Phase>& phases() const noexcept { return phases_; }
  /// The phase at whose end credit is read.
  [[nodiscard]] const Phase& read_phase() const { return phases_[read_]; }
  [[nodiscard]] const Trajectory& trajectory() const noexcept { return trajectory_; }
  /// of all phases together; empty where the stage was not run
  [[nodiscard]] const SolverRun& solver_run() const noexcept { return run_; }
  [[nodiscard]] bool started() const noexcept { return started_; }
  /// not every column diverged, so that credit was read
  [[nodiscard]] bool finished() const noexcept { return finished_; }
  /// What measures look at: the circuit with the weights and inputs with which credit was read.
  [[nodiscard]] StageResult result(bool with_trajectory);

 private:
  void fix_weights(const Network& network, const Activity& activity, const Credit& credit);

  Stage stage_;
  RightHandSide f_;
  std::vector<Phase> phases_;
  std::size_t read_ = 0;
  State x_, x_read_;
  Trajectory trajectory_, segment_;
  SolverRun run_;
  bool started_ = false, finished_ = false;
  std::optional<RightHandSide> fixed_;  ///< where weights move: with those of x_read
  State x_fixed_;
};

/// The phase at whose end credit is read: the last one with the target on.
[[nodiscard]] std::size_t last_target_phase(const std::vector<Phase>& phases);

/// One trial of a batch by itself, for measures, which refer to one trial.
struct SingleTrial {
  /// @param stage  of that trial: with its parameters, and the populations of the batch's
  /// @param f      of that stage's circuit, one column, ready for evaluation
  SingleTrial(const StageRunner& batch, std::size_t column, const Stage& stage, RightHandSide f);
  /// Of a trial that failed: the circuit at rest.
  SingleTrial(const Stage& stage, RightHandSide f);
  RightHandSide f;
  State x;
  Trajectory trajectory;
  StageResult result;

  SingleTrial(const SingleTrial&) = delete;
  SingleTrial& operator=(const SingleTrial&) = delete;
  ~SingleTrial() = default;
};

}  // namespace dynvert
