#pragma once

/// What the solvers with adaptive steps and dense output share. Each gives an AdaptiveMethod; the solver around it,
/// which decides where steps begin and end, is one. Each column takes its own steps.

#include <dynvert/sim/solvers/solver.hpp>

#include <functional>
#include <memory>

namespace dynvert {

/// Steps of one column that follow an error estimate.
class AdaptiveMethod {
 public:
  virtual ~AdaptiveMethod() = default;
  AdaptiveMethod() = default;
  AdaptiveMethod(const AdaptiveMethod&) = delete;
  AdaptiveMethod& operator=(const AdaptiveMethod&) = delete;

  /// From the state x at time t, with a first step of at most dt. Nothing is carried over from steps before.
  virtual void start(const State& x, double t, double dt) = 0;
  /// @throws boost::numeric::odeint::odeint_error  no step is small enough
  virtual void step() = 0;
  /// The time reached, and the step that will be tried next.
  [[nodiscard]] virtual double time() const = 0;
  [[nodiscard]] virtual double next_step() const = 0;
  /// The state at time(), at the begin of the last step, and at a time within it. Valid until the next call.
  [[nodiscard]] virtual const State& state() = 0;
  [[nodiscard]] virtual const State& previous_state() = 0;
  [[nodiscard]] virtual const State& state_at(double t) = 0;

  std::size_t evaluations = 0;  ///< of the right-hand side
};

/// Step of the differences by time, relative to the time.
inline constexpr double time_difference = 1e-7;

using MakeAdaptiveMethod = std::unique_ptr<AdaptiveMethod> (*)(RightHandSide& f, const SolverSettings& settings);
[[nodiscard]] std::unique_ptr<Solver> make_adaptive(const SolverSettings& settings, MakeAdaptiveMethod method);

}  // namespace dynvert
