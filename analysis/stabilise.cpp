#include <dynvert/analysis/smoothed_abscissa.hpp>
#include <dynvert/analysis/spectrum.hpp>
#include <dynvert/analysis/stabilise.hpp>
#include <dynvert/models/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <utility>
#include <vector>

namespace dynvert {

namespace {

/// The limited-memory BFGS approximation of the inverse Hessian (Nocedal 1980).
class Curvature {
 public:
  void add(const arma::mat& step, const arma::mat& change) {
    // only positive curvature keeps the approximation positive definite
    if (!(arma::dot(step, change) > 1e-12 * arma::norm(step, "fro") * arma::norm(change, "fro"))) return;
    if (pairs_.size() == memory) pairs_.pop_front();
    pairs_.emplace_back(step, change);
  }
  void clear() { pairs_.clear(); }
  [[nodiscard]] bool empty() const { return pairs_.empty(); }

  [[nodiscard]] arma::mat inverse_times(arma::mat q) const {
    std::vector<double> a(pairs_.size());
    for (std::size_t k = pairs_.size(); k-- > 0;) {
      const auto& [s, y] = pairs_[k];
      a[k] = arma::dot(s, q) / arma::dot(s, y);
      q -= a[k] * y;
    }
    const auto& [s_last, y_last] = pairs_.back();
    q *= arma::dot(s_last, y_last) / arma::dot(y_last, y_last);
    for (std::size_t k = 0; k < pairs_.size(); ++k) {
      const auto& [s, y] = pairs_[k];
      q += (a[k] - arma::dot(y, q) / arma::dot(s, y)) * s;
    }
    return q;
  }

 private:
  static constexpr std::size_t memory = 10;
  std::deque<std::pair<arma::mat, arma::mat>> pairs_;
};

}  // namespace

Stabilised stabilise(const arma::mat& M, const arma::mat& B0, const FeedbackBlock& block,
                     const StabiliseOptions& options) {
  if (block.row + B0.n_rows > M.n_rows || block.column + B0.n_cols > M.n_cols || !M.is_square() ||
      !(block.column_gain.is_empty() || block.column_gain.n_elem == B0.n_cols)) {
    throw ValueError("stabilisation",
                     fmt::format("B is {}x{} at ({}, {})", B0.n_rows, B0.n_cols, block.row, block.column),
                     fmt::format("a block of the loop matrix, {}x{}, with one gain per column", M.n_rows, M.n_cols));
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
  const double min_eps = 1e-8 * eps;
  const auto gradient_of = [&](const SmoothedAbscissa& s) -> arma::mat {
    return arma::mat(s.gradient.submat(block.row, block.column, arma::size(B0))).each_row() % gain;
  };

  arma::mat B = B0;
  SmoothedAbscissa now = smoothed_abscissa(with(B), eps);
  arma::mat gradient = gradient_of(now);
  const double aim = options.margin - 0.1 * arma::norm(gradient, "fro") * arma::norm(B, "fro");
  Curvature curvature;
  for (; result.iterations < options.max_iterations; ++result.iterations) {
    const double squared = arma::dot(gradient, gradient);
    arma::mat direction;
    if (curvature.empty()) {
      // the length that reaches the aim if the abscissa falls like its smoothed form, but no longer than B itself
      const double length = (now.abscissa - aim) / std::sqrt(squared);
      const double size = std::max(arma::norm(B, "fro"), arma::norm(B0, "fro"));
      direction = -(size > 0 ? std::min(length, size) : length) / std::sqrt(squared) * gradient;
    } else {
      direction = -curvature.inverse_times(gradient);
    }
    const double slope = arma::dot(direction, gradient);
    bool moved = false;
    if (squared > 0 && slope < 0) {
      double length = 1;
      for (int halving = 0; halving < 40; ++halving, length /= 2) {
        const arma::mat step = length * direction;
        const SmoothedAbscissa there = smoothed_abscissa(with(B + step), eps);
        // a fall that rounding could feign is none
        const double fall = now.value - there.value;
        if (fall < -1e-4 * length * slope || fall < 1e-9 * eps) continue;
        const arma::mat next = gradient_of(there);
        curvature.add(step, next - gradient);
        B += step;
        now = there;
        gradient = next;
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
    if (!curvature.empty()) {  // once more along the gradient
      curvature.clear();
      continue;
    }
    if (result.abscissa_after < options.margin || eps <= min_eps) break;
    eps /= 10;
    B = result.B;
    now = smoothed_abscissa(with(B), eps);
    gradient = gradient_of(now);
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
