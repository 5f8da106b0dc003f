#include <dynvert/sim/tasks/mnist.hpp>

namespace dynvert {

TaskData mnist_autoencoder(const Config& config) { return read_mnist(config.task, MnistTargets::image); }

std::vector<DataFile> mnist_autoencoder_files(const TaskConfig& task) { return mnist_files(task, MnistTargets::image); }

}  // namespace dynvert
