#include <dynvert/analysis/amplification.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace dynvert {

namespace {

double scalar_product(std::span<const double> a, std::span<const double> b) {
  // sums side by side: one would wait for its own additions, and this runs over whole trajectories
  std::array<double, 4> sum{};
  for (std::size_t i = 0; i < a.size(); ++i) sum[i % 4] += a[i] * b[i];
  return sum[0] + sum[1] + sum[2] + sum[3];
}

}  // namespace

double transient_amplification(const Trajectory& trajectory, std::span<const std::size_t> populations,
                               std::size_t column, std::span<const double> x_inf, double begin, double end) {
  const auto squared = [&](std::span<const double> state) {
    double sum = 0;
    for (const std::size_t p : populations) {
      const auto x = trajectory.layout().view(state, p).column(column);
      sum += scalar_product(x, x);
    }
    return sum;
  };
  double largest = arma::datum::nan;
  const auto [first, last] = trajectory.between(begin, end);
  for (std::size_t k = first; k < last; ++k) largest = std::fmax(largest, squared(trajectory.state(k)));
  const double reference = squared(x_inf);
  return reference > 0 ? std::sqrt(largest / reference) : arma::datum::nan;
}

double overshoot(const Trajectory& trajectory, std::size_t population, std::size_t column,
                 std::span<const double> x_inf, double begin, double end) {
  const auto target = trajectory.layout().view(x_inf, population).column(column);
  double largest = arma::datum::nan;
  const auto [first, last] = trajectory.between(begin, end);
  for (std::size_t k = first; k < last; ++k) {
    const auto x = trajectory.layout().view(trajectory.state(k), population).column(column);
    largest = std::fmax(largest, scalar_product(x, target));
  }
  const double reference = scalar_product(target, target);
  if (!(reference > 0) || std::isnan(largest)) return arma::datum::nan;
  return std::max(0.0, largest / reference - 1);
}

}  // namespace dynvert
