#pragma once

/// How stable the loops of a model are with given weights, and what of it a person should know: what is not stable, or
/// so near to it that the run suffers.

#include <dynvert/models/credit/credit.hpp>
#include <dynvert/sim/config/config.hpp>

#include <optional>
#include <string>
#include <vector>

namespace dynvert {

/// One loop at an operating point. Times in the unit of the time constants.
struct LoopStability {
  std::size_t loop = 0;    ///< its number
  std::string controller;  ///< "u_2"
  bool linear = true;      ///< false: linearised at the operating point
  double alpha = 0, tau_u = 0;
  double spectral_abscissa = 0, slowest_time_constant = 0, numerical_abscissa = 0;
  /// absent: the loop has no reduced form
  std::optional<double> critical_leak = {}, delay_margin = {};
  std::optional<double> step_euler = {}, step_rk4 = {}, step_sequential_euler = {};

  /// the largest stable step of a solver; nothing where it has no fixed step
  [[nodiscard]] std::optional<double> step_of(std::string_view solver) const;
};

/// @throws NumericalError  weights that are not finite
[[nodiscard]] LoopStability loop_stability(RightHandSide& f, const State& x, const ControlLoop& loop);

/// All loops of the stages with these weights, at rest: zero input, zero error.
[[nodiscard]] std::vector<LoopStability> loops_at_rest(std::span<const Stage> stages, const Network& network,
                                                       const Feedback& feedback);

/// A stage at rest: its evaluator and its state.
struct RestingStage {
  RightHandSide f;
  State x;
};
[[nodiscard]] RestingStage at_rest(const Stage& stage, const Network& network, const Feedback& feedback);

struct Finding {
  bool unstable = false;  ///< false: near it, or slow
  std::string text;       ///< "loop 2: slowest time constant 1250 > duration 499.5: ..."
};

/// | finding        | when                                                                                      |
/// |----------------|-------------------------------------------------------------------------------------------|
/// | not stable     | spectral abscissa >= 0                                                                    |
/// | slow           | the slowest mode needs more than the duration to decay to 2 % (ln 50 time constants)       |
/// | leak           | alpha is less than twice the critical leak, which is above 0                              |
/// | step           | dt is above 3/4 of the largest stable step of the model's solver                          |
/// | delay          | the delay margin is below a tenth of the controller's time constant                       |
[[nodiscard]] std::vector<Finding> findings(const LoopStability& loop, const DynamicsConfig& dynamics);

}  // namespace dynvert
