// What a model records: the groups of the file, from the configuration alone.

#include <dynvert/models/dynamic_forward.hpp>
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

constexpr auto converged_legend = "1 yes, 0 no, -1 diverged, -2 there is no unique steady state";

DatasetSpec counter(std::string name, std::string description) {
  return {.name = std::move(name), .type = ValueType::integer, .description = std::move(description)};
}

std::vector<Stage> stages_of(const Config& config, const ModelConfig& model) {
  return model_stages(model, empty_network(config), loop_parameters(config, model));
}

GroupSpec learning_group(const Config& config, const ModelConfig& model, const std::vector<Stage>& stages) {
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
  const CreditModel& credit = credit_model(model.credit);
  if (!credit.feedback) return group;
  for (const FeedbackPath& path : credit.feedback(layers.size() - 1)) {
    group.datasets.push_back(
        {.name = path.name, .axes = {unit(path.bottom), unit(path.top)}, .description = "feedback weights"});
  }
  return group;
}

/// The samples of a stage's traces.
Axis time_axis(const Stage& stage, const ModelConfig& model, double interval) {
  const auto phases = stage_phases(stage, model.dynamics);
  const double end = phases.back().start + phases.back().duration;
  Axis time{.name = std::string(time_name(stage)), .integer = false, .units = "time"};
  switch (stage.timing) {
    case Stage::Timing::forward:
      time.description = "time in the forward pass, in units of the time constants";
      break;
    case Stage::Timing::inversion:
      time.description = "time in the loop, in units of the time constants";
      break;
    case Stage::Timing::schedule:
      time.description = "time in the trial, in units of the time constants";
      break;
  }
  const auto samples = static_cast<std::size_t>(std::floor(end / interval * (1 + 1e-12))) + 1;
  for (std::size_t k = 0; k < samples; ++k) time.values.push_back(static_cast<double>(k) * interval);
  return time;
}

class TraceGroup {
 public:
  TraceGroup(const Config& config, const ModelConfig& model) : config_(config), model_(model) {
    group_ = {.path = fmt::format("/models/{}/trace", model.name), .row_dimension = "record"};
  }

  GroupSpec make(const std::vector<Stage>& stages) {
    group_.datasets.push_back(counter("record", "number of the record"));
    group_.datasets.push_back(counter("trial", "number of the trial, from 0"));
    for (const Stage& stage : stages) add(stage);
    auto flag = counter("converged", "whether every loop was within 2 % of its steady state");
    flag.legend = converged_legend;
    group_.datasets.push_back(flag);
    group_.datasets.push_back({.name = "settling_time",
                               .units = "time",
                               .description = "the latest settling time of the loops; NaN: one did not settle"});
    std::ranges::sort(layers_);
    for (const std::size_t l : layers_) group_.axes.push_back(unit_axis(l, config_.network.layers[l]));
    return std::move(group_);
  }

 private:
  std::string unit(std::size_t layer) {
    if (std::ranges::find(layers_, layer) == layers_.end()) layers_.push_back(layer);
    return fmt::format("unit_{}", layer);
  }

  void add(const Stage& stage) {
    const std::string time(time_name(stage));
    if (std::ranges::find(group_.axes, time, &Axis::name) == group_.axes.end()) {
      group_.axes.push_back(time_axis(stage, model_, trace_interval(config_, model_)));
    }
    const RightHandSide f(stage.circuit, 1);
    for (std::size_t block = 0; block < f.layout().populations(); ++block) {
      if (!is_recorded(config_, stage, f, block)) continue;
      group_.datasets.push_back({.name = f.block_name(block),
                                 .axes = {time},
                                 .description = block < stage.layers.size()
                                                    ? "state of the population; NaN after a trial that ended early"
                                                    : "weights, which move during the trial"});
      auto& axes = group_.datasets.back().axes;
      for (const std::size_t layer : block_layers(stage, block)) axes.push_back(unit(layer));
    }
    if (stage.timing == Stage::Timing::inversion) {
      for (const ControlLoop& loop : stage.loops) {
        group_.datasets.push_back({.name = fmt::format("s_{}", loop.number),
                                   .axes = {unit(loop.source)},
                                   .description = "the signal that the loop inverts: the error that drove the trial"});
      }
    }
    for (const DerivedSignal& signal : stage.derived) {
      group_.datasets.push_back(
          {.name = signal.name, .axes = {time, unit(signal.layer)}, .description = signal.description});
    }
    if (stage.timing != Stage::Timing::schedule) return;
    for (const auto* name : {"stimulus", "target"}) {
      group_.datasets.push_back({.name = name,
                                 .type = ValueType::integer,
                                 .axes = {time},
                                 .description = fmt::format("whether the {} is on", name),
                                 .legend = "1 on, 0 off"});
    }
  }

  const Config& config_;
  const ModelConfig& model_;
  GroupSpec group_;
  std::vector<std::size_t> layers_;
};

GroupSpec trace_group(const Config& config, const ModelConfig& model, const std::vector<Stage>& stages) {
  const RecordConfig& record = config.record;
  const bool asked = !record.trials.empty() || record.every > 0 || record.unsettled_limit > 0;
  if (stages.empty() || !asked || !solver_kind(model.dynamics.solver).has_trajectory) {
    return {.path = fmt::format("/models/{}/trace", model.name), .row_dimension = "record"};
  }
  return TraceGroup(config, model).make(stages);
}

}  // namespace

LoopParameters loop_parameters(const Config& config, const ModelConfig& model) {
  const DynamicsConfig& d = model.dynamics;
  LoopParameters parameters{.alpha = model.alpha,
                            .tau_delta = d.tau_delta,
                            .tau_u = d.tau_u,
                            .tau_h = d.tau_h,
                            .transfer = transfer(d.transfer)};
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

std::size_t read_phase(const std::vector<Phase>& phases) {
  std::size_t last = phases.size() - 1;
  for (std::size_t i = 0; i < phases.size(); ++i) {
    if (phases[i].target) last = i;
  }
  return last;
}

std::string_view time_name(const Stage& stage) {
  return stage.timing == Stage::Timing::forward ? "time_forward" : "time";
}

std::vector<std::size_t> block_layers(const Stage& stage, std::size_t block) {
  if (block < stage.layers.size()) return {stage.layers[block]};
  const Projection& p = stage.circuit.projections()[stage.circuit.plasticity()[block - stage.layers.size()].projection];
  std::vector<std::size_t> layers{stage.layers[p.target]};
  // biases come from a unit that belongs to no layer
  if (stage.layers[p.source] != Stage::no_layer) layers.push_back(stage.layers[p.source]);
  return layers;
}

bool is_recorded(const Config& config, const Stage& stage, const RightHandSide& f, std::size_t block) {
  if (block < stage.layers.size() && stage.layers[block] == Stage::no_layer) return false;
  const auto& wanted = config.record.populations;
  if (!wanted.empty()) return std::ranges::find(wanted, f.block_name(block)) != wanted.end();
  return block >= stage.layers.size() || !stage.circuit.populations()[block].held;
}

Network empty_network(const Config& config) {
  std::vector<std::string> activation = config.network.activation;
  activation.push_back(config.network.output);
  return {config.network.layers, activation, config.network.bias};
}

double trace_interval(const Config& config, const ModelConfig& model) {
  return config.record.interval > 0 ? config.record.interval : model.dynamics.dt;
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
  return {.learning = learning_group(config, model, stages),
          .eval = eval_group(model),
          .weights = weights_group(config, model),
          .trace = trace_group(config, model, stages)};
}

}  // namespace dynvert
