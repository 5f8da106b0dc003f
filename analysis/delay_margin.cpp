#include <dynvert/analysis/delay_margin.hpp>
#include <dynvert/analysis/loop_measure.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <complex>

namespace dynvert {

namespace {

using Complex = std::complex<double>;

double squared_gain(const CycleModes& modes, double w) {
  double product = 1;
  for (std::size_t i = 0; i < modes.tau.size(); ++i) {
    product *= modes.leak[i] * modes.leak[i] + w * w * modes.tau[i] * modes.tau[i];
  }
  return product;
}

/// The w > 0 with |P(i w)| = gain, for gain > P(0).
double crossing(const CycleModes& modes, double gain) {
  double taus = 1;
  for (const double t : modes.tau) taus *= t;
  // |P(i w)| is at least the product of the tau_i w
  double low = 0;
  double high = std::pow(gain / taus, 1.0 / static_cast<double>(modes.tau.size()));
  if (modes.tau.size() == 2) {
    // a y^2 + b y - c = 0 for y = w^2, by the formula that does not subtract
    const double a = taus * taus;
    const double b = std::pow(modes.tau[0] * modes.leak[1], 2) + std::pow(modes.tau[1] * modes.leak[0], 2);
    const double at_zero = modes.leak[0] * modes.leak[1];
    const double c = (gain - at_zero) * (gain + at_zero);
    return std::sqrt(2 * c / (b + std::sqrt(b * b + 4 * a * c)));
  }
  while (true) {
    const double middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) return high;
    (squared_gain(modes, middle) >= gain * gain ? high : low) = middle;
  }
}

}  // namespace

double delay_margin(const CycleModes& modes) {
  if (!(arma::real(spectrum(modes)).max() < 0)) return arma::datum::nan;
  const double at_zero = std::sqrt(squared_gain(modes, 0));
  double margin = arma::datum::inf;
  for (const Complex mu : modes.mu) {
    if (!(std::abs(mu) > at_zero)) continue;
    const double w = crossing(modes, std::abs(mu));
    double phase = std::arg(mu);
    for (std::size_t i = 0; i < modes.tau.size(); ++i) phase -= std::atan2(w * modes.tau[i], modes.leak[i]);
    phase = std::remainder(phase, 2 * arma::datum::pi);
    // the loop is stable without delay, so that some phase is left; next to instability rounding may hide it
    if (phase < -1e-12) phase += 2 * arma::datum::pi;
    margin = std::min(margin, std::max(phase, 0.0) / w);
  }
  return margin;
}

LoopMeasure delay_margin_measure() {
  return {
      .name = "delay_margin",
      .label = "delay margin",
      .units = "time",
      .description =
          "longest conduction delay around the loop for which it remains stable; infinite: any, NaN: it is not "
          "stable without delay",
      .value = [](const LinearisedLoop& loop) { return loop.modes() ? delay_margin(*loop.modes()) : arma::datum::nan; },
      .finding = [](double margin, const LoopSetting& setting) -> std::optional<Finding> {
        if (!(margin < 0.1 * setting.tau_u)) return std::nullopt;
        return Finding{false,
                       fmt::format("delay margin {:.3g}: a conduction delay of a tenth of tau_u = {:g} would make it "
                                   "unstable",
                                   margin, setting.tau_u)};
      }};
}

}  // namespace dynvert
