#pragma once

/// Experiments without learning: trials that know nothing of each other, many columns of one batch where their weights
/// agree. The loops of models over a grid of parameters ([inversion]) and user-defined circuits ([[population]]) are
/// both a TransientPlan.

#include <dynvert/sim/experiment/run_control.hpp>
#include <dynvert/sim/trial/trace.hpp>
#include <dynvert/sim/trial/trial_runner.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dynvert {

/// Consecutive trials that run together, a column each.
struct TransientBatch {
  std::size_t first = 0, count = 0;
  std::vector<StagePlan> stages;
  Activity activity;
  Credit credit;
};

/// A trial of a batch that has been run.
struct TransientTrial {
  const TrialRunner& run;
  std::size_t number;
  std::size_t column;
  Fault fault = Fault::none;  ///< in one of the stages

  [[nodiscard]] bool complete() const { return fault == Fault::none; }
  /// What its flags of convergence say if it is not complete (converged_flag).
  [[nodiscard]] std::int64_t failure_flag() const;
  /// of the solver, in a stage
  [[nodiscard]] std::size_t steps(std::size_t stage) const;
};

/// A model, or a circuit, of an experiment without learning.
struct TransientPlan {
  std::string name;  ///< its group is /models/NAME
  std::string solver;
  SolverSettings settings;
  std::size_t batch_size = 1;
  Network network;
  Feedback feedback;
  std::optional<double> sample_interval = {};  ///< of trajectories; nothing: none are kept
  GroupSpec points;                            ///< a row each trial, which `measure` fills
  GroupSpec weights;
  Rows weights_row;
  Table<TraceRecord> trace;  ///< empty: none is kept
  std::vector<Attribute> attributes;
  double measure_values = 0;  ///< numbers that `measure` holds at once, as matrices
  bool stop_at_divergence = false;

  std::function<TransientBatch(std::size_t first, std::size_t count)> make_batch = nullptr;
  /// Sets what belongs to single trials, once the stage has its columns; nullptr: nothing does.
  std::function<void(std::size_t first, std::size_t count, StageRunner&)> prepare = nullptr;
  /// Appends the trial's row to the points; says what its record in the trace shows.
  std::function<TraceRow(const TransientTrial&, Rows& points)> measure = nullptr;
};

/// Before anything is written: what a solver of linear circuits cannot take.
/// @throws ValueError  it is one, and the circuits are not linear or the inputs not constant except for switches
void check_linear_only(const std::string& solver, bool linear, bool constant_inputs);

/// So many trials a batch that its trajectories stay below 64 MiB.
[[nodiscard]] std::size_t batch_size(std::size_t trials, std::size_t state_values, std::size_t samples);

class TransientExperiment final : public BlockExperiment {
 public:
  TransientExperiment(const Config& config, std::vector<TransientPlan> plans);

  [[nodiscard]] std::vector<FailedTrials> failed_trials() const override;
  [[nodiscard]] Estimate estimate() const;

 protected:
  void begin(Recorder& recorder) override;
  [[nodiscard]] std::size_t restore(Recorder& recorder) override;
  [[nodiscard]] std::size_t block_size(std::size_t trials_done) override;
  void run_block(Recorder& recorder, std::size_t first, std::size_t count) override;
  [[nodiscard]] std::size_t trials_done() const override { return trials_done_; }
  void commit(Recorder& recorder, std::size_t trials) override;
  void end(Recorder& recorder, std::size_t trials, const std::string& status) override;

 private:
  /// The first trial that failed.
  struct Failure {
    std::string text;    ///< "trial 3: E left the allowed range at time 17.5"
    std::string remedy;  ///< what the user may try
  };
  /// What a batch of a plan has left.
  struct Outcome {
    explicit Outcome(const TransientPlan& plan) : points(plan.points), trace(plan.trace.spec()) {}
    Rows points, trace;
    std::size_t diverged = 0;  ///< or failed for another reason
    std::optional<Failure> first_failure;
  };
  /// A plan, and what its trials so far have left besides rows.
  struct Part {
    TransientPlan plan;
    std::size_t points = 0, trace = 0;  ///< numbers of its groups in the recorder
    std::optional<std::size_t> state = {};
    std::size_t diverged = 0, records = 0;
    std::string first_failure = {};  ///< empty: none, or before the run was resumed
  };
  [[nodiscard]] static Failure failure_of(std::size_t trial, const TrialFailure& failure);
  [[nodiscard]] Outcome run_batch(const TransientPlan& plan, std::size_t first, std::size_t count) const;
  void run_columns(const TransientPlan& plan, std::size_t first, std::size_t count, Outcome& outcome) const;
  void record(Recorder& recorder, Part& part, Outcome& outcome);

  Config config_;
  std::vector<Part> parts_;
  std::size_t batch_size_;
  std::size_t trials_done_ = 0;
};

}  // namespace dynvert
