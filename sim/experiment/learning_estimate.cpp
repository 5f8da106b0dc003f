// The memory and the file that models that learn will need.

#include <dynvert/sim/config/learning_blocks.hpp>
#include <dynvert/sim/experiment/learning_experiment.hpp>
#include <dynvert/sim/trial/model_credit.hpp>
#include <dynvert/sim/trial/model_setup.hpp>

#include <algorithm>

namespace dynvert {

namespace {

void add_task(const Config& config, RunSize& size) {
  const TaskKind& task = task_kind(config.task.kind);
  if (task.drawn()) size.add_at_once(samples_group(config), config.task.samples);
  // the data, with the copies that drawing and factoring take, and the samples of a block of trials
  const std::size_t trial = trial_bytes(config);
  const std::size_t in_block = std::min({config.trials * trial, max_trials_in_block * trial, block_bytes + trial});
  size.add_memory(static_cast<double>(task.memory(config) + in_block) / sizeof(double));
  size.add(order_table(config).spec(), config.trials, config.trials);
}

double network_values(const Config& config) {
  const auto& layers = config.network.layers;
  double values = 0;
  for (std::size_t l = 1; l < layers.size(); ++l) values += static_cast<double>(layers[l] * (layers[l - 1] + 1));
  return values;
}

/// @return numbers of the traces that were requested
double add_model(const Config& config, const ModelConfig& model, RunSize& size) {
  const ModelTables tables = model_tables(config, model);
  const RowCounts rows = expected_rows(config, tables);
  size.add(tables.learning.spec(), config.trials, config.trials);
  size.add(tables.eval.spec(), rows.evaluations, rows.evaluations);
  size.add(tables.weights.spec(), rows.snapshots, rows.snapshots);
  size.add_state(tables.state);
  if (!tables.trace.empty()) size.add(tables.trace.spec(), rows.records, rows.records + rows.automatic);
  size.add_rewritten(static_cast<double>(rows.evaluations));

  const double network = network_values(config);
  // weights and their change, the row of a snapshot and, from the first commit on, of the state, less what is not
  // there at the same time (measured); feedback; the loops' own copies
  size.add_memory(4.5 * network);
  const double feedback = static_cast<double>(values_in_row(tables.weights.spec())) - network;
  size.add_memory(static_cast<double>(loop_values(config, model)) + std::max(0.0, feedback));
  size.add_memory(static_cast<double>(accelerated_forms(config, model).values));
  const auto measured = measure_columns(config, model);
  const auto circuit = credit_of(config, model).circuit;
  const bool follows = std::ranges::any_of(measured, [](const auto& m) { return m.measure->needs_trajectory; }) ||
                       (circuit != nullptr && circuit->takes_averages());
  if (follows || !tables.trace.empty()) size.add_memory(trajectory_values(config, model));
  const bool follows_gradient =
      std::ranges::any_of(measured, [](const auto& m) { return m.measure->of == TrialMeasure::Of::matrix; });
  if (circuit != nullptr && follows_gradient) size.add_memory(gradient_values(config, model));
  // as they are, and as a row of the state
  for (const arma::mat& states : tables.carried.nothing) size.add_memory(2 * static_cast<double>(states.n_elem));
  return static_cast<double>(rows.records * values_in_row(tables.trace.spec()));
}

}  // namespace

Estimate LearningExperiment::estimate(const Config& config) {
  RunSize size;
  add_task(config, size);
  double traced = 0;
  for (const ModelConfig& model : config.models) traced += add_model(config, model, size);
  // what the model has that is written just now, its commit included (measured)
  size.add_memory(1.5 * network_values(config));
  // what the models that run just now take for the two products of a block beside their operands, measured (OpenBLAS
  // 0.3.21; no less in single precision)
  if (std::ranges::any_of(config.models, [&](const auto& m) { return learns_in_blocks(config, m); })) {
    const auto running = static_cast<double>(std::min(config.threads, config.models.size()));
    size.add_memory(1.5 * running * static_cast<double>(config.network.layers[0] * config.network.layers[1]));
  }
  // the records of a block; blocks of a tenth of a second seldom have all that they may
  size.add_memory(0.6 * std::min(traced, static_cast<double>(max_in_block / sizeof(double))));
  return size.estimate();
}

}  // namespace dynvert
