#pragma once

/// MNIST (LeCun, Cortes & Burges 1998): 60,000 + 10,000 images of handwritten digits, 28 x 28 bytes, and their labels,
/// in four IDX files, uncompressed or gzip, under their usual names in one folder (task.path):
///
///     train-images-idx3-ubyte  train-labels-idx1-ubyte  t10k-images-idx3-ubyte  t10k-labels-idx1-ubyte

#include <dynvert/sim/tasks/task.hpp>

#include <array>

namespace dynvert {

/// the common keys of [task] that MNIST's tasks use
inline constexpr std::array<std::string_view, 4> mnist_keys{"samples", "test_samples", "path", "scaling"};

enum class MnistTargets { digit, image };

/// The first task.samples and task.test_samples images, scaled, and their targets.
/// @throws IoError  a file is missing or is not what it should be; the message says where MNIST is to be had
[[nodiscard]] TaskData read_mnist(const TaskConfig& task, MnistTargets targets);

/// The files that it reads. @throws IoError  likewise
[[nodiscard]] std::vector<DataFile> mnist_files(const TaskConfig& task, MnistTargets targets);

}  // namespace dynvert
