#include <dynvert/analysis/trial_measures.hpp>
#include <dynvert/models/credit.hpp>
#include <dynvert/models/feedback.hpp>
#include <dynvert/models/rate_function.hpp>
#include <dynvert/sim/solver.hpp>
#include <dynvert/sim/task.hpp>
#include <dynvert/sim/vocabulary.hpp>

namespace dynvert {

Vocabulary vocabulary() {
  Vocabulary v;
  for (const TaskKind& task : task_kinds()) {
    v.tasks.push_back({std::string(task.name), {task.keys.begin(), task.keys.end()}});
  }
  for (const CreditModel& credit : credit_models()) {
    Choice choice{std::string(credit.name)};
    if (credit.loops) choice.uses = {"alpha", "dynamics"};
    if (credit.uses_feedback) choice.uses.emplace_back("feedback");
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
  v.feedback_kinds.push_back({"optimised", {"half_width", "margin"}});
  v.feedback_kinds.push_back({"file", {"path", "group"}});
  v.inits = {{"uniform", {"half_width"}}, {"file", {"path", "group"}}};
  for (const RateFunction& g : rate_functions()) v.activations.emplace_back(g.name);
  v.outputs = v.activations;
  for (const TrialMeasure& measure : trial_measures()) v.measures.emplace_back(measure.name);
  return v;
}

}  // namespace dynvert
