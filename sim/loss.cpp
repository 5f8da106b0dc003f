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
  constexpr arma::uword batch = 256;
  double loss = 0;
  Activity activity;
  for (arma::uword first = 0; first < data_.x.n_cols; first += batch) {
    const arma::uword last = std::min(first + batch, data_.x.n_cols) - 1;
    forward(network, data_.x.cols(first, last), data_.t.cols(first, last), activity);
    loss += arma::dot(activity.e, activity.e);
  }
  return loss;
}

}  // namespace dynvert
