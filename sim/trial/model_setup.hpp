#pragma once

/// How the trials of a model are set up, from the configuration alone: nothing is drawn, read or run.

#include <dynvert/analysis/trial/measures.hpp>
#include <dynvert/models/credit/credit.hpp>
#include <dynvert/sim/config/config.hpp>
#include <dynvert/sim/solvers/solver.hpp>
#include <dynvert/sim/trial/trace.hpp>
#include <dynvert/sim/trial/trial_runner.hpp>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace dynvert {

[[nodiscard]] SolverSettings solver_settings(const DynamicsConfig& dynamics);
[[nodiscard]] LoopParameters loop_parameters(const Config& config, const ModelConfig& model);

/// The attribute settling_band of a model or circuit, where it is another one than that of all.
void note_settling_band(const DynamicsConfig& dynamics, std::vector<Attribute>& attributes);

/// The rule of an algebraic model with its parameters; nullptr: the model has stages.
[[nodiscard]] TrialRunner::Assign credit_rule(const Config& config, const ModelConfig& model);

/// The stages of a trial of the model, a dynamic forward pass among them; none for algebraic rules.
[[nodiscard]] std::vector<Stage> model_stages(const Config& config, const ModelConfig& model, const Network& network,
                                              const LoopParameters& parameters);
/// The same with the parameters of the configuration and zero weights.
[[nodiscard]] std::vector<Stage> stages_of(const Config& config, const ModelConfig& model);
/// The phases of a stage, without gaps.
[[nodiscard]] std::vector<Phase> stage_phases(const Stage& stage, const DynamicsConfig& dynamics);
/// Each stage with its phases.
[[nodiscard]] std::vector<StagePlan> stage_plans(std::vector<Stage> stages, const DynamicsConfig& dynamics);

[[nodiscard]] TraceSettings trace_settings(const Config& config, const ModelConfig& model);

/// A measure of a layer, path, loop or matrix.
struct MeasureColumn {
  const TrialMeasure* measure = nullptr;
  std::size_t l = 0;  ///< number of the layer, path or loop, or of the matrix among those that learn
  std::string of;     ///< in names of datasets: "2", "W2"
};
/// The measures that are recorded of a model, in the order of the file.
/// @throws EquationError, ValueError  the gradient of a circuit's loss that is asked for is not known
[[nodiscard]] std::vector<MeasureColumn> measure_columns(const Config& config, const ModelConfig& model);
/// The measure of this trial. NaN: what it refers to does not exist for these weights (no unique steady state).
[[nodiscard]] double value_or_nan(const TrialMeasure& measure, const TrialView& trial, std::size_t l);

/// Threads that a model may use by itself, for the columns of batches and of evaluations: where there are more than
/// models.
[[nodiscard]] std::size_t threads_of_model(const Config& config);

/// The accelerated forms in which a model's trials run.
struct AcceleratedForms {
  std::string text;        ///< "learns in blocks of 64 trials; loop 2 as 10 units, all steps at once"; empty: none
  std::size_t values = 0;  ///< numbers that loops in such a form keep in memory
};
[[nodiscard]] AcceleratedForms accelerated_forms(const Config& config, const ModelConfig& model);

/// Weights that the stages of a model hold beside the network: of the circuit, of its evaluator, and of the copies that
/// groups of columns take.
[[nodiscard]] std::size_t loop_values(const Config& config, const ModelConfig& model);
/// Numbers of the trajectories that a model keeps in memory while it runs a trial.
[[nodiscard]] double trajectory_values(const Config& config, const ModelConfig& model);
/// Numbers of the states that the gradient of a trial's readout keeps on its way back (analysis/circuit_gradient.hpp).
[[nodiscard]] double gradient_values(const Config& config, const ModelConfig& model);

}  // namespace dynvert
