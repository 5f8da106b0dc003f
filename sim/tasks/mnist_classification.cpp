// MNIST (mnist.hpp): 784 pixels, the digit as one of ten classes (Podlaski & Machens 2020, figure 4a).

#include <dynvert/sim/tasks/mnist.hpp>

namespace dynvert {

TaskKind mnist_classification_task() {
  return {.name = "mnist_classification",
          .summary = "MNIST: 784 pixels, and the digit as one of 10 classes",
          .keys = mnist_keys,
          .defaults = {.inputs = 784,
                       .outputs = 10,
                       .samples = 60'000,
                       .test_samples = 10'000,
                       .targets = "classes",
                       .scaling = "standardised"},
          .make = [](const Config& config) { return read_mnist(config.task, MnistTargets::digit); },
          .files = [](const TaskConfig& task) { return mnist_files(task, MnistTargets::digit); },
          .memory = pixel_memory};
}

}  // namespace dynvert
