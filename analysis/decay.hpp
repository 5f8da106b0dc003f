#pragma once

/// The slowest decay of a recorded transient, fitted. Once the fast modes are gone, the distance from the steady state
///
///     d(t) = |x(t) - x(inf)|        (Euclidean norm over all units of the populations)
///
/// follows C exp(rate t), with the rate that the spectrum predicts: the spectral abscissa, if the trial has excited
/// that mode and lasts long enough to be left with it alone. The rate is the slope of the least-squares line through ln
/// d over the later half of the time in which d stays above a floor (a multiple of |x(inf)|: tolerances of the solver,
/// rounding); an oscillation averages out over its periods.

#include <dynvert/analysis/trajectory.hpp>

#include <optional>
#include <span>

namespace dynvert {

/// The tolerance of adaptive solvers leaves about this.
inline constexpr double decay_floor = 1e-6;

struct DecayFit {
  double rate = 0;          ///< 1/time; < 0: decays
  double from = 0, to = 0;  ///< the interval of time
  std::size_t samples = 0;
  double deviation = 0;  ///< root mean square of ln d about the line
};

/// @param x_inf  the steady state, of the trajectory's layout
/// @param floor  d <= floor |x(inf)| is taken as noise
/// @return nothing where fewer than 8 samples are above the floor
[[nodiscard]] std::optional<DecayFit> fit_decay(const Trajectory& trajectory, std::span<const std::size_t> populations,
                                                std::size_t column, std::span<const double> x_inf,
                                                double floor = decay_floor, double begin = -arma::datum::inf,
                                                double end = arma::datum::inf);

}  // namespace dynvert
