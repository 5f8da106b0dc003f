#pragma once

/// The schemes of the solvers with a fixed step.

#include <dynvert/sim/solvers/solver.hpp>

#include <functional>
#include <memory>

namespace dynvert {

/// Equal steps: step k begins at time(k), which is never summed up.
struct Steps {
  double start = 0;
  double dt = 0;
  std::size_t first = 0, count = 0;
  [[nodiscard]] double time(std::size_t k) const { return start + static_cast<double>(k) * dt; }
};

/// `start` is called before the first step and whenever the columns have changed or the state was set.
struct Scheme {
  std::function<void(RightHandSide& f, State& x, double dt)> start;
  std::function<void(RightHandSide& f, State& x, const Steps& steps)> advance;
  std::size_t evaluations_per_step = 1;
};

[[nodiscard]] Scheme euler_scheme();
/// Populations in the order of the circuit, each with the newest values of the others. Stable where plain Euler is not:
/// docs/mathematics.md has the limits.
[[nodiscard]] Scheme sequential_euler_scheme();
[[nodiscard]] Scheme rk4_scheme();

[[nodiscard]] std::unique_ptr<Solver> make_fixed_step(const SolverSettings& settings, Scheme scheme);

}  // namespace dynvert
