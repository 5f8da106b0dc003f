#pragma once

/// The smoothed spectral abscissa (Vanbiervliet, Vandereycken, Michiels, Vandewalle & Diehl, "The smoothed spectral
/// abscissa for robust stability optimization", SIAM J. Optim. 20(1), 2009): a smooth upper bound of the spectral
/// abscissa, so that stability can be improved by descent where the abscissa itself has corners and unbounded slopes.
///
/// s is the unique number above the spectral abscissa of M with trace P = 1/eps, where
///
///     (M - sI) P + P (M - sI)' + I = 0,
///
/// and its gradient is ds/dM = Q P / trace(Q P), with (M - sI)' Q + Q (M - sI) + I = 0. As eps vanishes, s tends to the
/// abscissa; s is always at least eps/2 above it.
///
/// | symbol | shape | meaning                                   | units  |
/// |--------|-------|-------------------------------------------|--------|
/// | M      | n x n | Jacobian of a loop                        | 1/time |
/// | eps    |       | smoothing, > 0                            | 1/time |
/// | s      |       | smoothed spectral abscissa                | 1/time |
/// | P, Q   | n x n | solutions of the Lyapunov equations       | time   |
///
/// How: one real Schur decomposition of M, in which each Lyapunov equation is a triangular Sylvester equation. 1/trace
/// P grows from 0 at the abscissa and is linear in s for a single eigenvalue, so Newton's method is run on 1/trace P(s)
/// = eps, with d(trace P)/ds = -2 trace(Q P), inside a bracket.

#include <armadillo>

namespace dynvert {

struct SmoothedAbscissa {
  double value = 0;     ///< s
  double abscissa = 0;  ///< the spectral abscissa itself
  arma::mat gradient;   ///< ds/dM, n x n: ds = sum of gradient % dM
};

/// @throws ValueError      M empty, not square or not finite, eps not positive
/// @throws NumericalError  the Schur decomposition did not converge
[[nodiscard]] SmoothedAbscissa smoothed_abscissa(const arma::mat& M, double eps);

}  // namespace dynvert
