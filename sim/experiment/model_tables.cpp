// What a model records: the groups of the file, from the configuration alone.

#include <dynvert/models/credit/dynamic_forward.hpp>
#include <dynvert/sim/config/learning_blocks.hpp>
#include <dynvert/sim/experiment/model_trainer.hpp>
#include <dynvert/sim/solvers/accelerated_solver.hpp>
#include <dynvert/sim/solvers/batched_solver.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace dynvert {

namespace {

std::vector<Stage> stages_of(const Config& config, const ModelConfig& model) {
  return model_stages(model, empty_network(config), loop_parameters(config, model));
}

GroupSpec learning_group(const Config& config, const ModelConfig& model, const std::vector<Stage>& stages) {
  GroupSpec group{.path = fmt::format("/models/{}/learning", model.name), .row_dimension = "trial"};
  group.datasets.push_back(counter("trial", "number of the trial, from 0"));
  group.datasets.push_back(
      {.name = "trial_error",
       .description = "squared error |t - y|^2 of what the trial showed, before the weight change"});
  auto fault = counter("fault", "whether the trial failed, and how; it then changed no weights");
  fault.legend = fault_legend();
  group.datasets.push_back(fault);
  for (const auto& [measure, l] : measure_columns(config, model)) {
    group.datasets.push_back({.name = fmt::format("{}_{}", measure->name, l),
                              .units = std::string(measure->units),
                              .description = std::string(measure->description)});
  }
  for (const Stage& stage : stages) {
    for (const ControlLoop& loop : stage.loops) {
      const std::size_t l = loop.number;
      group.datasets.push_back(
          counter(fmt::format("steps_{}", l), "steps of the solver; Newton iterations of fixed_point"));
      auto flag = counter(fmt::format("converged_{}", l), "whether the loop was within 2 % of its steady state");
      flag.legend = converged_legend;
      group.datasets.push_back(flag);
      if (!model.feedback.restabilise) continue;
      auto event =
          counter(fmt::format("restabilised_{}", l), "whether the feedback was optimised again before this trial");
      event.legend = "1 yes, 0 no";
      group.datasets.push_back(event);
    }
  }
  return group;
}

GroupSpec eval_group(const Config& config, const ModelConfig& model) {
  GroupSpec group{.path = fmt::format("/models/{}/eval", model.name), .row_dimension = "evaluation"};
  const std::string loss = config.network.output == "softmax" ? "the cross-entropy" : "|t - y|^2";
  const bool classes = config.task.targets == "classes";
  group.datasets = {counter("evaluation", "trials done by then"),
                    {.name = "train_loss", .description = fmt::format("sum of {} over the whole training set", loss)},
                    {.name = "nse",
                     .description = "train_loss over the largest train_loss of all models; written when the run ends"}};
  const auto accuracy = [](const char* name, const char* set) {
    return DatasetSpec{.name = name, .description = fmt::format("fraction of the {} set whose class is right", set)};
  };
  if (classes) group.datasets.push_back(accuracy("train_accuracy", "training"));
  if (config.task.test_samples == 0) return group;
  group.datasets.push_back(
      {.name = "test_loss", .description = fmt::format("sum of {} over the whole test set", loss)});
  if (classes) group.datasets.push_back(accuracy("test_accuracy", "test"));
  return group;
}

GroupSpec trace_group(const Config& config, const ModelConfig& model, const std::vector<Stage>& stages) {
  const RecordConfig& record = config.record;
  const std::string path = fmt::format("/models/{}", model.name);
  const bool asked = !record.trials.empty() || record.every > 0 || record.unsettled_limit > 0;
  if (stages.empty() || !asked || !solver_kind(model.dynamics.solver).has_trajectory) {
    return {.path = path + "/trace", .row_dimension = "record"};
  }
  std::vector<StagePlan> plans;
  for (const Stage& stage : stages) plans.push_back({stage, stage_phases(stage, model.dynamics)});
  return trace_group(path, plans, trace_settings(config, model));
}

FormOfCircuit form_of_stage(const Config& config, const ModelConfig& model, const Stage& stage) {
  if (config.fast != "auto" || stage.timing != Stage::Timing::inversion || stage.loops.size() != 1) return {};
  const DynamicsConfig& dynamics = model.dynamics;
  return accelerated_form(stage.circuit, stage.loops.front().controller, solver_kind(dynamics.solver),
                          solver_settings(dynamics), dynamics.duration, config.learning.batch);
}

}  // namespace

