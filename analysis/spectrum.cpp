#include <dynvert/analysis/linear_loop.hpp>
#include <dynvert/analysis/spectrum.hpp>
#include <dynvert/models/error.hpp>

namespace dynvert {

namespace {

arma::cx_vec eigenvalues(const arma::mat& M) {
  arma::cx_vec values;
  if (!M.is_finite() || !arma::eig_gen(values, M)) {
    throw NumericalError("spectrum", "the matrix is not finite, or the eigenvalue iteration failed",
                         "a look at the weights: they may have grown without bound");
  }
  return values;
}

}  // namespace

arma::cx_vec spectrum(RightHandSide& f, const State& x, std::size_t column) {
  if (const auto loop = as_linear_loop(f, column)) return spectrum(*loop);
  return eigenvalues(f.jacobian(x, column));
}

double spectral_abscissa(RightHandSide& f, const State& x, std::size_t column) {
  return arma::real(spectrum(f, x, column)).max();
}

double spectral_abscissa(const arma::mat& M) { return arma::real(eigenvalues(M)).max(); }

}  // namespace dynvert
