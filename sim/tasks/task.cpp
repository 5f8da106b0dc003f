#include <dynvert/models/error.hpp>
#include <dynvert/models/random.hpp>
#include <dynvert/models/registry.hpp>
#include <dynvert/sim/tasks/task.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

namespace dynvert {

namespace {

std::size_t numbers(const Config& config) {
  return (config.task.samples + config.task.test_samples) *
         (config.network.layers.front() + config.network.layers.back());
}

/// of samples that are drawn, and a factored copy of them
std::size_t drawn_memory(const Config& config) {
  return static_cast<std::size_t>(2.6 * sizeof(double) * static_cast<double>(numbers(config)));
}
/// a byte a pixel, and a number a class
std::size_t pixel_memory(const Config& config) {
  return (config.task.samples + config.task.test_samples) * (config.network.layers.front() + sizeof(std::uint32_t));
}
/// reals, and a second copy of them while they are scaled
std::size_t user_memory(const Config& config) { return 2 * sizeof(double) * numbers(config); }

}  // namespace

std::span<const TaskKind> task_kinds() {
  static constexpr std::array<std::string_view, 1> teacher_keys{"samples"};
  static constexpr std::array<std::string_view, 4> mnist_keys{"samples", "test_samples", "path", "scaling"};
  static constexpr std::array<std::string_view, 3> digits_keys{"samples", "test_samples", "scaling"};
  static constexpr std::array<std::string_view, 10> dataset_keys{
      "samples",   "test_samples",      "path",       "targets_path", "group",
      "test_path", "test_targets_path", "test_group", "targets",      "scaling"};
  static const std::array kinds{
      TaskKind{.name = "linear_teacher",
               .summary = "a random linear map T makes the targets t = T x from inputs x ~ N(0, 1)",
               .keys = teacher_keys,
               .parameters = {linear_teacher_half_width()},
               .gives_probabilities = false,
               .make = linear_teacher,
               .memory = drawn_memory},
      TaskKind{.name = "tanh_teacher",
               .summary = "t is the output of a network of the same shape, x ~ N(0, 1)",
               .keys = teacher_keys,
               .parameters = {tanh_teacher_half_width()},
               .make = tanh_teacher,
               .memory = drawn_memory},
      TaskKind{.name = "mnist_classification",
               .summary = "MNIST: 784 pixels, and the digit as one of 10 classes",
               .keys = mnist_keys,
               .defaults = {.inputs = 784,
                            .outputs = 10,
                            .samples = 60'000,
                            .test_samples = 10'000,
                            .targets = "classes",
                            .scaling = "standardised"},
               .make = mnist_classification,
               .files = mnist_classification_files,
               .memory = pixel_memory},
      TaskKind{
          .name = "mnist_autoencoder",
          .summary = "MNIST: the 784 pixels are the targets, too",
          .keys = mnist_keys,
          .defaults = {.inputs = 784, .outputs = 784, .samples = 60'000, .test_samples = 10'000, .scaling = "unit"},
          .gives_probabilities = false,
          .make = mnist_autoencoder,
          .files = mnist_autoencoder_files,
          .memory = pixel_memory},
      TaskKind{.name = "digits",
               .summary = "digits that dynvert draws itself, 16 x 16 pixels in 10 classes, without files",
               .keys = digits_keys,
               .defaults =
                   {.inputs = 256, .outputs = 10, .test_samples = 500, .targets = "classes", .scaling = "standardised"},
               .make = digits,
               .memory = pixel_memory},
      TaskKind{.name = "dataset",
               .summary = "user-defined inputs and targets, from HDF5 or IDX files",
               .keys = dataset_keys,
               .defaults = {.samples = 0},
               .make = user_dataset,
               .files = user_files,
               .memory = user_memory,
               .count_samples = count_user_samples},
  };
  return kinds;
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
