#include <dynvert/models/random.hpp>
#include <dynvert/sim/tasks/task.hpp>

namespace dynvert {

const Parameter& linear_teacher_half_width() {
  static const Parameter half_width{.name = "teacher_half_width",
                                    .default_value = 1.0,
                                    .min = 0,
                                    .min_excluded = true,
                                    .meaning = "The weights of the teacher are drawn from U(-w, w)"};
  return half_width;
}

TaskData linear_teacher(const Config& config) {
  const std::size_t inputs = config.network.layers.front();
  const std::size_t outputs = config.network.layers.back();
  arma::mat x = RandomStream(config.seed, "inputs").normal(inputs, config.task.samples);
  const arma::mat teacher = RandomStream(config.seed, "teacher")
                                .uniform(outputs, inputs, config.task.parameters.real(linear_teacher_half_width()));
  arma::mat t = teacher * x;
  return {.train = {.x = SampleTable::reals(std::move(x)), .t = SampleTable::reals(std::move(t))}};
}

}  // namespace dynvert
