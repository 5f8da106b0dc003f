#include <dynvert/analysis/matrix_exponential.hpp>

#include <cmath>

namespace dynvert {

arma::mat matrix_exponential(const arma::mat& A) {
  const double norm = arma::norm(A, 1);
  // an infinite or NaN norm: the result is not finite, which callers look for
  if (!std::isfinite(norm)) return arma::mat(arma::size(A), arma::fill::value(arma::datum::nan));
  const int squarings = norm > 0.5 ? static_cast<int>(std::ceil(std::log2(2 * norm))) : 0;
  arma::mat E = arma::expmat(A * std::ldexp(1.0, -squarings));
  for (int k = 0; k < squarings; ++k) E = E * E;
  return E;
}

}  // namespace dynvert
