#include <dynvert/models/circuit/input_signal.hpp>
#include <dynvert/models/circuit/rate_function.hpp>
#include <dynvert/models/credit/credit.hpp>
#include <dynvert/models/network/feedback.hpp>
#include <dynvert/sim/experiment/error_signals.hpp>
#include <dynvert/sim/experiment/projection_kinds.hpp>
#include <dynvert/sim/registry.hpp>
#include <dynvert/sim/solvers/solver.hpp>
#include <dynvert/sim/tasks/task.hpp>
#include <dynvert/sim/trial/feedback_weights.hpp>
#include <dynvert/sim/trial/initial_network.hpp>
#include <dynvert/sim/trial/measures.hpp>

#include <algorithm>

namespace dynvert {

namespace {

Choice entry(std::string_view name, std::string_view summary, std::vector<Parameter> parameters = {}) {
  return {.name = std::string(name), .summary = std::string(summary), .parameters = std::move(parameters)};
}

Choice entry_of(const TaskKind& task) {
  Choice choice = entry(task.name, task.summary, task.parameters);
  choice.keys.assign(task.keys.begin(), task.keys.end());
  choice.defaults = task.defaults;
  choice.gives_probabilities = task.gives_probabilities;
  choice.count_samples = task.count_samples;
  return choice;
}

// Which common keys a rule of credit or a solver uses follows from what it is.

Choice entry_of(const CreditModel& credit) {
  Choice choice = entry(credit.name, credit.summary, credit.parameters);
  const auto use = [&](const std::vector<std::string>& keys) {
    choice.keys.insert(choice.keys.end(), keys.begin(), keys.end());
  };
  if (credit.stages) use({"alpha", "dynamics"});
  if (credit.concurrent) use({"phases", "plasticity", "tau_w"});
  if (credit.stages && !credit.concurrent) use({"forward", "forward_duration"});
  if (credit.feedback) {
    use({"feedback"});
    // as it is in a network that is deep enough to tell
    choice.spans_layers =
        std::ranges::any_of(credit.feedback(3), [](const FeedbackPath& path) { return path.top > path.bottom + 1; });
  }
  return choice;
}

Choice entry_of(const SolverKind& solver) {
  Choice choice = entry(solver.name, solver.summary, solver.parameters);
  const auto use = [&](const std::vector<std::string>& keys) {
    choice.keys.insert(choice.keys.end(), keys.begin(), keys.end());
  };
  if (solver.has_trajectory) use({"dt", "duration", "forward_duration", "phases"});
  if (solver.can_settle) use({"settle_tolerance"});
  if (solver.can_settle || solver.fixed_step) use({"max_steps"});
  if (solver.adaptive) use({"rtol", "atol"});
  choice.fixed_step = solver.fixed_step;
  choice.linear_only = solver.linear_only;
  choice.takes_noise = solver.takes_noise;
  return choice;
}

Choice entry_of(const SignalShape& shape) {
  Choice choice = entry(shape.name, shape.summary, shape.parameters);
  choice.constant = signal_shape(shape.name) == InputSignal::Shape::step;
  return choice;
}

/// Of what says which common keys it uses.
template <typename Kind>
Choice entry_with_keys(const Kind& kind) {
  Choice choice = entry(kind.name, kind.summary, kind.parameters);
  choice.keys = kind.keys;
  return choice;
}

}  // namespace

ConfigRegistry config_registry() {
  ConfigRegistry r;
  for (const TaskKind& task : task_kinds()) r.tasks.push_back(entry_of(task));
  for (const CreditModel& credit : credit_models()) r.credits.push_back(entry_of(credit));
  for (const SolverKind& solver : solver_kinds()) r.solvers.push_back(entry_of(solver));
  for (const FeedbackKind& kind : feedback_kinds()) {
    r.feedback_kinds.push_back(entry_with_keys(kind));
    if (find_feedback_formula(kind.name) != nullptr) r.feedback_factors.push_back(r.feedback_kinds.back());
  }
  for (const InitKind& kind : init_kinds()) r.inits.push_back(entry_with_keys(kind));
  for (const ErrorSignal& signal : error_signals()) r.error_signals.push_back(entry_with_keys(signal));
  for (const ProjectionKind& kind : projection_kinds()) {
    r.projections.push_back(entry_with_keys(kind));
    r.projections.back().one_to_one = kind.one_to_one;
  }
  for (const TransmissionKind& kind : transmission_kinds()) {
    r.transmissions.push_back(entry(kind.name, kind.summary));
    r.transmissions.back().keys = kind.keys;
  }
  for (const SignalShape& shape : signal_shapes()) r.inputs.push_back(entry_of(shape));
  for (const TransferKind& transfer : transfer_kinds()) r.transfers.push_back(entry(transfer.name, transfer.summary));
  for (const RateFunction& g : rate_functions()) {
    if (g.elementwise) r.activations.push_back(entry(g.name, g.summary));
    r.outputs.push_back(entry(g.name, g.summary));
  }
  for (const TrialMeasure& measure : measures()) r.measures.push_back(entry(measure.name, measure.description));
  return r;
}

}  // namespace dynvert
