#pragma once

/// How far a transient goes beyond where it ends.
///
/// *Transient amplification* of the populations of a loop from zero state,
///
///     max over t of |x(t)| / |x(inf)|        (Euclidean norm over all units of the populations),
///
/// 1 for a loop that never exceeds its steady state (Trefethen & Embree, Spectra and Pseudospectra, 2005, chapter 14,
/// call max |exp(Mt)| so; here for the one trajectory that a trial took).
///
/// *Overshoot* of one population, by how much it passes its steady state in the direction of that,
///
///     max(0, max over t of x(t)'x(inf) / |x(inf)|^2 - 1),
///
/// the overshoot of control engineering for a population of one unit (Astrom & Murray, Feedback Systems, 2008, section
/// 5.3).
///
/// Both look at the samples of a trajectory between two times; samples that are NaN because the column had ended do not
/// count. NaN: the steady state is zero, or there is no sample.

#include <dynvert/analysis/trajectory.hpp>

#include <span>

namespace dynvert {

/// Populations by their number in the layout of the trajectory.
/// @param x_inf  the steady state, of the trajectory's layout
[[nodiscard]] double transient_amplification(const Trajectory& trajectory, std::span<const std::size_t> populations,
                                             std::size_t column, std::span<const double> x_inf,
                                             double begin = -arma::datum::inf, double end = arma::datum::inf);

[[nodiscard]] double overshoot(const Trajectory& trajectory, std::size_t population, std::size_t column,
                               std::span<const double> x_inf, double begin = -arma::datum::inf,
                               double end = arma::datum::inf);

}  // namespace dynvert
