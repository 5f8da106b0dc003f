#pragma once

/// Tasks: where samples come from, and the order in which they are shown. A new task is one file with one function and
/// one line in task.cpp.

#include <dynvert/sim/config/config.hpp>
#include <dynvert/sim/hdf5/attribute.hpp>
#include <dynvert/sim/tasks/dataset.hpp>

#include <armadillo>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dynvert {

struct TaskData {
  Dataset train;
  std::optional<Dataset> test = std::nullopt;
  std::vector<Attribute> attributes =
      {};  ///< of /task in the file: what was read of external data, how they were scaled
};

/// A file that a task reads, and what for: "inputs", "test_targets".
struct DataFile {
  std::string role, path;
};

struct TaskKind {
  std::string_view name;
  std::string_view summary;                ///< one line for people
  std::span<const std::string_view> keys;  ///< the common keys of [task] that it uses, besides kind, inputs, outputs
  std::vector<Parameter> parameters = {};  ///< keys of [task] that it declares itself
  /// the values of keys that are not given, used by it or not; inputs and outputs: what the network must have, 0: any
  TaskConfig defaults = {};
  bool gives_probabilities = true;  ///< its targets may be the probabilities of a softmax output
  TaskData (*make)(const Config& config) = nullptr;
  /// the files that it reads, whose sums the run's file holds. Null: the samples are a function of the seed, and the
  /// run's file holds them. @throws IoError  a folder does not hold what it should
  std::vector<DataFile> (*files)(const TaskConfig& task) = nullptr;
  /// bytes that the data take, from the configuration alone
  std::size_t (*memory)(const Config& config) = nullptr;
  /// fills in samples and test_samples from the headers of the task's files, where they are 0 and the files have them.
  /// @throws IoError
  void (*count_samples)(TaskConfig& task) = nullptr;

  [[nodiscard]] bool drawn() const { return files == nullptr; }
};

[[nodiscard]] std::span<const TaskKind> task_kinds();
/// @throws ValueError naming the known tasks
[[nodiscard]] const TaskKind& task_kind(std::string_view name);

/// A linear teacher (Podlaski & Machens 2020, figure 3a-f): t = T x, T ~ U(-w, w) n_L x n_0, x ~ N(0, 1).
[[nodiscard]] TaskData linear_teacher(const Config& config);
/// w
[[nodiscard]] const Parameter& linear_teacher_half_width();

/// A teacher network of the student's shape and activations (Podlaski & Machens 2020, figure 3g-k): t its output, all
/// its weights and biases ~ U(-w, w), x ~ N(0, 1).
[[nodiscard]] TaskData tanh_teacher(const Config& config);
/// w
[[nodiscard]] const Parameter& tanh_teacher_half_width();

/// MNIST (mnist.hpp): 784 pixels, the digit as one of ten classes (Podlaski & Machens 2020, figure 4a).
[[nodiscard]] TaskData mnist_classification(const Config& config);
/// @see TaskKind::files
[[nodiscard]] std::vector<DataFile> mnist_classification_files(const TaskConfig& task);

/// MNIST (mnist.hpp): 784 pixels are inputs and targets (Podlaski & Machens 2020, figure 4b).
[[nodiscard]] TaskData mnist_autoencoder(const Config& config);
[[nodiscard]] std::vector<DataFile> mnist_autoencoder_files(const TaskConfig& task);

/// Images of digits that dynvert draws itself, 16 x 16 pixels in ten classes, for tests and for people without MNIST.
/// Glyphs of 5 x 7 dots, each image with its own size, slant, place, stroke and noise; a function of the seed.
[[nodiscard]] TaskData digits(const Config& config);

/// The user's own inputs and targets, from HDF5 (sample_file.hpp) or an IDX pair (idx.hpp).
[[nodiscard]] TaskData user_dataset(const Config& config);
[[nodiscard]] std::vector<DataFile> user_files(const TaskConfig& task);
/// @see TaskKind::count_samples
void count_user_samples(TaskConfig& task);

/// Scales the inputs of training and test set as task.scaling says, and writes down by what.
/// @throws ValueError  "unit" of other values than bytes, "standardised" of inputs that are all the same
void scale_inputs(const TaskConfig& task, TaskData& data);

/// Which samples a trial shows: each epoch a new permutation of all samples, cut into batches (the last may be
/// shorter). A function of seed, epoch and trial alone.
class SampleOrder {
 public:
  SampleOrder(std::uint64_t seed, std::size_t samples, std::size_t batch);

  [[nodiscard]] std::size_t trials_per_epoch() const noexcept { return (samples_ + batch_ - 1) / batch_; }
  /// the samples of a trial
  [[nodiscard]] std::span<const std::size_t> samples(std::size_t trial);

 private:
  std::uint64_t seed_;
  std::size_t samples_, batch_;
  std::size_t epoch_;
  std::vector<std::size_t> order_;
};

}  // namespace dynvert
