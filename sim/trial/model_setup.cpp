#include <dynvert/models/credit/dynamic_forward.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/sim/config/build_network.hpp>
#include <dynvert/sim/config/learning_blocks.hpp>
#include <dynvert/sim/solvers/accelerated_solver.hpp>
#include <dynvert/sim/solvers/batched_solver.hpp>
#include <dynvert/sim/trial/learning_reference.hpp>
#include <dynvert/sim/trial/measures.hpp>
#include <dynvert/sim/trial/model_credit.hpp>
#include <dynvert/sim/trial/model_setup.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace dynvert {

namespace {

FormOfCircuit form_of_stage(const Config& config, const ModelConfig& model, const Stage& stage) {
  if (config.fast != "auto" || stage.timing != Stage::Timing::inversion || stage.loops.size() != 1) return {};
  const DynamicsConfig& dynamics = model.dynamics;
  return accelerated_form(stage.circuit, stage.loops.front().controller, solver_kind(dynamics.solver),
                          solver_settings(dynamics), dynamics.duration, config.learning.batch);
}

/// Samples of a trajectory that measures look at: a settling time is known to one part in so many of the duration, and
/// the memory for it is bounded whatever the step.
constexpr double max_measured_samples = 20'000;

/// The time between these samples: a step, or, of more steps than that, as many of them as divide the interval of the
/// trace.
double measured_interval(double dt, double interval, double duration) {
  const double steps = std::round(interval / dt);
  const double wanted = std::ceil(duration / dt / max_measured_samples);
  if (wanted <= 1 || !(steps > 1)) return dt;
  constexpr double max_searched = 1e6;
  for (double stride = wanted; stride < steps && stride < wanted + max_searched; ++stride) {
    if (std::fmod(steps, stride) == 0) return stride * dt;
  }
  return interval;
}

}  // namespace

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

void note_settling_band(const DynamicsConfig& dynamics, std::vector<Attribute>& attributes) {
  if (dynamics.settling_band != default_settling_band) attributes.push_back({"settling_band", dynamics.settling_band});
}

TrialRunner::Assign credit_rule(const Config& config, const ModelConfig& model) {
  const CreditModel credit = credit_of(config, model).credit;
  if (!credit.assign) return nullptr;
  return [credit, parameters = model.parameters](const Network& network, const Feedback& feedback,
                                                 const Activity& activity, Credit& signals) {
    credit.assign(network, feedback, activity, parameters, signals);
  };
}

std::vector<Stage> model_stages(const Config& config, const ModelConfig& model, const Network& network,
                                const LoopParameters& parameters) {
  const CreditModel credit = credit_of(config, model).credit;
  if (!credit.stages) return {};
  std::vector<Stage> stages = credit.stages(network, parameters);
  if (model.dynamics.forward == "dynamic") stages.insert(stages.begin(), forward_stage(network, parameters.tau_h));
  for (Stage& stage : stages) stage.settling_band = model.dynamics.settling_band;
  return stages;
}

std::vector<Stage> stages_of(const Config& config, const ModelConfig& model) {
  return model_stages(config, model, empty_network(config), loop_parameters(config, model));
}

