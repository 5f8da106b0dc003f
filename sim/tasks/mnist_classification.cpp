#include <dynvert/sim/tasks/mnist.hpp>

namespace dynvert {

TaskData mnist_classification(const Config& config) { return read_mnist(config.task, MnistTargets::digit); }

std::vector<DataFile> mnist_classification_files(const TaskConfig& task) {
  return mnist_files(task, MnistTargets::digit);
}

}  // namespace dynvert
