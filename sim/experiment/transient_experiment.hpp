#pragma once

/// Experiments without learning: trials that know nothing of each other, many columns of one batch where their weights
/// agree. The loops of models over a grid of parameters ([inversion]) and circuits of the user's own ([[population]])
/// are both a TransientPlan.

#include <dynvert/sim/experiment/learning_experiment.hpp>
#include <dynvert/sim/trial/stage_runner.hpp>
#include <dynvert/sim/trial/trace.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>
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
  const TransientBatch& batch;
  std::size_t column;
  std::vector<const StageRunner*> stages;
  bool diverged = false;  ///< in one of the stages
  bool failed = false;    ///< the solver found nothing: there is no unique steady state, a step limit
};

/// A model, or a circuit, of an experiment without learning.
struct TransientPlan {
  std::string name;  ///< its group is /models/NAME
  std::string solver;
  SolverSettings settings;
  std::size_t trials = 0;
  std::size_t batch_size = 1;
  Network network;
  Feedback feedback;
  TraceSettings trace_settings;
  GroupSpec points, weights, trace;  ///< trace: no datasets, none is kept
  Rows weights_row;
  std::vector<std::pair<std::string, AttributeValue>> attributes;
  bool stop_at_divergence = false;

  std::function<TransientBatch(std::size_t first, std::size_t count)> make_batch = nullptr;
  /// Sets what belongs to single trials, once the stage has its columns.
  std::function<void(const TransientBatch&, StageRunner&)> prepare = nullptr;
  /// Appends the trial's row to the points; says what its record in the trace shows.
  std::function<TraceRow(const TransientTrial&, Rows& points)> measure = nullptr;
};

/// @throws ValueError, IoError, NumericalError  as ModelTrainer
[[nodiscard]] TransientPlan inversion_plan(const Config& config, const ModelConfig& model, const Network& network);
[[nodiscard]] TransientPlan circuit_plan(const Config& config);

/// Before anything is written: what the solver `exact` cannot take.
/// @throws ValueError  it is that solver, and the circuits are not linear or the inputs not constant but for switches
void check_exact(const std::string& solver, bool linear, bool constant_inputs);

/// So many trials a batch that its trajectories stay below 64 MiB.
[[nodiscard]] std::size_t batch_size(std::size_t trials, std::size_t state_values, std::size_t samples);

class TransientExperiment final : public Experiment {
 public:
  explicit TransientExperiment(const Config& config);

  RunStatus run(Recorder& recorder, const Hooks& hooks) override;
  [[nodiscard]] std::vector<FailedTrials> failed_trials() const override;
  [[nodiscard]] Estimate estimate() const;

 private:
  /// What a batch of a plan has left.
  struct Outcome {
    explicit Outcome(const TransientPlan& plan) : points(plan.points), trace(plan.trace) {}
    Rows points, trace;
    std::size_t diverged = 0;
    std::string first_divergence;  ///< "trial 3: E at 17.5"
  };
  struct RecorderGroups {
    std::size_t points = 0, trace = 0;
    std::optional<std::size_t> state = {};
  };
  void begin(Recorder& recorder);
  void commit(Recorder& recorder, std::size_t trials);
  [[nodiscard]] std::size_t restore(Recorder& recorder);
  [[nodiscard]] Outcome run_batch(const TransientPlan& plan, std::size_t first, std::size_t count) const;
  void run_columns(const TransientPlan& plan, const TransientBatch& batch, Outcome& outcome) const;
  [[nodiscard]] bool is_asked(std::size_t trial) const;

  Config config_;
  std::vector<TransientPlan> plans_;
  std::vector<RecorderGroups> groups_;
  std::vector<std::size_t> diverged_, records_;  // by plan
  std::vector<std::string> first_divergence_;    // likewise
};

}  // namespace dynvert
