#include <dynvert/analysis/smoothed_abscissa.hpp>
#include <dynvert/analysis/spectrum.hpp>
#include <dynvert/analysis/stabilise.hpp>
#include <dynvert/models/error.hpp>

#include <fmt/format.h>

#include <cmath>

namespace dynvert {

Stabilised stabilise(const arma::mat& M, const arma::mat& B0, const FeedbackBlock& block,
                     const StabiliseOptions& options) {
  if (block.row + B0.n_rows > M.n_rows || block.column + B0.n_cols > M.n_cols || !M.is_square() ||
      !(block.column_gain.is_empty() || block.column_gain.n_elem == B0.n_cols)) {
    throw ValueError("stabilisation",
                     fmt::format("B is {}x{} at ({}, {})", B0.n_rows, B0.n_cols, block.row, block.column),
                     fmt::format("a block of the loop matrix, {}x{}, with one gain a column", M.n_rows, M.n_cols));
  }
  if (!M.is_finite() || !B0.is_finite()) throw ValueError("stabilisation", "weights are not finite", "finite numbers");

  const arma::rowvec gain = block.scale * (block.column_gain.is_empty() ? arma::rowvec(B0.n_cols, arma::fill::ones)
                                                                        : arma::rowvec(block.column_gain.t()));
  const auto with = [&](const arma::mat& B) {
    arma::mat loop = M;
    loop.submat(block.row, block.column, arma::size(B)) = B.each_row() % gain;
    return loop;
  };

  Stabilised result{.B = B0};
  result.abscissa_before = spectral_abscissa(M);
  result.abscissa_after = result.abscissa_before;
  if (result.abscissa_before < options.margin) {
    result.reached = true;
    return result;
  }

  const double scale = arma::abs(arma::cx_vec(arma::eig_gen(M))).max();
  double eps = options.smoothing * (scale > 0 ? scale : 1.0);
  const double least_eps = 1e-8 * eps;
  arma::mat B = B0;
  SmoothedAbscissa now = smoothed_abscissa(with(B), eps);
  double aim = options.margin;
  double growth = 1;
  for (; result.iterations < options.max_iterations; ++result.iterations) {
    const arma::mat gradient = now.gradient.submat(block.row, block.column, arma::size(B)).eval().each_row() % gain;
    const double squared = arma::dot(gradient, gradient);
    if (result.iterations == 0) aim -= 0.1 * std::sqrt(squared) * arma::norm(B, "fro");

    bool moved = false;
    if (squared > 0) {
      double length = growth * (now.abscissa - aim) / squared;
      for (int halving = 0; halving < 40; ++halving, length /= 2) {
        const arma::mat trial = B - length * gradient;
        const SmoothedAbscissa there = smoothed_abscissa(with(trial), eps);
        // a fall that rounding could feign is none
        const double fall = now.value - there.value;
        if (fall < 1e-4 * length * squared || fall < 1e-6 * eps) continue;
        growth = halving == 0 ? growth * 2 : 1;
        B = trial;
        now = there;
        moved = true;
        break;
      }
    }
    if (now.abscissa < result.abscissa_after) {
      result.abscissa_after = now.abscissa;
      result.B = B;
    }
    if (now.abscissa < aim) break;
    if (moved) continue;
    if (result.abscissa_after < options.margin || eps <= least_eps) break;
    eps /= 10;
    growth = 1;
    B = result.B;
    now = smoothed_abscissa(with(B), eps);
  }
  result.reached = result.abscissa_after < options.margin;
  if (!result.reached) {
    result.reason = result.iterations == options.max_iterations
                        ? fmt::format("the spectral abscissa is {:.3g} after {} iterations", result.abscissa_after,
                                      result.iterations)
                        : fmt::format(
                              "the descent ends at a spectral abscissa of {:.3g}: eigenvalues that the feedback "
                              "cannot move, or a local minimum",
                              result.abscissa_after);
  }
  return result;
}

}  // namespace dynvert
