// What a model records: the groups of the file, from the configuration alone.

#include <dynvert/sim/model_run.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace dynvert {

namespace {

Axis unit_axis(std::size_t layer, std::size_t units) {
  Axis axis{.name = fmt::format("unit_{}", layer), .values = std::vector<double>(units)};
  std::iota(axis.values.begin(), axis.values.end(), 0.0);
  axis.description = fmt::format("number of the unit in layer {}", layer);
  return axis;
}

DatasetSpec counter(std::string name, std::string description) {
  return {.name = std::move(name), .type = ValueType::integer, .description = std::move(description)};
}

std::vector<Loop> loops_of(const Config& config, const ModelConfig& model) {
  const CreditModel& credit = credit_model(model.credit);
  if (!credit.loops) return {};
  return credit.loops(empty_network(config), loop_parameters(model));
}

GroupSpec learning_group(const Config& config, const ModelConfig& model, const std::vector<Loop>& loops) {
  GroupSpec group{.path = fmt::format("/models/{}/learning", model.name), .row_dimension = "trial"};
  group.datasets.push_back(counter("trial", "number of the trial, from 0"));
  group.datasets.push_back(
      {.name = "trial_error",
       .description = "squared error |t - y|^2 of what the trial showed, before the weight change"});
  for (const auto& [measure, l] : measure_columns(config, model)) {
    group.datasets.push_back({.name = fmt::format("{}_{}", measure->name, l),
                              .units = std::string(measure->units),
                              .description = std::string(measure->description)});
  }
  for (const Loop& loop : loops) {
    const std::size_t l = loop.layer;
    group.datasets.push_back(
        counter(fmt::format("steps_{}", l), "steps of the solver; Newton iterations of fixed_point"));
    auto flag = counter(fmt::format("converged_{}", l), "whether the loop ended within 2 % of its steady state");
    flag.legend = "1 yes, 0 no, -1 diverged, -2 there is no unique steady state";
    group.datasets.push_back(flag);
    if (model.feedback.restabilise) {
      auto event =
          counter(fmt::format("restabilised_{}", l), "whether the feedback was optimised again before this trial");
      event.legend = "1 yes, 0 no";
      group.datasets.push_back(event);
    }
  }
  return group;
}

GroupSpec eval_group(const ModelConfig& model) {
  GroupSpec group{.path = fmt::format("/models/{}/eval", model.name), .row_dimension = "evaluation"};
  group.datasets = {counter("evaluation", "trials done by then"),
                    {.name = "train_loss", .description = "sum of |t - y|^2 over the whole training set"},
                    {.name = "nse",
                     .description = "train_loss over the largest train_loss of all models; written when the run ends"}};
  return group;
}

GroupSpec weights_group(const Config& config, const ModelConfig& model) {
  GroupSpec group{.path = fmt::format("/models/{}/weights", model.name), .row_dimension = "snapshot"};
  group.datasets.push_back(counter("snapshot", "trials done by then"));
  const auto& layers = config.network.layers;
  const auto unit = [](std::size_t l) { return fmt::format("unit_{}", l); };
  for (std::size_t l = 0; l < layers.size(); ++l) group.axes.push_back(unit_axis(l, layers[l]));
  for (std::size_t l = 1; l < layers.size(); ++l) {
    group.datasets.push_back(
        {.name = fmt::format("W{}", l), .axes = {unit(l), unit(l - 1)}, .description = "forward weights"});
    if (!config.network.bias) continue;
    group.datasets.push_back({.name = fmt::format("b{}", l), .axes = {unit(l)}, .description = "biases"});
  }
  if (!credit_model(model.credit).uses_feedback) return group;
  for (std::size_t l = 2; l < layers.size(); ++l) {
    group.datasets.push_back(
        {.name = fmt::format("B{}", l), .axes = {unit(l - 1), unit(l)}, .description = "feedback weights"});
  }
  return group;
}

GroupSpec trace_group(const Config& config, const ModelConfig& model, const std::vector<Loop>& loops) {
  GroupSpec group{.path = fmt::format("/models/{}/trace", model.name), .row_dimension = "record"};
  const RecordConfig& record = config.record;
  const bool asked = !record.trials.empty() || record.every > 0 || record.unsettled_limit > 0;
  if (loops.empty() || !asked || !solver_kind(model.dynamics.solver).has_trajectory) return group;

  const double interval = trace_interval(config, model);
  Axis time{.name = "time",
            .integer = false,
            .units = "time",
            .description = "time in the loop, in units of the time constants"};
  const auto samples = static_cast<std::size_t>(std::floor(model.dynamics.duration / interval * (1 + 1e-12))) + 1;
  for (std::size_t k = 0; k < samples; ++k) time.values.push_back(static_cast<double>(k) * interval);
  group.axes.push_back(std::move(time));

  group.datasets.push_back(counter("record", "number of the record"));
  group.datasets.push_back(counter("trial", "number of the trial, from 0"));
  std::vector<std::size_t> layers;
  const auto unit = [&](std::size_t l) {
    if (std::ranges::find(layers, l) == layers.end()) layers.push_back(l);
    return fmt::format("unit_{}", l);
  };
  for (const Loop& loop : loops) {
    for (const Population& population : loop.circuit.populations()) {
      if (!is_recorded_population(config, population.name)) continue;
      group.datasets.push_back({.name = population.name,
                                .axes = {"time", unit(layer_of(population.name))},
                                .description = "state of the population; NaN after a trial that ended early"});
    }
    group.datasets.push_back({.name = fmt::format("s_{}", loop.layer),
                              .axes = {unit(loop.layer)},
                              .description = "the signal that the loop inverts: the error that drove the trial"});
  }
  auto flag = counter("converged", "whether every loop ended within 2 % of its steady state");
  flag.legend = "1 yes, 0 no, -1 diverged, -2 there is no unique steady state";
  group.datasets.push_back(flag);
  group.datasets.push_back({.name = "settling_time",
                            .units = "time",
                            .description = "the latest settling time of the loops; NaN: one did not settle"});
  std::ranges::sort(layers);
  for (const std::size_t l : layers) group.axes.push_back(unit_axis(l, config.network.layers[l]));
  return group;
}

}  // namespace

