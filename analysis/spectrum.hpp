#pragma once

/// Spectrum of a circuit's Jacobian at an operating point, of the whole circuit or of some of its populations (the
/// block of the Jacobian that is theirs: a control loop within a larger circuit). Held populations do not move and have
/// no part in it. A linear loop is stable if and only if its spectral abscissa, the largest real part, is negative; the
/// slowest time constant is then -1 / abscissa.

#include <dynvert/models/right_hand_side.hpp>

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

/// Largest real part of the eigenvalues of any square matrix.
[[nodiscard]] double spectral_abscissa(const arma::mat& M);

}  // namespace dynvert
