#include <dynvert/models/error.hpp>
#include <dynvert/models/random.hpp>
#include <dynvert/sim/tasks/task.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace dynvert {

std::size_t drawn_memory(const Config& config) {
  const std::size_t numbers =
      (config.task.samples + config.task.test_samples) * (config.network.layers.front() + config.network.layers.back());
  return static_cast<std::size_t>(2.6 * sizeof(double) * static_cast<double>(numbers));
}

std::size_t pixel_memory(const Config& config) {
  return (config.task.samples + config.task.test_samples) * (config.network.layers.front() + sizeof(std::uint32_t));
}

void scale_inputs(const TaskConfig& task, TaskData& data) {
  double shift = 0, divisor = 1;
  if (task.scaling == "none") return;
  if (task.scaling == "unit") {
    const bool bytes = data.train.x.are_bytes() && (!data.test || data.test->x.are_bytes());
    if (!bytes) {
      throw ValueError("task.scaling", "\"unit\" divides bytes by 255, but the inputs are not bytes",
                       "standardised, none; or inputs that are stored as unsigned bytes");
    }
    divisor = 255;
  } else {
    const auto [mean, deviation] = data.train.x.moments();
    if (!(deviation > 0)) {
      throw ValueError("task.scaling", fmt::format("all inputs are {:g}: \"standardised\" would divide by zero", mean),
                       "none; or inputs that differ");
    }
    shift = mean;
    divisor = deviation;
    data.attributes.push_back({"input_mean", mean});
    data.attributes.push_back({"input_deviation", deviation});
  }
  data.train.x = data.train.x.rescaled(shift, divisor);
  if (data.test) data.test->x = data.test->x.rescaled(shift, divisor);
}

SampleOrder::SampleOrder(std::uint64_t seed, std::size_t samples, std::size_t batch)
    : seed_(seed), samples_(samples), batch_(batch), epoch_(std::numeric_limits<std::size_t>::max()) {
  if (samples == 0 || batch == 0 || batch > samples) {
    throw ValueError("order of samples", fmt::format("batches of {} from {} samples", batch, samples),
                     "at least one sample, and no more in a batch than there are");
  }
}

std::span<const std::size_t> SampleOrder::samples(std::size_t trial) {
  const std::size_t epoch = trial / trials_per_epoch();
  if (epoch != epoch_) {
    order_ = RandomStream(seed_, fmt::format("order {}", epoch)).permutation(samples_);
    epoch_ = epoch;
  }
  const std::size_t first = trial % trials_per_epoch() * batch_;
  return std::span<const std::size_t>(order_).subspan(first, std::min(batch_, samples_ - first));
}

}  // namespace dynvert
