#include "baseline_batch.hpp"

#include "problem.hpp"

#include <cmath>

namespace dynvert::benchmarks {

BatchBaseline::BatchBaseline(Network network, Feedback feedback, double eta, double lambda)
    : network_(std::move(network)),
      feedback_(std::move(feedback)),
      eta_(eta),
      lambda_(lambda),
      h_(network_.depth() + 1),
      delta_(network_.depth() + 1) {}

void BatchBaseline::show(const arma::mat& x, const arma::mat& t) {
  const std::size_t depth = network_.depth();
  h_[0] = x;
  for (std::size_t l = 1; l <= depth; ++l) {
    h_[l] = network_.W[l] * h_[l - 1];
    h_[l].each_col() += network_.b[l];
    if (network_.g[l]->linear) continue;
    for (double& h : h_[l]) h = std::tanh(h);
  }
  delta_[depth] = t - h_[depth];
  for (std::size_t l = depth; l >= 2; --l) {
    const arma::mat& W = network_.W[l];
    const arma::mat& B = feedback_[l];
    // of the loop's smaller side
    const bool wide = W.n_rows <= W.n_cols;
    arma::mat M = wide ? W * B : B * W;
    M.diag() -= alpha;
    if (wide) {
      delta_[l - 1] = B * arma::solve(M, delta_[l], arma::solve_opts::fast);
    } else {
      delta_[l - 1] = arma::solve(M, B * delta_[l], arma::solve_opts::fast);
    }
    if (!network_.g[l - 1]->linear) delta_[l - 1] %= 1 - arma::square(h_[l - 1]);
  }
  for (std::size_t l = 1; l <= depth; ++l) {
    network_.W[l] += eta_ * delta_[l] * h_[l - 1].t() - lambda_ * network_.W[l];
    network_.b[l] += eta_ * arma::sum(delta_[l], 1) - lambda_ * network_.b[l];
  }
}

}  // namespace dynvert::benchmarks
