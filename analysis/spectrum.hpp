#pragma once

/// Spectrum of a circuit's Jacobian at an operating point, of the whole circuit or of some of its populations (the
/// block of the Jacobian that is theirs: a control loop within a larger circuit). Clamped populations do not move and
/// have no part in it. A linear loop is stable if and only if its spectral abscissa, the largest real part, is negative
/// (Trefethen & Embree, Spectra and Pseudospectra, 2005, chapter 14). Its slowest mode then decays like exp(-t/T) with
/// the slowest time constant T = -1 / abscissa.

#include <dynvert/models/circuit/right_hand_side.hpp>

#include <span>

namespace dynvert {

/// Eigenvalues (units 1/time) of the Jacobian of one column at the state x, by the loop's reduced form where it has one
/// (cycle.hpp). @throws NumericalError  not finite, or no convergence
[[nodiscard]] arma::cx_vec spectrum(RightHandSide& f, const State& x, std::size_t column);
[[nodiscard]] arma::cx_vec spectrum(RightHandSide& f, const State& x, std::size_t column,
                                    std::span<const PopulationIndex> members);

/// Largest real part of the spectrum, units 1/time.
[[nodiscard]] double spectral_abscissa(RightHandSide& f, const State& x, std::size_t column);
[[nodiscard]] double spectral_abscissa(RightHandSide& f, const State& x, std::size_t column,
                                       std::span<const PopulationIndex> members);

/// -1 / abscissa, units time; NaN where the abscissa is not negative: nothing decays.
[[nodiscard]] double slowest_time_constant(double abscissa);

/// Largest real part of the eigenvalues of any square matrix.
[[nodiscard]] double spectral_abscissa(const arma::mat& M);

}  // namespace dynvert
