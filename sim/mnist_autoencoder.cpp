#include <dynvert/sim/mnist.hpp>

namespace dynvert {

TaskData mnist_autoencoder(const Config& config) { return read_mnist(config.task, MnistTargets::image); }

}  // namespace dynvert
