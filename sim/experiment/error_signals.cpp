#include <dynvert/models/random.hpp>
#include <dynvert/models/registry.hpp>
#include <dynvert/sim/experiment/error_signals.hpp>

#include <fmt/format.h>

#include <array>
#include <memory>

namespace dynvert {

namespace {

std::vector<InputSignal> step_error(const ErrorBatch& batch) { return {batch.step}; }

std::vector<InputSignal> ramp_error(const ErrorBatch& batch) {
  InputSignal ramp = batch.step;
  ramp.shape = InputSignal::Shape::ramp;
  ramp.rise = batch.config.inversion.rise;
  return {ramp};
}

std::vector<InputSignal> noisy_error(const ErrorBatch& batch) {
  const InversionConfig& options = batch.config.inversion;
  InputSignal noise = batch.step;
  noise.shape = InputSignal::Shape::noise;
  noise.spacing = batch.dynamics.dt;
  noise.amplitude.fill(-options.noise * options.amplitude);
  const auto knots = static_cast<std::size_t>((batch.dynamics.duration - options.onset) / noise.spacing) + 2;
  std::vector<arma::mat> xi;
  for (const std::size_t sample : batch.samples) {
    // the same fluctuations at every point of the grid
    RandomStream random(batch.config.seed, fmt::format("noise of error {}", sample));
    xi.push_back(ornstein_uhlenbeck(random, noise.amplitude.n_rows, knots, noise.spacing, options.noise_tau));
  }
  noise.knots = std::make_shared<const std::vector<arma::mat>>(std::move(xi));
  return {batch.step, std::move(noise)};
}

}  // namespace

std::span<const ErrorSignal> error_signals() {
  static const std::array signals{
      ErrorSignal{.name = "step", .summary = "constant from its onset on", .constant = true, .make = &step_error},
      ErrorSignal{.name = "ramp", .summary = "grows linearly to its full size", .keys = {"rise"}, .make = &ramp_error},
      ErrorSignal{.name = "noise",
                  .summary = "fluctuates as an Ornstein-Uhlenbeck process",
                  .keys = {"noise", "noise_tau"},
                  .fluctuates = true,
                  .make = &noisy_error}};
  return signals;
}

const ErrorSignal& error_signal(std::string_view name) { return find_by_name(error_signals(), name, "error signal"); }

}  // namespace dynvert
