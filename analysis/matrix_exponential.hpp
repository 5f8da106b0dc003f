#pragma once

#include <armadillo>

namespace dynvert {

/// exp(A) of a square matrix by scaling and squaring (Moler & Van Loan 2003).
///
/// Armadillo's expmat does the same, but 11.4 derives the scaling from the logarithm of the logarithm of the norm: for
/// a norm of 10^4, which a loop of slow and fast modes reaches within its settling time, no digit is right. Here A is
/// scaled to a norm of at most 1/2 first, where expmat's Pade approximant is exact to rounding, and squared back.
[[nodiscard]] arma::mat matrix_exponential(const arma::mat& A);

}  // namespace dynvert
