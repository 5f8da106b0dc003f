#include <dynvert/models/circuit/input_signal.hpp>
#include <dynvert/models/circuit/rate_function.hpp>
#include <dynvert/models/credit/credit.hpp>
#include <dynvert/models/network/feedback.hpp>
#include <dynvert/sim/measures.hpp>
#include <dynvert/sim/registry.hpp>
#include <dynvert/sim/solvers/solver.hpp>
#include <dynvert/sim/tasks/task.hpp>

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
  if (solver.can_settle) use({"settle_tolerance", "max_steps"});
  if (solver.adaptive) use({"rtol", "atol"});
  choice.fixed_step = solver.fixed_step;
  return choice;
}

Choice entry_of(const FeedbackFormula& formula) {
  Choice choice = entry(formula.kind, formula.summary, formula.parameters);
  choice.keys = {formula.uses_half_width ? "half_width" : "gain"};
  return choice;
}

}  // namespace

ConfigRegistry config_registry() {
  ConfigRegistry r;
  for (const TaskKind& task : task_kinds()) r.tasks.push_back(entry_of(task));
  for (const CreditModel& credit : credit_models()) r.credits.push_back(entry_of(credit));
  for (const SolverKind& solver : solver_kinds()) r.solvers.push_back(entry_of(solver));
  for (const FeedbackFormula& formula : feedback_formulas()) r.feedback_factors.push_back(entry_of(formula));
  for (const SignalShape& shape : signal_shapes())
    r.inputs.push_back(entry(shape.name, shape.summary, shape.parameters));
  for (const TransferKind& transfer : transfer_kinds()) r.transfers.push_back(entry(transfer.name, transfer.summary));
  for (const RateFunction& g : rate_functions()) {
    if (g.elementwise) r.activations.push_back(entry(g.name, g.summary));
    r.outputs.push_back(entry(g.name, g.summary));
  }
  for (const TrialMeasure& measure : measures()) r.measures.push_back(entry(measure.name, measure.description));

  // what is no formula of the weights, see sim/trial/feedback_weights.hpp
  r.feedback_kinds = r.feedback_factors;
  r.feedback_kinds.push_back({.name = "product",
                              .keys = {"factor", "gain", "half_width"},
                              .summary = "the product of one matrix for each layer of the loop"});
  r.feedback_kinds.push_back({.name = "optimised",
                              .keys = {"half_width", "margin"},
                              .summary = "drawn from U(-w, w), then changed until the loop is stable"});
  r.feedback_kinds.push_back(
      {.name = "file", .keys = {"path", "group", "snapshot"}, .summary = "read from an HDF5 file"});
  // sim/trial/initial_network.hpp
  r.inits = {{.name = "uniform", .keys = {"half_width"}, .summary = "drawn from U(-w, w)"},
             {.name = "orthogonal", .keys = {"gain"}, .summary = "random matrices with orthonormal columns or rows"},
             {.name = "file", .keys = {"path", "group", "snapshot"}, .summary = "read from an HDF5 file"}};
  // sim/experiment/inversion_experiment.cpp
  r.error_signals = {
      {.name = "step", .summary = "constant from its onset on"},
      {.name = "ramp", .keys = {"rise"}, .summary = "grows linearly to its full size"},
      {.name = "noise", .keys = {"noise", "noise_tau"}, .summary = "fluctuates as an Ornstein-Uhlenbeck process"}};
  // sim/experiment/circuit_experiment.cpp
  r.projections = {
      {.name = "one_to_one", .keys = {"weight"}, .summary = "one weight from each unit to the one of its number"},
      {.name = "matrix", .keys = {"matrix"}, .summary = "written out in the configuration"},
      {.name = "uniform", .keys = {"half_width"}, .summary = "drawn from U(-w, w)"},
      {.name = "file", .keys = {"path", "group", "dataset"}, .summary = "read from an HDF5 file"}};
  r.transmissions = {
      {.name = "rate", .summary = "the rate g(x) of the source"},
      {.name = "state", .summary = "its state x"},
      {.name = "gain", .keys = {"follows", "reciprocal"}, .summary = "its state times a slope of another population"}};
  return r;
}

}  // namespace dynvert
