#pragma once

/// How stable the loops of a model are with given weights, and what of it a person should know: what is not stable, or
/// so near to it that the run suffers.

#include <dynvert/analysis/loop_measure.hpp>
#include <dynvert/models/credit/credit.hpp>
#include <dynvert/sim/config/config.hpp>
#include <dynvert/sim/trial/stage_runner.hpp>

#include <span>
#include <string>
#include <vector>

namespace dynvert {

/// One loop at an operating point.
struct LoopStability {
  std::size_t loop = 0;             ///< its number
  std::string controller;           ///< "u_2"
  bool linear = true;               ///< false: linearised at the operating point
  double alpha = 0, tau_u = 0;      ///< of the controller
  std::vector<double> values = {};  ///< of stability_measures(), in their order
};

/// @param loop  of a circuit. @throws NumericalError  weights that are not finite
[[nodiscard]] LoopStability loop_stability(const LinearisedLoop& loop);

/// Whether a measure is defined for a circuit without controllers. The critical leak, which is one of a controller and
/// so does not depend on the leak that it has, is not.
[[nodiscard]] bool is_of_circuit(const LoopMeasure& measure);
/// Values of stability_measures() of a whole circuit linearised at x; NaN for those of a controller.
/// @throws NumericalError  weights that are not finite
[[nodiscard]] std::vector<double> circuit_stability(RightHandSide& f, const State& x);

/// All loops of the stages with these weights, at rest: zero input, zero error.
[[nodiscard]] std::vector<LoopStability> loops_at_rest(std::span<const Stage> stages, const Network& network,
                                                       const Feedback& feedback);

/// A stage with zero input and zero error, its weights fixed.
[[nodiscard]] ReadyStage at_rest(const Stage& stage, const Network& network, const Feedback& feedback);

/// What each measure finds of its value for a run with these dynamics; the texts begin with the loop's name.
///
/// | finding        | when                                                                                       |
/// |----------------|--------------------------------------------------------------------------------------------|
/// | not stable     | spectral abscissa >= 0                                                                     |
/// | slow           | the slowest mode needs more than the duration to decay to settling_band (2 %: ln 50 time constants)       |
/// | leak           | alpha is less than twice the critical leak, which is above 0                               |
/// | step           | dt is above 3/4 of the largest stable step of the model's solver                           |
/// | delay          | the delay margin is below a tenth of the controller's time constant                        |
[[nodiscard]] std::vector<Finding> findings(const LoopStability& loop, const DynamicsConfig& dynamics);
/// The same of a circuit without controllers, whose values are those of circuit_stability().
[[nodiscard]] std::vector<Finding> circuit_findings(const std::vector<double>& values, const DynamicsConfig& dynamics);

}  // namespace dynvert
