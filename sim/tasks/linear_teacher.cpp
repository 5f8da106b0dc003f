#include <dynvert/models/random.hpp>
#include <dynvert/sim/tasks/task.hpp>

namespace dynvert {

TaskData linear_teacher(const Config& config) {
  const std::size_t inputs = config.network.layers.front();
  const std::size_t outputs = config.network.layers.back();
  arma::mat x = RandomStream(config.seed, "inputs").normal(inputs, config.task.samples);
  const arma::mat teacher =
      RandomStream(config.seed, "teacher").uniform(outputs, inputs, config.task.teacher_half_width);
  arma::mat t = teacher * x;
  return {.train = {.x = SampleTable::reals(std::move(x)), .t = SampleTable::reals(std::move(t))}};
}

}  // namespace dynvert