GroupSpec weights_group(const Config& config, const ModelConfig& model) {
  GroupSpec group{.path = fmt::format("/models/{}/weights", model.name), .row_dimension = "snapshot"};
  group.datasets.push_back(counter("snapshot", "trials done by then"));
  const auto& layers = config.network.layers;
  const auto unit = [](std::size_t l) { return fmt::format("unit_{}", l); };
  for (const UnitAxis& axis : layer_axes(layers)) group.axes.push_back(counted(axis));
  for (std::size_t l = 1; l < layers.size(); ++l) {
    group.datasets.push_back(
        {.name = fmt::format("W{}", l), .axes = {unit(l), unit(l - 1)}, .description = "forward weights"});
    if (!config.network.bias) continue;
    group.datasets.push_back({.name = fmt::format("b{}", l), .axes = {unit(l)}, .description = "biases"});
  }
  const CreditModel& credit = credit_model(model.credit);
  if (!credit.feedback) return group;
  for (const FeedbackPath& path : credit.feedback(layers.size() - 1)) {
    group.datasets.push_back(
        {.name = path.name, .axes = {unit(path.bottom), unit(path.top)}, .description = "feedback weights"});
  }
  return group;
}

void append_weights(const Network& network, std::span<const FeedbackPath> paths, const Feedback& feedback, Rows& row) {
  std::size_t column = 1;
  for (std::size_t l = 1; l <= network.depth(); ++l) {
    append_row_major(row.values[column++], network.W[l]);
    if (network.bias) append_row_major(row.values[column++], network.b[l]);
  }
  for (const FeedbackPath& path : paths) append_row_major(row.values[column++], feedback[path.number]);
}

SolverSettings solver_settings(const DynamicsConfig& dynamics) {
  return {.dt = dynamics.dt,
          .settle_tolerance = dynamics.settle_tolerance,
          .rtol = dynamics.rtol,
          .atol = dynamics.atol,
          .divergence_limit = dynamics.divergence_limit,
          .max_steps = dynamics.max_steps,
          .parameters = dynamics.parameters};
}

LoopParameters loop_parameters(const Config& config, const ModelConfig& model) {
  const DynamicsConfig& d = model.dynamics;
  LoopParameters parameters{.alpha = model.alpha,
                            .tau_delta = d.tau_delta,
                            .tau_u = d.tau_u,
                            .tau_h = d.tau_h,
                            .transfer = transfer(d.transfer),
                            .parameters = model.parameters};
  if (d.plasticity == "continuous") {
    parameters.plasticity =
        ContinuousPlasticity{.tau = d.tau_w, .eta = config.learning.rate, .lambda = config.learning.decay};
  }
  return parameters;
}

std::vector<Stage> model_stages(const ModelConfig& model, const Network& network, const LoopParameters& parameters) {
  const CreditModel& credit = credit_model(model.credit);
  if (!credit.stages) return {};
  std::vector<Stage> stages = credit.stages(network, parameters);
  if (model.dynamics.forward == "dynamic") stages.insert(stages.begin(), forward_stage(network, parameters.tau_h));
  return stages;
}

std::vector<Phase> stage_phases(const Stage& stage, const DynamicsConfig& dynamics) {
  if (stage.timing == Stage::Timing::forward) return {{.duration = dynamics.forward_duration, .target = false}};
  if (stage.timing == Stage::Timing::inversion || dynamics.phases.empty()) return {{.duration = dynamics.duration}};
  std::vector<Phase> phases;
  double end = 0;
  for (const PhaseConfig& p : dynamics.phases) {
    if (p.start > end) phases.push_back({.start = end, .duration = p.start - end, .stimulus = false, .target = false});
    phases.push_back({.start = p.start, .duration = p.duration, .stimulus = p.stimulus, .target = p.target});
    end = p.start + p.duration;
  }
  return phases;
}

