#include <dynvert/models/circuit/rate_function.hpp>
#include <dynvert/models/credit/credit.hpp>
#include <dynvert/models/network/feedback.hpp>
#include <dynvert/sim/measures.hpp>
#include <dynvert/sim/registry.hpp>
#include <dynvert/sim/solvers/solver.hpp>
#include <dynvert/sim/tasks/task.hpp>

#include <algorithm>

namespace dynvert {

Vocabulary vocabulary() {
  Vocabulary v;
  for (const TaskKind& task : task_kinds()) {
    v.tasks.push_back({std::string(task.name),
                       {task.keys.begin(), task.keys.end()},
                       task.defaults,
                       task.gives_probabilities,
                       task.count_samples});
  }
  for (const CreditModel& credit : credit_models()) {
    Choice choice{std::string(credit.name)};
    if (credit.stages) choice.uses = {"alpha", "dynamics"};
    if (credit.concurrent) choice.uses.emplace_back("phases");
    if (credit.feedback) {
      choice.uses.emplace_back("feedback");
      // as it is in a network that is deep enough to tell
      const auto paths = credit.feedback(3);
      const auto spans = [](const FeedbackPath& path) { return path.top > path.bottom + 1; };
      if (std::ranges::any_of(paths, spans)) choice.uses.emplace_back("product");
    }
    v.credits.push_back(std::move(choice));
  }
  for (const SolverKind& solver : solver_kinds()) {
    Choice choice{std::string(solver.name)};
    if (solver.has_trajectory) choice.uses = {"dt", "duration"};
    if (solver.can_settle) choice.uses.insert(choice.uses.end(), {"settle_tolerance", "max_steps"});
    if (solver.adaptive) choice.uses.insert(choice.uses.end(), {"rtol", "atol"});
    v.solvers.push_back(std::move(choice));
    if (solver.fixed_step) v.fixed_step_solvers.emplace_back(solver.name);
  }
  for (const FeedbackFormula& formula : feedback_formulas()) {
    v.feedback_kinds.push_back({std::string(formula.kind), {formula.uses_half_width ? "half_width" : "gain"}});
  }
  for (const FeedbackFormula& formula : feedback_formulas()) v.feedback_factors.emplace_back(formula.kind);
  v.feedback_kinds.push_back({"product", {"factor", "gain", "half_width"}});
  v.feedback_kinds.push_back({"optimised", {"half_width", "margin"}});
  v.feedback_kinds.push_back({"file", {"path", "group", "snapshot"}});
  v.inits = {{"uniform", {"half_width"}}, {"orthogonal", {"gain"}}, {"file", {"path", "group", "snapshot"}}};
  v.error_signals = {{"step"}, {"ramp", {"rise"}}, {"noise", {"noise", "noise_tau"}}};
  v.projections = {{"one_to_one", {"weight"}},
                   {"matrix", {"matrix"}},
                   {"uniform", {"half_width"}},
                   {"file", {"path", "group", "dataset"}}};
  v.transmissions = {{"rate"}, {"state"}, {"gain", {"follows", "reciprocal"}}};
  v.inputs = {{"step"}, {"ramp", {"rise"}}, {"sine", {"period"}}, {"noise", {"noise_tau"}}};
  for (const RateFunction& g : rate_functions()) {
    if (g.elementwise) v.activations.emplace_back(g.name);
    v.outputs.emplace_back(g.name);
  }
  v.transfers.assign(transfer_names().begin(), transfer_names().end());
  for (const TrialMeasure& measure : measures()) v.measures.emplace_back(measure.name);
  return v;
}

}  // namespace dynvert
