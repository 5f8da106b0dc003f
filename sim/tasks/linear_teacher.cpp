// A linear teacher (Podlaski & Machens 2020, figure 3a-f): t = T x, T ~ U(-w, w) n_L x n_0, x ~ N(0, 1).

#include <dynvert/models/random.hpp>
#include <dynvert/sim/tasks/task.hpp>

#include <array>

namespace dynvert {

namespace {

/// w
const Parameter& linear_half_width() {
  static const Parameter half_width{.name = "teacher_half_width",
                                    .default_value = 1.0,
                                    .min = 0,
                                    .min_excluded = true,
                                    .meaning = "The weights of the teacher are drawn from U(-w, w)"};
  return half_width;
}

TaskData linear_samples(const Config& config) {
  const std::size_t inputs = config.network.layers.front();
  const std::size_t outputs = config.network.layers.back();
  arma::mat x = RandomStream(config.seed, "inputs").normal(inputs, config.task.samples);
  const arma::mat teacher =
      RandomStream(config.seed, "teacher").uniform(outputs, inputs, config.task.parameters.real(linear_half_width()));
  arma::mat t = teacher * x;
  return {.train = {.x = SampleTable::reals(std::move(x)), .t = SampleTable::reals(std::move(t))}};
}

}  // namespace

TaskKind linear_teacher_task() {
  static constexpr std::array<std::string_view, 1> keys{"samples"};
  return {.name = "linear_teacher",
          .summary = "a random linear map T makes the targets t = T x from inputs x ~ N(0, 1)",
          .keys = keys,
          .parameters = {linear_half_width()},
          .gives_probabilities = false,
          .make = linear_samples,
          .memory = drawn_memory};
}

}  // namespace dynvert
