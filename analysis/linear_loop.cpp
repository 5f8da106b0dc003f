#include <dynvert/analysis/linear_loop.hpp>
#include <dynvert/models/error.hpp>

#include <cmath>
#include <complex>

namespace dynvert {

std::optional<LinearLoop> as_linear_loop(RightHandSide& f, std::size_t column) {
  const Circuit& circuit = f.circuit();
  const auto& populations = circuit.populations();
  const auto& projections = circuit.projections();
  if (populations.size() != 2 || projections.size() != 2 || !circuit.is_linear()) return std::nullopt;
  if (projections[0].source != projections[1].target || projections[0].target != projections[1].source ||
      projections[0].source == projections[0].target) {
    return std::nullopt;
  }
  LinearLoop loop;
  loop.p = populations[0].units <= populations[1].units ? 0 : 1;
  loop.q = 1 - loop.p;
  const Population& p = populations[loop.p];
  const Population& q = populations[loop.q];
  loop.tau_p = p.tau;
  loop.tau_q = q.tau;
  loop.leak_p = p.leak;
  loop.leak_q = q.leak;
  for (ProjectionIndex k = 0; k < 2; ++k) {
    arma::mat& to = projections[k].target == loop.p ? loop.F : loop.K;
    to = f.weights(k);
    if (projections[k].transmits == Transmit::gain) {
      const MatrixView gain = f.gain(k);
      for (std::size_t j = 0; j < gain.units; ++j) to.col(j) *= gain(j, column);
    }
  }
  return loop;
}

arma::cx_vec spectrum(const LinearLoop& loop) {
  const arma::uword np = loop.F.n_rows;
  const arma::uword nq = loop.K.n_rows;
  arma::cx_vec mu;
  const arma::mat product = loop.F * loop.K;
  if (!product.is_finite() || !arma::eig_gen(mu, product)) {
    throw NumericalError("spectrum of a loop", "the weights are not finite, or the eigenvalue iteration failed",
                         "a look at the weights: they may have grown without bound");
  }
  arma::cx_vec lambda(np + nq);
  const double a = loop.tau_p * loop.tau_q;
  const double b = loop.tau_q * loop.leak_p + loop.tau_p * loop.leak_q;
  for (arma::uword i = 0; i < np; ++i) {
    // a lambda^2 + b lambda + c = 0 with b >= 0: the root that subtracts is had from the product of the roots
    const std::complex<double> c = loop.leak_p * loop.leak_q - mu[i];
    std::complex<double> root = std::sqrt(b * b - 4 * a * c);
    const std::complex<double> far = -0.5 * (b + root);
    lambda[2 * i] = far / a;
    lambda[2 * i + 1] = std::abs(far) > 0 ? c / far : std::complex<double>(0);
  }
  for (arma::uword i = 2 * np; i < np + nq; ++i) lambda[i] = -loop.leak_q / loop.tau_q;
  return lambda;
}

}  // namespace dynvert
