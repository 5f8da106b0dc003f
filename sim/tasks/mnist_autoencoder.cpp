// MNIST (mnist.hpp): 784 pixels are inputs and targets (Podlaski & Machens 2020, figure 4b).

#include <dynvert/sim/tasks/mnist.hpp>

namespace dynvert {

TaskKind mnist_autoencoder_task() {
  return {.name = "mnist_autoencoder",
          .summary = "MNIST: the 784 pixels are the targets, too",
          .keys = mnist_keys,
          .defaults = {.inputs = 784, .outputs = 784, .samples = 60'000, .test_samples = 10'000, .scaling = "unit"},
          .gives_probabilities = false,
          .make = [](const Config& config) { return read_mnist(config.task, MnistTargets::image); },
          .files = [](const TaskConfig& task) { return mnist_files(task, MnistTargets::image); },
          .memory = pixel_memory};
}

}  // namespace dynvert
