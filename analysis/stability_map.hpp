#pragma once

/// Stability of one loop over the leak alpha of its controller and the ratio tau_u / tau of the time constants of the
/// controller and of the error populations: the measures of spectrum.hpp, delay_margin.hpp and stable_step.hpp at each
/// point, from the eigenvalues of the loop's reduced form (cycle.hpp), which depend on neither.

#include <dynvert/analysis/cycle.hpp>

#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

namespace dynvert {

/// What a map shows, in this order.
struct MapQuantity {
  std::string_view name;
  std::string_view units;
  std::string_view description;
  double (*value)(const CycleModes&);
};
inline constexpr std::size_t map_quantities_size = 6;
[[nodiscard]] const std::array<MapQuantity, map_quantities_size>& map_quantities();

/// @param modes       of the loop as it is; the other populations keep their time constants and leaks
/// @param controller  its number in the cycle
/// @param tau         what the ratio refers to: the time constant of the error populations
/// @return for each quantity the values over (alpha, ratio), ratio fastest
[[nodiscard]] std::array<std::vector<double>, map_quantities_size> stability_map(CycleModes modes,
                                                                                 std::size_t controller, double tau,
                                                                                 const std::vector<double>& alpha,
                                                                                 const std::vector<double>& ratio);

}  // namespace dynvert
