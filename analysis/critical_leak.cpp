#include <dynvert/analysis/critical_leak.hpp>
#include <dynvert/analysis/loop_measure.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace dynvert {

namespace {

/// Only the modes of mu: the others decay with any positive leak.
double abscissa_at(CycleModes& modes, std::size_t controller, double alpha) {
  modes.leak[controller] = alpha;
  return arma::real(spectrum(modes)).max();
}

/// The root for one mu of the loop of two populations: a cubic that grows for alpha >= max(0, a), by
/// bisection.
double root_of_cubic(std::complex<double> mu, double tau_c, double tau, double leak) {
  // divided by the other population's leak, P = tau s + leak is that of the header
  const double ratio = tau / leak;
  const double a = mu.real() / leak;
  const double b = mu.imag() / leak;
  const auto value = [&](double alpha) {
    const double p = tau_c + ratio * alpha;
    return p * p * (alpha - a) - tau_c * ratio * b * b;
  };
  double low = std::max(0.0, a);
  if (value(low) >= 0) return low;
  double high = std::abs(mu) / leak;
  for (int k = 0; k < 200 && high > low; ++k) {
    const double middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) break;
    (value(middle) >= 0 ? high : low) = middle;
  }
  return high;
}

}  // namespace

double critical_leak(const CycleModes& given, std::size_t controller) {
  double others = 1;
  for (std::size_t i = 0; i < given.leak.size(); ++i) {
    if (i != controller) others *= given.leak[i];
  }
  if (!(others > 0)) return arma::datum::inf;
  double least = 0;
  if (given.tau.size() == 2) {
    const std::size_t other = 1 - controller;
    for (const std::complex<double> mu : given.mu) {
      least = std::max(least, root_of_cubic(mu, given.tau[controller], given.tau[other], given.leak[other]));
    }
    return least;
  }
  CycleModes modes = given;
  std::ranges::fill(modes.rest, std::size_t{0});
  const double scale = arma::abs(modes.mu).max() / others;
  double high = scale;
  if (abscissa_at(modes, controller, 0) <= 0) return 0;
  while (true) {
    const double middle = least + (high - least) / 2;
    if (high - least <= 4 * arma::datum::eps * scale || middle <= least || middle >= high) return high;
    (abscissa_at(modes, controller, middle) < 0 ? high : least) = middle;
  }
}

LoopMeasure critical_leak_measure() {
  return {.name = "critical_leak",
          .label = "critical leak",
          .units = "1",
          .description = "leak alpha above which the loop is stable",
          .depends_on_leak = false,
          .value =
              [](const LinearisedLoop& loop) {
                return loop.modes() ? critical_leak(*loop.modes(), loop.controller()) : arma::datum::nan;
              },
          .finding = [](double critical, const LoopSetting& setting) -> std::optional<Finding> {
            if (!(critical > 0 && setting.alpha < 2 * critical)) return std::nullopt;
            return Finding{setting.alpha <= critical,
                           fmt::format("critical leak {:.3g}, alpha {:g}", critical, setting.alpha)};
          }};
}

}  // namespace dynvert
