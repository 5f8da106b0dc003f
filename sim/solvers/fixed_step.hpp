#pragma once

/// What the solvers with a fixed step share. Each gives its Scheme; the solver around it is one.

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
  bool adds_noise = false;  ///< of populations that have it
};

/// The solver looks at its state after so many steps (after every step where columns may settle, or where the last of
/// them was out of range). What is within the limit whenever it looks passes; reduced-order forms (reduced_loop.hpp)
/// look at the same steps, so that they pass and fail alike.
inline constexpr std::size_t steps_between_checks = 16;

/// Number of whole steps of size h in a duration. @throws ValueError if it is no whole number (to 1e-9)
[[nodiscard]] std::size_t whole_steps(double duration, double h, std::string_view what);

[[nodiscard]] std::unique_ptr<Solver> make_fixed_step(const SolverSettings& settings, Scheme scheme);

}  // namespace dynvert
