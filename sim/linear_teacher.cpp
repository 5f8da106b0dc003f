#include <dynvert/models/random.hpp>
#include <dynvert/sim/task.hpp>

namespace dynvert {

Dataset linear_teacher(const Config& config) {
  const std::size_t inputs = config.network.layers.front();
  const std::size_t outputs = config.network.layers.back();
  Dataset data;
  data.x = RandomStream(config.seed, "inputs").normal(inputs, config.task.samples);
  const arma::mat teacher =
      RandomStream(config.seed, "teacher").uniform(outputs, inputs, config.task.teacher_half_width);
  data.t = teacher * data.x;
  return data;
}

}  // namespace dynvert
