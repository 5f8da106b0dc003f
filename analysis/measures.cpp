#include <dynvert/analysis/measures.hpp>

#include <array>
#include <cmath>

namespace dynvert {

double angle_degrees(const arma::mat& A, const arma::mat& B) {
  const double a = arma::norm(A, "fro");
  const double b = arma::norm(B, "fro");
  if (!(a > 0) || !(b > 0)) return arma::datum::nan;
  double difference = 0;
  double sum = 0;
  for (arma::uword i = 0; i < A.n_elem; ++i) {
    const double x = A[i] / a;
    const double y = B[i] / b;
    difference += (x - y) * (x - y);
    sum += (x + y) * (x + y);
  }
  return 2 * std::atan2(std::sqrt(difference), std::sqrt(sum)) * (180 / arma::datum::pi);
}

double relative_distance(const arma::mat& A, const arma::mat& B) {
  const double reference = arma::norm(B, "fro");
  return reference > 0 ? arma::norm(A - B, "fro") / reference : arma::datum::nan;
}

std::optional<double> settling_time(const Trajectory& trajectory, std::size_t population, std::size_t column,
                                    const arma::vec& x_inf, double band, double begin, double end) {
  const double limit = band * band * arma::dot(x_inf, x_inf);
  const auto ended = [&](std::size_t sample) {
    return std::isnan(trajectory.layout().view(trajectory.state(sample), population)(0, column));
  };
  auto [first, last] = trajectory.between(begin, end);
  while (last > first && ended(last - 1)) --last;
  std::size_t k = last;
  // from the end: most trials settle early or not at all, but only the last excursion counts
  for (; k > first; --k) {
    const auto x = trajectory.layout().view(trajectory.state(k - 1), population).column(column);
    // four sums side by side: one would wait for its own additions, and this loop runs over whole trajectories
    std::array<double, 4> distance{};
    for (std::size_t i = 0; i < x.size(); ++i) distance[i % 4] += (x[i] - x_inf[i]) * (x[i] - x_inf[i]);
    if (!(distance[0] + distance[1] + distance[2] + distance[3] <= limit)) break;
  }
  if (k == last) return std::nullopt;
  return trajectory.time(k) - trajectory.time(first);
}

}  // namespace dynvert
