#include <dynvert/sim/experiment/model_tables.hpp>
#include <dynvert/sim/trial/model_credit.hpp>
#include <dynvert/sim/trial/model_setup.hpp>

#include <fmt/format.h>

#include <limits>

namespace dynvert {

namespace {

Table<LearningRow> learning_table(const Config& config, const ModelConfig& model, const std::vector<Stage>& stages) {
  using Row = LearningRow;
  Table<Row> table(fmt::format("/models/{}/learning", model.name), "trial");
  table.add_number(counter("trial", "number of the trial, from 0"),
                   [](const Row& row) { return static_cast<double>(row.trial); });
  table.add_number({.name = "trial_error",
                    .description = "squared error |t - y|^2 of the samples of the trial, before the weight change"},
                   [](const Row& row) { return row.squared_error; });
  DatasetSpec fault = counter("fault", "whether the trial failed, and how; it then changed no weights");
  fault.legend = fault_legend();
  table.add_number(fault, [](const Row& row) { return static_cast<double>(row.fault); });
  for (const auto& [measure, l, of] : measure_columns(config, model)) {
    table.add_number(measure_dataset(*measure, of), [measure = measure, l = l](const Row& row) {
      return row.view != nullptr ? value_or_nan(*measure, *row.view, l) : no_value;
    });
  }
  std::size_t place = 0;
  for (const Stage& stage : stages) {
    for (const ControlLoop& loop : stage.loops) {
      const std::size_t i = place++;
      table.add_number(steps_dataset(loop.number),
                       [i](const Row& row) { return static_cast<double>(row.loops[i].steps); });
      table.add_number(converged_dataset(loop.number),
                       [i](const Row& row) { return static_cast<double>(row.loops[i].converged); });
      if (!model.feedback.restabilise) continue;
      DatasetSpec event = counter(fmt::format("restabilised_{}", loop.number),
                                  "whether the feedback was re-optimised before this trial");
      event.legend = "1 yes, 0 no";
      table.add_number(event, [i](const Row& row) { return row.loops[i].restabilised ? 1 : 0; });
    }
  }
  return table;
}

Table<EvaluationRow> eval_table(const Config& config, const ModelConfig& model) {
  using Row = EvaluationRow;
  Table<Row> table(fmt::format("/models/{}/eval", model.name), "evaluation");
  // where the output is what a circuit's phases come to, the loss is the readout's
  const auto circuit = credit_of(config, model).circuit;
  const bool own = circuit != nullptr && circuit->has_own_readout();
  const bool entropy =
      own ? circuit->plan().description().readout.loss == "cross_entropy" : config.network.output == "softmax";
  const std::string loss = entropy ? "the cross-entropy" : "|t - y|^2";
  table.set_attribute("loss", entropy ? "cross-entropy" : "squared error");
  const bool classes = config.task.targets == "classes";
  const auto accuracy = [](const char* name, const char* set) {
    return DatasetSpec{.name = name, .description = fmt::format("fraction of the {} set whose class is right", set)};
  };
  table.add_number(counter("evaluation", "trials completed by then"),
                   [](const Row& row) { return static_cast<double>(row.trials_done); });
  table.add_number({.name = "train_loss", .description = fmt::format("sum of {} over the whole training set", loss)},
                   [](const Row& row) { return row.train.loss; });
  table.add_number(
      {.name = "nse", .description = "train_loss over the largest train_loss of all models; written when the run ends"},
      [](const Row&) { return no_value; });
  if (classes)
    table.add_number(accuracy("train_accuracy", "training"),
                     [](const Row& row) { return row.train.accuracy.value_or(no_value); });
  if (config.task.test_samples == 0) return table;
  table.add_number({.name = "test_loss", .description = fmt::format("sum of {} over the whole test set", loss)},
                   [](const Row& row) { return row.test.loss; });
  if (classes)
    table.add_number(accuracy("test_accuracy", "test"),
                     [](const Row& row) { return row.test.accuracy.value_or(no_value); });
  return table;
}

Table<TraceRecord> model_trace(const Config& config, const ModelConfig& model, std::vector<Stage> stages) {
  const RecordConfig& record = config.record;
  const bool wanted = !record.trials.empty() || record.every > 0 || record.unsettled_limit > 0;
  if (stages.empty() || !wanted || !solver_kind(model.dynamics.solver).has_trajectory) return {};
  return trace_table(fmt::format("/models/{}", model.name), stage_plans(std::move(stages), model.dynamics),
                     trace_settings(config, model));
}

/// Lists have no attribute of their own; none of the parameters of circuits is one.
AttributeValue attribute_value(const ParameterValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return std::int64_t{*flag ? 1 : 0};
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return *whole;
  if (const auto* real = std::get_if<double>(&value)) return *real;
  return std::get<std::string>(value);
}

}  // namespace

ModelTables model_tables(const Config& config, const ModelConfig& model) {
  auto stages = stages_of(config, model);
  ModelTables tables{.learning = learning_table(config, model, stages),
                     .eval = eval_table(config, model),
                     .weights = weights_table(config, model),
                     .trace = model_trace(config, model, std::move(stages)),
                     .matrices = weights_datasets(config, model),
                     .carried = carried_datasets(config, model),
                     .state = {}};
  for (WeightsDataset& memory : memory_datasets(config, model)) tables.matrices.push_back(std::move(memory));
  tables.state = state_group(model, tables.weights, tables.matrices, tables.carried);
  return tables;
}

std::vector<Attribute> model_attributes(const Config& config, const ModelConfig& m) {
  const auto [credit, circuit] = credit_of(config, m);
  std::vector<Attribute> attributes;
  attributes.push_back({"credit", circuit != nullptr ? "circuit" : m.credit});
  if (circuit != nullptr) attributes.push_back({"circuit", m.circuit});
  if (const std::string forms = accelerated_forms(config, m).text; !forms.empty())
    attributes.push_back({"fast_form", forms});
  if (credit.feedback) attributes.push_back({"feedback", m.feedback.kind});
  if (circuit != nullptr) {
    if (credit.stages) attributes.push_back({"solver", m.dynamics.solver});
    if (credit.stages && solver_kind(m.dynamics.solver).has_trajectory) attributes.push_back({"dt", m.dynamics.dt});
    for (const Parameter& p : m.description->parameters)
      attributes.push_back({p.name, attribute_value(p.default_value)});
    return attributes;
  }
  if (credit.stages) {
    attributes.push_back({"transfer", m.dynamics.transfer});
    attributes.push_back({"solver", m.dynamics.solver});
    attributes.push_back({"alpha", m.alpha});
    attributes.push_back({"tau_delta", m.dynamics.tau_delta});
    attributes.push_back({"tau_u", m.dynamics.tau_u});
    if (solver_kind(m.dynamics.solver).has_trajectory) {
      attributes.push_back({"dt", m.dynamics.dt});
      const bool scheduled = credit.concurrent && !m.dynamics.phases.empty();
      const PhaseConfig last = scheduled ? m.dynamics.phases.back() : PhaseConfig{.duration = m.dynamics.duration};
      attributes.push_back({"duration", last.start + last.duration});
    }
    if (credit.concurrent || m.dynamics.forward == "dynamic") attributes.push_back({"tau_h", m.dynamics.tau_h});
    if (credit.concurrent) {
      attributes.push_back({"plasticity", m.dynamics.plasticity});
      if (m.dynamics.plasticity == "continuous") attributes.push_back({"tau_w", m.dynamics.tau_w});
    } else {
      attributes.push_back({"forward", m.dynamics.forward});
    }
  }
  return attributes;
}

}  // namespace dynvert