std::vector<Phase> stage_phases(const Stage& stage, const DynamicsConfig& dynamics) {
  if (stage.interval) return {*stage.interval};
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

std::vector<StagePlan> stage_plans(std::vector<Stage> stages, const DynamicsConfig& dynamics) {
  std::vector<StagePlan> plans;
  for (Stage& stage : stages) {
    auto phases = stage_phases(stage, dynamics);
    plans.push_back({std::move(stage), std::move(phases)});
  }
  return plans;
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

TraceSettings trace_settings(const Config& config, const ModelConfig& model) {
  TraceSettings settings{.interval = config.record.interval > 0 ? config.record.interval : model.dynamics.dt,
                         .populations = config.record.populations,
                         .own = config.record.population};
  const auto columns = measure_columns(config, model);
  const bool measured = std::ranges::any_of(columns, [](const auto& m) { return m.measure->needs_trajectory; });
  settings.sample_interval =
      measured ? measured_interval(model.dynamics.dt, settings.interval, model.dynamics.duration) : settings.interval;
  // averages of what a circuit learns from are over every step
  const auto circuit = credit_of(config, model).circuit;
  if (circuit != nullptr && circuit->takes_averages()) settings.sample_interval = model.dynamics.dt;
  return settings;
}

std::vector<MeasureColumn> measure_columns(const Config& config, const ModelConfig& model) {
  const ModelCredit of = credit_of(config, model);
  const CreditModel& credit = of.credit;
  const DescribedCircuit* const circuit = of.circuit.get();
  const std::size_t depth = config.network.layers.size() - 1;
  // credit signals are compared with those of the network's own forward pass
  const auto has_credit = [&](std::size_t l) {
    return circuit == nullptr || (circuit->plan().forward() && circuit->plan().credit(l));
  };
  std::vector<std::size_t> loops;
  for (const Stage& stage : stages_of(config, model)) {
    for (const ControlLoop& loop : stage.loops) loops.push_back(loop.number);
  }
  std::ranges::sort(loops);

  std::vector<MeasureColumn> columns;
  const auto add = [&](const TrialMeasure& measure, std::size_t l) {
    columns.push_back({&measure, l, std::to_string(l)});
  };
  for (const TrialMeasure& measure : measures()) {
    if (std::ranges::find(config.record.measures, measure.name) == config.record.measures.end()) continue;
    if (measure.needs_loops && loops.empty()) continue;
    if (measure.needs_trajectory && !solver_kind(model.dynamics.solver).has_trajectory) continue;
    switch (measure.of) {
      case TrialMeasure::Of::credit:
        for (std::size_t l = 1; l < depth; ++l) {
          if (has_credit(l)) add(measure, l);
        }
        break;
      case TrialMeasure::Of::feedback:
        if (!credit.feedback) break;
        for (const FeedbackPath& path : credit.feedback(depth)) add(measure, path.number);
        break;
      case TrialMeasure::Of::loop:
        for (const std::size_t l : loops) add(measure, l);
        break;
      case TrialMeasure::Of::matrix: {
        if (config.kind != ExperimentKind::learning) break;
        const LearningReference reference(config, model);
        if (measure.needs_network && !reference.is_of_network()) break;
        for (std::size_t m = 0; m < reference.matrices().size(); ++m) {
          // the network's own forward pass depends on none but its own
          const LearningReference::Matrix& matrix = reference.matrices()[m];
          if (reference.is_of_network() && matrix.place.in == MatrixPlace::In::others) continue;
          columns.push_back({&measure, m, matrix.name});
        }
        break;
      }
    }
  }
  return columns;
}

double value_or_nan(const TrialMeasure& measure, const TrialView& trial, std::size_t l) {
  try {
    return measure.value(trial, l);
  } catch (const NumericalError&) {
    return std::numeric_limits<double>::quiet_NaN();
  }
}

std::size_t threads_of_model(const Config& config) {
  return std::max<std::size_t>(1, config.threads / config.models.size());
}

double trajectory_values(const Config& config, const ModelConfig& model) {
  if (!solver_kind(model.dynamics.solver).has_trajectory) return 0;
  double values = 0;
  for (const Stage& stage : stages_of(config, model)) {
    const auto phases = stage_phases(stage, model.dynamics);
    const double duration = phases.back().start + phases.back().duration;
    const auto state = static_cast<double>(RightHandSide(stage.circuit, 1).layout().size() * config.learning.batch);
    values += state * duration / trace_settings(config, model).sample_interval;
  }
  return values;
}

double gradient_values(const Config& config, const ModelConfig& model) {
  if (!credit_of(config, model).circuit->has_own_readout()) return 0;
  double values = 0;
  for (const Stage& stage : stages_of(config, model)) {
    const auto state = static_cast<double>(RightHandSide(stage.circuit, 1).layout().size() * config.learning.batch);
    const double steps =
        solver_kind(model.dynamics.solver).steps && stage.interval ? stage.interval->duration / model.dynamics.dt : 1;
    // checkpoints, and the states between two of them
    values += 2 * state * std::ceil(std::sqrt(steps));
  }
  return values;
}

}  // namespace dynvert