LoopParameters loop_parameters(const ModelConfig& model) {
  return {.alpha = model.alpha, .tau_delta = model.dynamics.tau_delta, .tau_u = model.dynamics.tau_u};
}

Network empty_network(const Config& config) {
  std::vector<std::string> activation = config.network.activation;
  activation.push_back(config.network.output);
  return {config.network.layers, activation, config.network.bias};
}

double trace_interval(const Config& config, const ModelConfig& model) {
  return config.record.interval > 0 ? config.record.interval : model.dynamics.dt;
}

std::size_t layer_of(std::string_view population) {
  return std::stoul(std::string(population.substr(population.rfind('_') + 1)));
}

bool is_recorded_population(const Config& config, std::string_view name) {
  const auto& wanted = config.record.populations;
  return wanted.empty() || std::ranges::find(wanted, name) != wanted.end();
}

std::vector<std::pair<const TrialMeasure*, std::size_t>> measure_columns(const Config& config,
                                                                         const ModelConfig& model) {
  const CreditModel& credit = credit_model(model.credit);
  const std::size_t depth = config.network.layers.size() - 1;
  std::vector<std::size_t> loop_layers;
  for (const Loop& loop : loops_of(config, model)) loop_layers.push_back(loop.layer);
  std::ranges::sort(loop_layers);

  std::vector<std::pair<const TrialMeasure*, std::size_t>> columns;
  for (const TrialMeasure& measure : trial_measures()) {
    if (std::ranges::find(config.record.measures, measure.name) == config.record.measures.end()) continue;
    if (measure.needs_loops && loop_layers.empty()) continue;
    if (measure.needs_trajectory && !solver_kind(model.dynamics.solver).has_trajectory) continue;
    switch (measure.of) {
      case TrialMeasure::Of::credit:
        for (std::size_t l = 1; l < depth; ++l) columns.emplace_back(&measure, l);
        break;
      case TrialMeasure::Of::feedback:
        if (!credit.uses_feedback) break;
        for (std::size_t l = 2; l <= depth; ++l) columns.emplace_back(&measure, l);
        break;
      case TrialMeasure::Of::loop:
        for (const std::size_t l : loop_layers) columns.emplace_back(&measure, l);
        break;
    }
  }
  return columns;
}

ModelGroups model_groups(const Config& config, const ModelConfig& model) {
  const auto loops = loops_of(config, model);
  return {.learning = learning_group(config, model, loops),
          .eval = eval_group(model),
          .weights = weights_group(config, model),
          .trace = trace_group(config, model, loops)};
}

}  // namespace dynvert
