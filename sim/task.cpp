#include <dynvert/models/error.hpp>
#include <dynvert/models/random.hpp>
#include <dynvert/models/registry.hpp>
#include <dynvert/sim/task.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

namespace dynvert {

std::span<const TaskKind> task_kinds() {
  static constexpr std::array<std::string_view, 2> teacher_keys{"samples", "teacher_half_width"};
  static constexpr std::array kinds{
      TaskKind{.name = "linear_teacher", .keys = teacher_keys, .make = linear_teacher},
      TaskKind{.name = "tanh_teacher", .keys = teacher_keys, .teacher_half_width = 0.01, .make = tanh_teacher},
  };
  return kinds;
}

const TaskKind& task_kind(std::string_view name) { return find_by_name(task_kinds(), name, "task"); }

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
