// Constructs that some solvers cannot run, with the place where they stand.

#include <dynvert/models/equations/source.hpp>
#include <dynvert/models/program/circuit_plan.hpp>

#include <fmt/format.h>

namespace dynvert {

void CircuitPlan::refuse_by_solver() const {
  const SolverTraits& solver = run_.solver;
  const auto refuse = [&](const equations::Where& where, const std::string& what, const std::string& why,
                          const std::string& allowed) {
    equations::fail(where, fmt::format("solver = \"{}\" {}, so that it cannot run {}", solver.name, why, what),
                    allowed);
  };
  constexpr const char* fixed = "euler, sequential_euler, heun or rk4";
  for (const equations::Rule& rule : description_.rules) {
    if (!rule.continuous) continue;
    const std::string what = fmt::format("the continuous rule on {}", rule.matrix.in_equations());
    if (!solver.integrates)
      refuse(rule.where, what, "gives the steady state", "a solver that integrates, or a rule at the end of the trial");
    if (solver.linear_only)
      refuse(rule.where, what, "takes linear circuits alone", "another solver, or a rule at the end of the trial");
    if (solver.settles)
      equations::fail(rule.where, fmt::format("{}: trials may end when they have settled, while weights move", what),
                      "settle_tolerance = 0, or a rule at the end of the trial");
    if (run_.batch > 1 && !solver.joins_columns)
      refuse(rule.where, fmt::format("{} for a batch of {:g}", what, run_.batch), "takes one column",
             fmt::format("{}, dopri5, or batch = 1", fixed));
    const ParameterValues update = description_.update_of(rule);
    const ParameterValue* bounds = update.find("bounds");
    if (bounds != nullptr && !std::get<std::vector<double>>(*bounds).empty() && !solver.fixed_steps)
      refuse(rule.where, fmt::format("the bounds of {}", rule.matrix.in_equations()),
             "takes steps of its own length, and bounds clip after each step", fixed);
  }
  for (const LowPass& low : low_passes_) {
    const char* const why = !solver.integrates ? "gives the steady state" : "takes linear circuits alone";
    const double tau = number(low.tau);
    if (!solver.integrates || solver.linear_only)
      refuse(description_.populations[low.population].where, "low(..)", why,
             "a solver that integrates nonlinear circuits");
    if (!(tau > 0))
      equations::fail(description_.populations[low.population].where,
                      fmt::format("low(..) with a time constant of {}", tau), "a number above 0");
  }
  for (const Reference& r : references_) {
    if (r.same_time || solver.fixed_steps) continue;
    const equations::Population& of = description_.populations[r.of];
    refuse(of.where, fmt::format("a reference to {} of the step before", of.name.in_equations()),
           "takes no steps of one length", fixed);
  }
}

}  // namespace dynvert
