#pragma once

/// Spectrum of a circuit's Jacobian at an operating point. A linear loop is stable if and only if its spectral
/// abscissa, the largest real part, is negative; the slowest time constant is then -1 / abscissa.

#include <dynvert/models/right_hand_side.hpp>

namespace dynvert {

/// Eigenvalues (units 1/time) of the Jacobian of one column at the state x, by the loop's reduced form where it has one
/// (linear_loop.hpp). @throws NumericalError  not finite, or no convergence
[[nodiscard]] arma::cx_vec spectrum(RightHandSide& f, const State& x, std::size_t column);

/// Largest real part of the spectrum, units 1/time.
[[nodiscard]] double spectral_abscissa(RightHandSide& f, const State& x, std::size_t column);

/// Largest real part of the eigenvalues of any square matrix.
[[nodiscard]] double spectral_abscissa(const arma::mat& M);

}  // namespace dynvert
