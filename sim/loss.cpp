#include <dynvert/sim/loss.hpp>

#include <algorithm>

namespace dynvert {

LossEvaluator::LossEvaluator(const Dataset& data, const Network& network) : data_(data) {
  const arma::uword rows = data.x.n_rows + 1 + data.t.n_rows;
  if (!network.is_linear() || rows > data.x.n_cols) return;
  const arma::mat stacked = arma::join_cols(data.x, arma::ones<arma::rowvec>(data.x.n_cols), data.t);
  arma::mat Q;
  if (!arma::qr_econ(Q, factor_, stacked.t())) factor_.reset();
}

double LossEvaluator::train_loss(const Network& network) const {
  const std::size_t depth = network.depth();
  const arma::uword outputs = data_.t.n_rows;
  if (!factor_.is_empty()) {
    arma::mat P = network.W[depth];
    arma::vec c = network.b[depth];
    for (std::size_t l = depth - 1; l >= 1; --l) {
      if (network.bias) c += P * network.b[l];
      P = P * network.W[l];
    }
    // [P c -I]'
    arma::mat map(factor_.n_cols, outputs);
    map.head_rows(P.n_cols) = P.t();
    map.row(P.n_cols) = c.t();
    map.tail_rows(outputs).diag().fill(-1);
    const arma::mat residual = factor_ * map;
    return arma::dot(residual, residual);
  }
  // a block of inputs and of each layer fits into the second-level cache
  constexpr arma::uword block = 128;
  double sum = 0;
  Activity activity;
  activity.a.resize(depth + 1);
  activity.h.resize(depth + 1);
  for (arma::uword first = 0; first < data_.x.n_cols; first += block) {
    const arma::uword samples = std::min(block, data_.x.n_cols - first);
    // views: the data are read where they are
    const arma::mat x(const_cast<double*>(data_.x.colptr(first)), data_.x.n_rows, samples, false, true);
    const arma::mat t(const_cast<double*>(data_.t.colptr(first)), outputs, samples, false, true);
    for (std::size_t l = 1; l <= depth; ++l) {
      arma::mat& a = activity.a[l];
      if (l == 1) {
        a = network.W[l] * x;
      } else {
        a = network.W[l] * activity.h[l - 1];
      }
      if (network.bias) a.each_col() += network.b[l];
      apply(*network.g[l], a, activity.h[l]);
    }
    activity.e = t - activity.h[depth];
    if (!network.g[depth]->elementwise) activity.t = t;
    sum += loss(network, activity);
  }
  return sum;
}

}  // namespace dynvert
