#pragma once

/// Tasks: where samples come from, and the order in which they are shown. A task is a file of this folder with a
/// function that returns its TaskKind, and one line in registry.cpp.

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

/// For TaskKind::memory: of samples that are drawn, and a factored copy of them.
[[nodiscard]] std::size_t drawn_memory(const Config& config);
/// For TaskKind::memory: one byte per pixel, and one number per class.
[[nodiscard]] std::size_t pixel_memory(const Config& config);

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
