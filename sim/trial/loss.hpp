#pragma once

/// How good a network is on whole data sets: the loss, summed over the samples (models/network/network.hpp: |t - y|^2
/// or, with a softmax output, the cross-entropy), and where the targets are classes the accuracy, the fraction of
/// samples whose largest output is that of their class (the first of several equal ones; never where an output is NaN).
///
/// For a linear network y = P x + c, with P = W_L .. W_1 and c the biases carried through, the loss is the squared
/// Frobenius norm of [P c -I] [X; 1; T]. The stacked data are factored once, [X; 1; T]' = Q R, and the loss is
/// |R [P c -I]'|^2: a triangle of n_0 + 1 + n_L instead of all samples, to full precision since nothing is squared
/// before the norm. Other networks, data that would take too much memory once more, and classes are evaluated in blocks
/// of samples.

#include <dynvert/models/network/network.hpp>
#include <dynvert/sim/tasks/task.hpp>

#include <cstddef>
#include <functional>
#include <optional>

namespace dynvert {

struct Score {
  double loss = 0;
  std::optional<double> accuracy = std::nullopt;
};

class LossEvaluator {
 public:
  LossEvaluator(Dataset data, const Network& network);

  /// over all samples; the same bits for any number of threads
  [[nodiscard]] Score score(const Network& network, std::size_t threads = 1) const;
  [[nodiscard]] double loss(const Network& network) const { return score(network).loss; }
  /// Of outputs that somebody else computes, a block of samples at a time; NaN where there are none.
  /// @param output  y, n_L x samples, for x, n_0 x samples, and t of the samples from `first` on
  /// @param loss_of  squared_error or cross_entropy
  using Output = std::function<std::optional<arma::mat>(const arma::mat& x, const arma::mat& t, std::size_t first)>;
  using Loss = double (*)(const arma::mat& y, const arma::mat& t);
  [[nodiscard]] Score score(const Output& output, Loss loss_of) const;

 private:
  struct Part {
    double loss = 0;
    std::size_t right = 0;
  };
  [[nodiscard]] Part score_samples(const Network& network, std::size_t first, std::size_t samples,
                                   Activity& activity) const;

  Dataset data_;
  arma::mat factor_;  // R; empty: evaluate by samples
};

/// |t - y|^2, summed
[[nodiscard]] double squared_error(const arma::mat& y, const arma::mat& t);
/// - sum t log y; 0 log 0 = 0
[[nodiscard]] double cross_entropy(const arma::mat& y, const arma::mat& t);

/// Training and test set of an experiment.
struct Evaluators {
  LossEvaluator train;
  std::optional<LossEvaluator> test = std::nullopt;
};

}  // namespace dynvert
