#include <dynvert/sim/experiment/first_layer.hpp>

#include <algorithm>

namespace dynvert {

void FirstLayer::begin_trials(const Network& network) {
  if (single_) W_single_ = arma::conv_to<arma::fmat>::from(network.W[1]);
}

void FirstLayer::begin_block(Network& network, std::span<const arma::mat> x) {
  end_block(network);
  arma::mat X(x.front().n_rows, x.size(), arma::fill::none);
  for (std::size_t i = 0; i < x.size(); ++i) X.col(i) = x[i];
  if (W_single_.is_empty()) {
    block_.begin(network.W[1], X);
  } else {
    block_.begin(W_single_, X);
  }
}

void FirstLayer::end_block(Network& network) {
  if (W_single_.is_empty()) {
    block_.apply(network.W[1]);
  } else {
    block_.apply(W_single_);
  }
  block_.end();
}

void FirstLayer::end_trials(Network& network) {
  if (!blocked_) return;
  end_block(network);
  if (W_single_.is_empty()) return;
  std::ranges::copy(W_single_, network.W[1].begin());
  W_single_.reset();
}

void FirstLayer::with_all_changes(Network& network, const std::function<void()>& work) {
  if (!W_single_.is_empty()) {
    arma::fmat W = W_single_;
    block_.apply(W);
    std::ranges::copy(W, network.W[1].begin());
    return work();
  }
  if (block_.done() == 0) return work();
  const arma::mat W = network.W[1];
  block_.apply(network.W[1]);
  work();
  // into the same memory: weights that wander leave holes
  network.W[1] = W;
}

}  // namespace dynvert
