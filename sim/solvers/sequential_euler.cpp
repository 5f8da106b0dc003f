// Sequential Euler: populations in the order of the circuit, each with the newest values of the others. Stable where
// forward Euler is not: docs/mathematics.md has the limits.

#include <dynvert/analysis/stable_step.hpp>
#include <dynvert/models/circuit/sequential_step.hpp>
#include <dynvert/sim/solvers/fixed_step.hpp>

#include <memory>

namespace dynvert {

namespace {

Scheme sequential_euler_scheme() {
  auto step = std::make_shared<SequentialStep>();
  return {.start = [step](RightHandSide& f, State& x, double dt) { step->bind(f, x, dt); },
          .advance = [step](RightHandSide&, State&,
                            const Steps& steps) { step->advance_all(steps.start, steps.first, steps.count); }};
}

}  // namespace

SolverKind sequential_euler_solver() {
  return {.name = "sequential_euler",
          .summary = "Euler, population after population with the newest values",
          .order = 1,
          .fixed_step = true,
          .can_settle = true,
          .coordinate_free = true,
          .one_by_one = true,
          .largest_stable_step = largest_stable_step_one_by_one,
          .steps = StepScheme{.one_by_one = true},
          .scheme = sequential_euler_scheme,
          .make = [](const SolverSettings& settings) { return make_fixed_step(settings, sequential_euler_scheme()); }};
}

}  // namespace dynvert
