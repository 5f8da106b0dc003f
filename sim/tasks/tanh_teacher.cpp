#include <dynvert/models/random.hpp>
#include <dynvert/sim/config/build_network.hpp>
#include <dynvert/sim/tasks/task.hpp>

#include <fmt/format.h>

namespace dynvert {

const Parameter& tanh_teacher_half_width() {
  static const Parameter half_width{.name = "teacher_half_width",
                                    .default_value = 0.01,
                                    .min = 0,
                                    .min_excluded = true,
                                    .meaning = "The weights of the teacher are drawn from U(-w, w)"};
  return half_width;
}

TaskData tanh_teacher(const Config& config) {
  Network teacher = empty_network(config);
  const double w = config.task.parameters.real(tanh_teacher_half_width());
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

}  // namespace dynvert
