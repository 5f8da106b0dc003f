#include "problem.hpp"

#include <cmath>

namespace dynvert::benchmarks {

LoopProblem::LoopProblem(Size size, Transfer transfer, std::size_t trials)
    : network({1, size.columns, size.rows}, {"tanh", "linear"}, false), feedback(3), credit(3) {
  arma::arma_rng::set_seed(1);
  // the largest singular value of a matrix U(-w, w) is near w / sqrt(3) (sqrt(rows) + sqrt(columns))
  const double largest =
      (std::sqrt(static_cast<double>(size.rows)) + std::sqrt(static_cast<double>(size.columns))) / std::sqrt(3.0);
  network.W[2] = (2 * arma::mat(size.rows, size.columns, arma::fill::randu) - 1) / largest;
  feedback[2] = -network.W[2].t();
  activity.a.resize(3);
  activity.a[1] = arma::mat(size.columns, trials, arma::fill::randn);
  credit[2] = 0.1 * arma::mat(size.rows, trials, arma::fill::randn);
  stage = chain_stage(network, {.alpha = alpha, .transfer = transfer}, {.number = 2, .bottom = 1, .top = 2});
}

void LoopProblem::enter(RightHandSide& f, State& x) const {
  stage.load(network, feedback, f);
  stage.begin(network, activity, credit, f);
  x.assign(f.layout().size(), 0.0);
  stage.enter(network, activity, credit, {.duration = duration}, f, x);
}

}  // namespace dynvert::benchmarks
