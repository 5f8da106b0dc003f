#include <dynvert/sim/mnist.hpp>

namespace dynvert {

TaskData mnist_classification(const Config& config) { return read_mnist(config.task, MnistTargets::digit); }

}  // namespace dynvert
