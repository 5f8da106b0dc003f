// A teacher network of the student's shape and activations (Podlaski & Machens 2020, figure 3g-k): t its output, all
// its weights and biases ~ U(-w, w), x ~ N(0, 1).

#include <dynvert/models/random.hpp>
#include <dynvert/sim/config/build_network.hpp>
#include <dynvert/sim/tasks/task.hpp>

#include <fmt/format.h>

#include <array>

namespace dynvert {

namespace {

/// w
const Parameter& tanh_half_width() {
  static const Parameter half_width{.name = "teacher_half_width",
                                    .default_value = 0.01,
                                    .min = 0,
                                    .min_excluded = true,
                                    .meaning = "The weights of the teacher are drawn from U(-w, w)"};
  return half_width;
}

TaskData tanh_samples(const Config& config) {
  Network teacher = empty_network(config);
  const double w = config.task.parameters.real(tanh_half_width());
  for (std::size_t l = 1; l <= teacher.depth(); ++l) {
    RandomStream random(config.seed, fmt::format("teacher {}", l));
    teacher.W[l] = random.uniform(teacher.units[l], teacher.units[l - 1], w);
    if (teacher.bias) teacher.b[l] = random.uniform(teacher.units[l], 1, w);
  }
  arma::mat x = RandomStream(config.seed, "inputs").normal(teacher.units.front(), config.task.samples);
  Activity activity;
  forward(teacher, x, arma::mat(teacher.units.back(), config.task.samples), activity);
  return {.train = {.x = SampleTable::reals(std::move(x)), .t = SampleTable::reals(std::move(activity.h.back()))}};
}

}  // namespace

TaskKind tanh_teacher_task() {
  static constexpr std::array<std::string_view, 1> keys{"samples"};
  return {.name = "tanh_teacher",
          .summary = "t is the output of a network of the same shape, x ~ N(0, 1)",
          .keys = keys,
          .parameters = {tanh_half_width()},
          .make = tanh_samples,
          .memory = drawn_memory};
}

}  // namespace dynvert
