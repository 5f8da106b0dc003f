#pragma once

/// The loss over a whole data set: train_loss = sum over samples of the network's loss (models/network.hpp), |t - y|^2
/// or, with a softmax output, the cross-entropy.
///
/// For a linear network y = P x + c, with P = W_L .. W_1 and c the biases carried through, the loss is the squared
/// Frobenius norm of [P c -I] [X; 1; T]. The stacked data are factored once, [X; 1; T]' = Q R, and the loss is
/// |R [P c -I]'|^2: a triangle of n_0 + 1 + n_L instead of all samples, to full precision since nothing is squared
/// before the norm. Other networks are evaluated in batches of samples.

#include <dynvert/models/network.hpp>
#include <dynvert/sim/task.hpp>

namespace dynvert {

class LossEvaluator {
 public:
  /// Keeps a reference to the data.
  LossEvaluator(const Dataset& data, const Network& network);

  /// the sum over all samples
  [[nodiscard]] double train_loss(const Network& network) const;

 private:
  const Dataset& data_;
  arma::mat factor_;  // R; empty: evaluate by samples
};

}  // namespace dynvert
