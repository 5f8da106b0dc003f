// [task]: the defaults of its kind, what the kind asks of the network, and its files.

#include <dynvert/models/circuit/rate_function.hpp>
#include <dynvert/sim/config/reader.hpp>

#include <fmt/format.h>

namespace dynvert {

namespace {

constexpr std::size_t largest_data = 1'000'000'000;  // numbers of a data set, 8 GB

/// The names of datasets within the file. A test set beside the training set has names of its own.
void check_names(const ConfigReader& reader, const toml::table& in, const TaskConfig& task, bool has_test_set) {
  for (const auto& [key, name] : {std::pair{"x", &task.x}, std::pair{"t", &task.t}, std::pair{"labels", &task.labels}})
    if (name->empty()) reader.fail_at(&in, "task", key, "is empty", "name of a dataset, from the group");
  const bool classes = task.targets == "classes";
  const std::string& targets = classes ? task.test_labels : task.test_t;
  const std::string targets_key = classes ? "test_labels" : "test_t";
  if (!has_test_set && !targets.empty())
    reader.fail_at(&in, "task", targets_key, "there is no test set", "test_x with it, or leave it out");
  const bool same_group = task.test_path.empty() && (task.test_group.empty() || task.test_group == task.group);
  if (!has_test_set || !same_group || !task.targets_path.empty()) return;
  // the samples for tests would be those that were learned
  if (task.test_x.empty() || task.test_x == task.x)
    reader.fail_at(&in, "task", "test_x", "the test set is the training set", "the dataset of the test set's inputs");
  if (targets.empty() || targets == (classes ? task.labels : task.t))
    reader.fail_at(&in, "task", targets_key, "the targets of the test set are those of the training set",
                   "the dataset of the test set's targets");
}

/// The files of a task: their names become absolute.
void check_files(const ConfigReader& reader, const toml::table& in, const Choice& kind, TaskConfig& task) {
  const bool has_test_set = !task.test_path.empty() || !task.test_group.empty() || !task.test_x.empty();
  if (!task.targets_path.empty() && !task.test_path.empty() && task.test_targets_path.empty())
    reader.fail_at(&in, "task", "test_targets_path", "is missing", "a file name: the test set is an IDX pair, too");
  if (task.test_path.empty() && !task.test_targets_path.empty())
    reader.fail_at(&in, "task", "test_path", "is missing", "a file name");
  if (!task.test_group.empty() && !task.test_group.starts_with('/'))
    reader.fail_at(&in, "task", "test_group", "found " + in_quotes(task.test_group), "a group of the file, from /");
  if (in.contains("test_samples") && task.test_samples > 0 && uses(&kind, "test_path") && !has_test_set)
    reader.fail_at(&in, "task", "test_samples", "there is no test set",
                   "test_path, test_group or test_x, or leave it out");
  check_names(reader, in, task, has_test_set);
  reader.resolve_path(&in, "task", task.path, task.group, "path");
  for (auto [key, path] : {std::pair{"targets_path", &task.targets_path}, std::pair{"test_path", &task.test_path},
                           std::pair{"test_targets_path", &task.test_targets_path}})
    if (!path->empty()) reader.resolve_path(&in, "task", *path, "/", key);
}

}  // namespace

void check_task(const ConfigReader& reader, const toml::table& in, Config& config) {
  auto& task = config.task;
  const auto& n = config.network.layers;
  const std::vector<Key> keys = keys_of(task, reader.context());
  reader.check_used(&in, "task", keys);
  const Choice& kind = *find_choice(reader.registry().tasks, task.kind);
  TaskConfig standard = kind.defaults;
  for (const Key& from : keys_of(standard, reader.context()))
    if (from.name != "kind" && !in.contains(from.name) && !std::holds_alternative<ParameterSlot>(from.slot))
      copy_value(from, *find_key(keys, from.name));
  reset_unused<TaskConfig>(keys, reader.context(), kind.defaults);
  if (!kind.gives_probabilities && !rate_function(config.network.output).elementwise)
    reader.fail_at(
        reader.tree()["network"].as_table(), "network", "output",
        fmt::format("\"softmax\" gives probabilities, but the targets of {} are not probabilities", task.kind),
        "an elementwise rate function, or a task whose targets are probabilities");
  const auto agree = [&](std::string_view key, std::size_t& value, std::size_t fixed, std::size_t layer,
                         const char* which) {
    if (fixed != 0 && fixed != layer)
      reader.fail_at(reader.tree()["network"].as_table(), "network", "layers",
                     fmt::format("the {} is {}, but task.kind = \"{}\" has {} {}", which, layer, task.kind, fixed, key),
                     fmt::format("{} as the {}", fixed, which));
    if (in.contains(key) && value != layer)
      reader.fail_at(&in, "task", key, fmt::format("found {}, but the {} of network.layers is {}", value, which, layer),
                     fmt::format("{}, or leave it out", layer));
    value = layer;
  };
  agree("inputs", task.inputs, kind.defaults.inputs, n.front(), "first");
  agree("outputs", task.outputs, kind.defaults.outputs, n.back(), "last");
  if (uses(&kind, "path")) check_files(reader, in, kind, task);
  if (kind.count_samples) kind.count_samples(task);
  const std::size_t samples = task.samples + task.test_samples;
  if (samples > largest_data / (n.front() + n.back()))
    reader.fail_at(&in, "task", "samples",
                   fmt::format("{} samples of {} inputs and {} outputs are too large", samples, n.front(), n.back()),
                   fmt::format("at most {} numbers in a data set", largest_data));
}

}  // namespace dynvert
