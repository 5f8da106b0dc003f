#include <dynvert/analysis/network_gradient.hpp>
#include <dynvert/models/credit/credit.hpp>

namespace dynvert {

namespace {

/// dy/da_L of one column.
arma::mat output_slope(const RateFunction& g, const arma::vec& a, const arma::vec& y) {
  if (!g.elementwise) return arma::diagmat(y) - y * y.t();
  arma::mat slope(y.n_elem, 1, arma::fill::ones);
  multiply_by_slope(g, a, slope);
  return arma::diagmat(slope.col(0));
}

}  // namespace

Credit descent_of_network(const Network& network, const Activity& activity) {
  const std::size_t depth = network.depth();
  Credit d(depth + 1);
  if (network.g[depth]->elementwise) {
    d[depth] = activity.e;
    multiply_by_slope(*network.g[depth], activity.a[depth], d[depth]);
  } else {
    d[depth] = activity.t - activity.h[depth].each_row() % arma::sum(activity.t, 0);
  }
  for (std::size_t l = depth; l > 1; --l) {
    d[l - 1] = network.W[l].t() * d[l];
    multiply_by_slope(*network.g[l - 1], activity.a[l - 1], d[l - 1]);
  }
  return d;
}

Credit gauss_newton_of_network(const Network& network, const Activity& activity) {
  const std::size_t depth = network.depth(), batch = activity.e.n_cols;
  Credit d(depth + 1);
  for (std::size_t l = 1; l <= depth; ++l) d[l].zeros(network.units[l], batch);
  for (arma::uword c = 0; c < batch; ++c) {
    std::vector<arma::mat> J(depth + 1);
    J[depth] = output_slope(*network.g[depth], activity.a[depth].col(c), activity.h[depth].col(c));
    arma::mat all = J[depth];
    for (std::size_t l = depth; l > 1; --l) {
      arma::mat slope(network.units[l - 1], 1, arma::fill::ones);
      multiply_by_slope(*network.g[l - 1], arma::mat(activity.a[l - 1].col(c)), slope);
      J[l - 1] = J[l] * network.W[l];
      J[l - 1].each_row() %= slope.t();
      all = arma::join_rows(J[l - 1], all);
    }
    const arma::vec step = pseudo_inverse_times(all, activity.e.col(c));
    arma::uword first = 0;
    for (std::size_t l = 1; l <= depth; ++l) {
      d[l].col(c) = step.rows(first, first + network.units[l] - 1);
      first += network.units[l];
    }
  }
  return d;
}

}  // namespace dynvert
