#pragma once

/// Stability of one loop over the leak alpha of its controller and the ratio tau_u / tau of the time constants of the
/// controller and of the error populations: every measure that depends on them, at each point, from the eigenvalues of
/// the loop's reduced form (cycle.hpp), which depend on neither.

#include <dynvert/analysis/loop_measure.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace dynvert {

/// Whether a map shows a measure: one that the reduced form is enough for, and that the leak changes.
[[nodiscard]] constexpr bool in_map(const LoopMeasure& measure) {
  return !measure.needs_circuit && measure.depends_on_leak;
}

struct StabilityMap {
  const LoopMeasure* measure;
  std::vector<double> values;  ///< over (alpha, ratio), ratio fastest
};

/// @param measures    outlive the maps; those of them that in_map() lets through have one each, in their order
/// @param modes       of the loop as it is; the other populations keep their time constants and leaks
/// @param controller  its number in the cycle
/// @param tau         what the ratio refers to: the time constant of the error populations
[[nodiscard]] std::vector<StabilityMap> stability_maps(std::span<const LoopMeasure> measures, CycleModes modes,
                                                       std::size_t controller, double tau,
                                                       std::span<const double> alpha, std::span<const double> ratio);

}  // namespace dynvert
