#include <dynvert/models/circuit/input_signal.hpp>
#include <dynvert/models/registry.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>

namespace dynvert {

std::span<const SignalShape> signal_shapes() {
  static const std::array shapes{
      SignalShape{.name = "step", .summary = "constant"},
      SignalShape{.name = "ramp",
                  .summary = "grows linearly to its full size",
                  .parameters = {{.name = "rise",
                                  .default_value = 0.0,
                                  .min = 0,
                                  .units = "time",
                                  .meaning = "ramp: time until it reaches its full size"}}},
      SignalShape{.name = "sine",
                  .summary = "a sine wave",
                  .parameters = {{.name = "period",
                                  .default_value = 1.0,
                                  .min = 0,
                                  .min_excluded = true,
                                  .units = "time",
                                  .meaning = "sine: the period"}}},
      SignalShape{.name = "noise",
                  .summary = "an Ornstein-Uhlenbeck process",
                  .parameters = {{.name = "noise_tau",
                                  .default_value = 1.0,
                                  .min = 0,
                                  .min_excluded = true,
                                  .units = "time",
                                  .meaning = "noise: the correlation time"}}},
  };
  return shapes;
}

InputSignal::Shape signal_shape(std::string_view name) {
  const auto shapes = signal_shapes();
  return static_cast<InputSignal::Shape>(&find_by_name(shapes, name, "signal") - shapes.data());
}

void InputSignal::take(const ParameterValues& parameters) {
  const ParameterValues own = parameters.restricted_to(signal_shapes()[static_cast<std::size_t>(shape)].parameters);
  if (shape == Shape::ramp) rise = own.real("rise");
  if (shape == Shape::sine) period = own.real("period");
  if (shape == Shape::noise) noise_tau = own.real("noise_tau");
}

std::vector<double> InputSignal::switches() const {
  std::vector<double> times{start};
  if (shape == Shape::ramp && rise > 0 && start + rise < stop) times.push_back(start + rise);
  if (std::isfinite(stop)) times.push_back(stop);
  return times;
}

bool InputSignal::is_on(double begin, double end) const {
  // by the middle: the ends may be off by rounding
  const double middle = begin + (end - begin) / 2;
  return start <= middle && middle < stop;
}

bool InputSignal::is_constant(double begin, double end) const {
  if (!is_on(begin, end) || shape == Shape::step) return true;
  return shape == Shape::ramp && start + rise <= begin + (end - begin) / 2;
}

void InputSignal::add(double t, std::span<const std::size_t> trials, const MatrixView& input) const {
  double factor = 1;
  std::size_t knot = 0;
  double part = 0;
  switch (shape) {
    case Shape::step:
      break;
    case Shape::ramp:
      factor = rise > 0 ? std::clamp((t - start) / rise, 0.0, 1.0) : 1.0;
      break;
    case Shape::sine:
      factor = std::sin(2 * std::numbers::pi * (t - start) / period);
      break;
    case Shape::noise: {
      const double position = std::max(0.0, (t - start) / spacing);
      knot = std::min(static_cast<std::size_t>(position), static_cast<std::size_t>(knots->front().n_cols) - 2);
      part = position - static_cast<double>(knot);
      break;
    }
  }
  for (std::size_t c = 0; c < trials.size(); ++c) {
    const double* A = amplitude.colptr(amplitude.n_cols == 1 ? 0 : trials[c]);
    const auto to = input.column(c);
    if (shape != Shape::noise) {
      for (std::size_t i = 0; i < to.size(); ++i) to[i] += factor * A[i];
      continue;
    }
    const arma::mat& xi = (*knots)[trials[c]];
    for (std::size_t i = 0; i < to.size(); ++i) {
      to[i] += A[i] * ((1 - part) * xi(i, knot) + part * xi(i, knot + 1));
    }
  }
}

arma::mat ornstein_uhlenbeck(RandomStream& random, std::size_t units, std::size_t knots, double spacing, double tau) {
  arma::mat xi = random.normal(units, knots);
  const double rho = std::exp(-spacing / tau);
  const double fresh = std::sqrt(-std::expm1(-2 * spacing / tau));
  for (arma::uword k = 1; k < xi.n_cols; ++k) xi.col(k) = rho * xi.col(k - 1) + fresh * xi.col(k);
  return xi;
}

std::vector<double> intervals(std::span<const InputSignal> signals, double duration) {
  std::vector<double> starts{0};
  for (const InputSignal& signal : signals) {
    for (const double t : signal.switches()) {
      if (t > 0 && t < duration) starts.push_back(t);
    }
  }
  std::ranges::sort(starts);
  // switches that are the same up to rounding error are one
  const auto same = [duration](double a, double b) { return b - a < 1e-12 * duration; };
  starts.erase(std::unique(starts.begin(), starts.end(), same), starts.end());
  return starts;
}

void sum_signals(const std::vector<InputSignal>& signals, double begin, double end, double t,
                 std::span<const std::size_t> trials, const MatrixView& input) {
  fill(input, 0.0);
  for (const InputSignal& signal : signals) {
    if (signal.is_on(begin, end)) signal.add(t, trials, input);
  }
}

void set_input(RightHandSide& f, PopulationIndex population, const InputSignals& signals, double begin, double end) {
  const auto constant = [&](const InputSignal& signal) { return signal.is_constant(begin, end); };
  if (std::ranges::all_of(*signals, constant)) {
    std::vector<std::size_t> trials(f.layout().columns());
    std::iota(trials.begin(), trials.end(), std::size_t{0});
    sum_signals(*signals, begin, end, end, trials, f.input(population));
    f.set_drive(population, nullptr);
    return;
  }
  f.set_drive(population, [signals, begin, end](double t, std::span<const std::size_t> trials, MatrixView input) {
    sum_signals(*signals, begin, end, t, trials, input);
  });
}

}  // namespace dynvert
