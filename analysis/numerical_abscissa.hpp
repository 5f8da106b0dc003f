#pragma once

/// The numerical abscissa of a circuit's Jacobian J,
///
///     omega = largest eigenvalue of (J + J')/2 = lim t->0+ of d|exp(J t)|/dt          (units 1/time),
///
/// the fastest rate at which |x| can grow at once (Trefethen & Embree, Spectra and Pseudospectra, 2005, chapter 17).
/// omega is never below the spectral abscissa. Where the abscissa is negative and omega positive, some deviations from
/// the steady state grow before they decay: the loop is stable and not normal. |x| is the Euclidean norm of the whole
/// state, so that omega, unlike the spectrum, depends on the scale of each population.
///
/// Of a loop of two populations, u and delta, all that is needed is the largest singular value sigma of
/// S = (W/tau_u + B'/tau_delta)/2: with a = alpha/tau_u and d = 1/tau_delta,
/// omega = -(a + d)/2 + sqrt(((a - d)/2)^2 + sigma^2).

#include <dynvert/models/circuit/right_hand_side.hpp>

#include <span>

namespace dynvert {

/// @param M  square. @throws NumericalError  not finite, or no convergence
[[nodiscard]] double numerical_abscissa(const arma::mat& M);

/// Of the block of the Jacobian that belongs to these populations, at the state x of one column.
[[nodiscard]] double numerical_abscissa(RightHandSide& f, const State& x, std::size_t column,
                                        std::span<const PopulationIndex> members);

}  // namespace dynvert