std::size_t loop_values(const Config& config, const ModelConfig& model) {
  const SolverKind& kind = solver_kind(model.dynamics.solver);
  const std::size_t of_groups = evaluators_of_groups(kind, config.learning.batch, threads_of_model(config));
  std::size_t values = 0;
  for (const Stage& stage : stages_of(config, model)) {
    const bool plain = form_of_stage(config, model, stage).form == AcceleratedForm::reference;
    for (const Projection& p : stage.circuit.projections()) {
      if (const auto* matrix = std::get_if<arma::mat>(&p.weights))
        values += (2 + (plain ? of_groups : 0)) * matrix->n_elem;
    }
  }
  return values;
}

AcceleratedForms accelerated_forms(const Config& config, const ModelConfig& model) {
  AcceleratedForms fast;
  std::vector<std::string> forms;
  if (learns_in_blocks(config, model)) {
    forms.push_back(fmt::format("learns in blocks of {} trials", trials_in_block));
    if (config.learning.precision == "single") forms.back() += ", W1 in single precision";
  }
  for (const Stage& stage : stages_of(config, model)) {
    const FormOfCircuit of = form_of_stage(config, model, stage);
    if (of.form == AcceleratedForm::reference) continue;
    const ControlLoop& loop = stage.loops.front();
    forms.push_back(fmt::format("loop {} as {} units", loop.number, of.units));
    if (of.form == AcceleratedForm::strided) forms.back() += ", several steps at once";
    if (of.form == AcceleratedForm::propagated) forms.back() += ", all steps at once";
    fast.values += of.values;
  }
  fast.text = fmt::format("{}", fmt::join(forms, "; "));
  return fast;
}

Network empty_network(const Config& config) {
  std::vector<std::string> activation = config.network.activation;
  activation.push_back(config.network.output);
  return {config.network.layers, activation, config.network.bias};
}

TraceSettings trace_settings(const Config& config, const ModelConfig& model) {
  TraceSettings settings{.interval = config.record.interval > 0 ? config.record.interval : model.dynamics.dt,
                         .record = &config.record,
                         .units = layer_axes(config.network.layers)};
  const auto columns = measure_columns(config, model);
  const bool measured = std::ranges::any_of(columns, [](const auto& m) { return m.first->needs_trajectory; });
  settings.sample_interval = measured ? model.dynamics.dt : settings.interval;
  return settings;
}

std::vector<std::pair<const TrialMeasure*, std::size_t>> measure_columns(const Config& config,
                                                                         const ModelConfig& model) {
  const CreditModel& credit = credit_model(model.credit);
  const std::size_t depth = config.network.layers.size() - 1;
  std::vector<std::size_t> loops;
  for (const Stage& stage : stages_of(config, model)) {
    for (const ControlLoop& loop : stage.loops) loops.push_back(loop.number);
  }
  std::ranges::sort(loops);

  std::vector<std::pair<const TrialMeasure*, std::size_t>> columns;
  for (const TrialMeasure& measure : trial_measures()) {
    if (std::ranges::find(config.record.measures, measure.name) == config.record.measures.end()) continue;
    if (measure.needs_loops && loops.empty()) continue;
    if (measure.needs_trajectory && !solver_kind(model.dynamics.solver).has_trajectory) continue;
    switch (measure.of) {
      case TrialMeasure::Of::credit:
        for (std::size_t l = 1; l < depth; ++l) columns.emplace_back(&measure, l);
        break;
      case TrialMeasure::Of::feedback:
        if (!credit.feedback) break;
        for (const FeedbackPath& path : credit.feedback(depth)) columns.emplace_back(&measure, path.number);
        break;
      case TrialMeasure::Of::loop:
        for (const std::size_t l : loops) columns.emplace_back(&measure, l);
        break;
    }
  }
  return columns;
}

ModelGroups model_groups(const Config& config, const ModelConfig& model) {
  const auto stages = stages_of(config, model);
  ModelGroups groups{.learning = learning_group(config, model, stages),
                     .eval = eval_group(config, model),
                     .weights = weights_group(config, model),
                     .trace = trace_group(config, model, stages),
                     .state = {}};
  groups.state = state_group(model, groups.weights);
  return groups;
}

}  // namespace dynvert
