#include <dynvert/analysis/decay.hpp>

#include <cmath>
#include <vector>

namespace dynvert {

std::optional<DecayFit> fit_decay(const Trajectory& trajectory, std::span<const std::size_t> populations,
                                  std::size_t column, std::span<const double> x_inf, double floor, double begin,
                                  double end) {
  constexpr std::size_t fewest = 8;
  const auto squared = [&](auto&& value) {
    double sum = 0;
    for (const std::size_t p : populations) {
      const std::size_t units = trajectory.layout().units(p);
      for (std::size_t i = 0; i < units; ++i) sum += std::pow(value(p, i), 2);
    }
    return sum;
  };
  const auto& layout = trajectory.layout();
  const double limit =
      floor * floor * squared([&](std::size_t p, std::size_t i) { return layout.view(x_inf, p)(i, column); });
  const auto [first, last] = trajectory.between(begin, end);
  std::vector<double> distance;  // squared, until it first falls to the floor
  for (std::size_t k = first; k < last; ++k) {
    const auto state = trajectory.state(k);
    const double d = squared([&](std::size_t p, std::size_t i) {
      return layout.view(state, p)(i, column) - layout.view(x_inf, p)(i, column);
    });
    if (!(d > limit)) break;
    distance.push_back(d);
  }
  const std::size_t start = distance.size() / 2;
  const std::size_t n = distance.size() - start;
  if (n < fewest) return std::nullopt;

  // about the middle, where the two sums of a line are independent
  const double middle = static_cast<double>(n - 1) / 2;
  double mean = 0;
  double slope = 0;
  double spread = 0;
  for (std::size_t k = 0; k < n; ++k) {
    const double x = static_cast<double>(k) - middle;
    const double y = std::log(distance[start + k]) / 2;
    mean += y / static_cast<double>(n);
    slope += x * y;
    spread += x * x;
  }
  slope /= spread;
  double squares = 0;
  for (std::size_t k = 0; k < n; ++k) {
    const double x = static_cast<double>(k) - middle;
    squares += std::pow(std::log(distance[start + k]) / 2 - mean - slope * x, 2);
  }
  return DecayFit{.rate = slope / trajectory.interval(),
                  .from = trajectory.time(first + start),
                  .to = trajectory.time(first + distance.size() - 1),
                  .samples = n,
                  .deviation = std::sqrt(squares / static_cast<double>(n))};
}

}  // namespace dynvert
