#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/tasks/idx.hpp>
#include <dynvert/sim/tasks/mnist.hpp>

#include <fmt/format.h>

#include <filesystem>

namespace dynvert {

namespace {

constexpr auto where_to_find =
    "set task.path to the folder with MNIST's four files (train-images-idx3-ubyte, train-labels-idx1-ubyte, "
    "t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte; uncompressed or .gz). They can be downloaded from "
    "http://yann.lecun.com/exdb/mnist/, https://storage.googleapis.com/cvdf-datasets/mnist/ and "
    "https://ossci-datasets.s3.amazonaws.com/mnist/; the task \"digits\" needs no files";

/// The file of this name in the folder: packed or not, with the "-" or the "." of either way of spelling it.
std::string find_file(const std::string& folder, const std::string& name) {
  namespace fs = std::filesystem;
  std::error_code code;
  if (!fs::is_directory(folder, code)) {
    throw IoError(folder, fs::exists(folder, code) ? "is not a folder" : "there is no such folder", where_to_find);
  }
  std::string dotted = name;
  dotted[name.find("-idx")] = '.';
  for (const std::string& spelling : {name, name + ".gz", dotted, dotted + ".gz"}) {
    const std::string path = (fs::path(folder) / spelling).string();
    if (fs::is_regular_file(path, code)) return path;
  }
  throw IoError(folder, fmt::format("holds neither {} nor {}.gz", name, name), where_to_find);
}

std::string images_file(const std::string& folder, const std::string& set) {
  return find_file(folder, set + "-images-idx3-ubyte");
}
std::string labels_file(const std::string& folder, const std::string& set) {
  return find_file(folder, set + "-labels-idx1-ubyte");
}

SampleTable read_images(const std::string& path, std::size_t samples) {
  const IdxHeader header = read_idx_header(path);
  if (header.type != 0x08 || header.units() != 784) {
    throw IoError(path, fmt::format("holds images of {} values, expected 28 x 28 bytes", header.units()),
                  where_to_find);
  }
  return read_idx(path, samples);
}

Dataset read_set(const std::string& folder, const std::string& set, std::size_t samples, MnistTargets targets) {
  Dataset result;
  result.x = read_images(images_file(folder, set), samples);
  if (targets == MnistTargets::digit) result.t = read_idx_labels(labels_file(folder, set), samples, 10);
  return result;
}

}  // namespace

TaskData read_mnist(const TaskConfig& task, MnistTargets targets) {
  TaskData data;
  data.train = read_set(task.path, "train", task.samples, targets);
  if (task.test_samples > 0) data.test = read_set(task.path, "t10k", task.test_samples, targets);
  scale_inputs(task, data);
  if (targets == MnistTargets::image) {
    data.train.t = data.train.x;
    if (data.test) data.test->t = data.test->x;
  }
  return data;
}

std::vector<DataFile> mnist_files(const TaskConfig& task, MnistTargets targets) {
  std::vector<DataFile> files;
  const auto add = [&](const std::string& set, const std::string& prefix) {
    files.push_back({prefix + "inputs", images_file(task.path, set)});
    if (targets == MnistTargets::digit) files.push_back({prefix + "targets", labels_file(task.path, set)});
  };
  add("train", "");
  if (task.test_samples > 0) add("t10k", "test_");
  return files;
}

}  // namespace dynvert
