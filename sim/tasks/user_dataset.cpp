// The user's inputs and targets, from HDF5 (sample_file.hpp) or an IDX pair (idx.hpp).

#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/tasks/idx.hpp>
#include <dynvert/sim/tasks/sample_file.hpp>
#include <dynvert/sim/tasks/task.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <vector>

namespace dynvert {

namespace {

/// Where one of the two sets is.
struct Place {
  std::string path, targets_path;  ///< IDX: of the inputs and of the targets; HDF5: the file, and nothing
  SamplePlace x, targets;          ///< HDF5
  [[nodiscard]] bool idx() const { return !targets_path.empty(); }
};

/// @param prefix  of the keys: "test_"
Place place_of(const TaskConfig& task, const std::string& prefix, const std::string& path,
               const std::string& targets_path, const std::string& group, const std::string& x,
               const std::string& targets) {
  const auto place = [&](const std::string& name, const char* key) {
    return SamplePlace{.path = path, .group = group, .name = name, .key = prefix + key, .transposed = task.transposed};
  };
  return {.path = path,
          .targets_path = targets_path,
          .x = place(x, "x"),
          .targets = place(targets, task.targets == "classes" ? "labels" : "t")};
}

Place training_set(const TaskConfig& task) {
  return place_of(task, "", task.path, task.targets_path, task.group, task.x,
                  task.targets == "classes" ? task.labels : task.t);
}

std::optional<Place> test_set(const TaskConfig& task) {
  if (task.test_path.empty() && task.test_group.empty() && task.test_x.empty()) return std::nullopt;
  const auto own = [](const std::string& name, const std::string& otherwise) {
    return name.empty() ? otherwise : name;
  };
  return place_of(task, "test_", own(task.test_path, task.path), task.test_targets_path,
                  own(task.test_group, task.group), own(task.test_x, task.x),
                  task.targets == "classes" ? own(task.test_labels, task.labels) : own(task.test_t, task.t));
}

std::size_t count(const Place& place, const TaskConfig& task) {
  const std::size_t n = place.idx() ? read_idx_header(place.path).samples() : count_samples(place.x, task.inputs);
  if (n == 0) throw IoError(place.path, "holds no samples");
  return n;
}

SampleTable read_idx_values(const std::string& path, std::size_t samples, std::size_t units, const char* meaning) {
  // before the values are read
  const std::size_t found = read_idx_header(path).units();
  if (found != units) {
    throw IoError(path, fmt::format("holds {} values per sample, but the network has {} {}", found, units, meaning),
                  "network.layers as the file has it");
  }
  return read_idx(path, samples);
}

std::size_t first_label(const TaskConfig& task) { return static_cast<std::size_t>(task.labels_from); }

Dataset read_set(const Place& place, std::size_t samples, const TaskConfig& task) {
  const bool classes = task.targets == "classes";
  if (place.idx()) {
    return {.x = read_idx_values(place.path, samples, task.inputs, "inputs"),
            .t = classes ? read_idx_labels(place.targets_path, samples, task.outputs, first_label(task))
                         : read_idx_values(place.targets_path, samples, task.outputs, "outputs")};
  }
  return {.x = read_samples(place.x, samples, task.inputs, "inputs of the network"),
          .t = classes ? read_labels(place.targets, samples, task.outputs, first_label(task))
                       : read_samples(place.targets, samples, task.outputs, "outputs of the network")};
}

/// Labels that count from 1 fit a network with one output too many, which would train with a class without samples.
void check_first_class(const Place& place, const SampleTable& targets, std::size_t first) {
  std::vector<bool> found(targets.units(), false);
  for (const std::uint32_t label : targets.class_numbers()) found[label] = true;
  if (targets.class_numbers().empty() || found[0] || !std::all_of(found.begin() + 1, found.end(), std::identity()))
    return;
  const std::string& group = place.targets.group;
  throw IoError(
      place.idx() ? place.targets_path
                  : fmt::format("{}:{}{}{}", place.path, group, group.ends_with('/') ? "" : "/", place.targets.name),
      fmt::format("has labels from {} to {}, and none is {}", first + 1, first + targets.units() - 1, first),
      fmt::format("labels_from = {} in [task], and a network with {} outputs", first + 1, targets.units() - 1));
}

void note_group(TaskData& data, const std::string& name, const Place& place) {
  if (!place.idx()) data.attributes.push_back({name, place.x.group});
}

void count_user_samples(TaskConfig& task) {
  if (task.samples == 0) task.samples = count(training_set(task), task);
  if (task.test_samples > 0) return;
  if (const auto test = test_set(task)) task.test_samples = count(*test, task);
}

std::vector<DataFile> user_files(const TaskConfig& task) {
  std::vector<DataFile> files;
  const auto add = [&](const Place& place, const std::string& prefix) {
    files.push_back({prefix + "inputs", place.path});
    if (place.idx()) files.push_back({prefix + "targets", place.targets_path});
  };
  add(training_set(task), "");
  if (const auto test = test_set(task)) add(*test, "test_");
  return files;
}

TaskData user_samples(const Config& config) {
  const TaskConfig& task = config.task;
  TaskData data;
  const Place train = training_set(task);
  data.train = read_set(train, task.samples, task);
  check_first_class(train, data.train.t, first_label(task));
  note_group(data, "group", train);
  if (const auto test = test_set(task)) {
    data.test = read_set(*test, task.test_samples, task);
    note_group(data, "test_group", *test);
  }
  scale_inputs(task, data);
  return data;
}

/// reals, and a second copy of them while they are scaled
std::size_t user_memory(const Config& config) {
  return 2 * sizeof(double) * (config.task.samples + config.task.test_samples) *
         (config.network.layers.front() + config.network.layers.back());
}

}  // namespace

TaskKind dataset_task() {
  static constexpr std::array<std::string_view, 18> keys{
      "samples", "test_samples", "path",       "targets_path",      "group",       "x",
      "t",       "labels",       "test_path",  "test_targets_path", "test_group",  "test_x",
      "test_t",  "test_labels",  "transposed", "targets",           "labels_from", "scaling"};
  return {.name = "dataset",
          .summary = "user-defined inputs and targets, from HDF5 or IDX files",
          .keys = keys,
          .defaults = {.samples = 0},
          .make = user_samples,
          .files = user_files,
          .memory = user_memory,
          .count_samples = count_user_samples};
}

}  // namespace dynvert
