#include <dynvert/sim/config_load.hpp>
#include <dynvert/sim/config_toml.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <utility>

namespace dynvert {

namespace {

constexpr std::size_t largest_file = 4 << 20;  // bytes
constexpr std::size_t most_layers = 1000;
constexpr std::size_t most_models = 1000;
constexpr std::size_t most_recorded = 100'000;       // entries of record.trials
constexpr std::size_t largest_matrix = 100'000'000;  // weights of a layer, 0.8 GB
constexpr std::size_t largest_data = 1'000'000'000;  // numbers of a data set, 8 GB
constexpr std::size_t most_trials = 1'000'000'000;
constexpr std::size_t longest_name = 64;

void copy_value(const Slot& from, const Slot& to) {
  std::visit([&](auto* value) { *value = *std::get<decltype(value)>(from); }, to);
}

/// Gives keys without a meaning the value that they have when nobody sets them, so that equal configurations are equal.
template <typename Values, typename HasNoMeaning>
void reset_unused(Values& values, const HasNoMeaning& has_no_meaning) {
  Values standard;
  const auto from = bindings(standard);
  const auto to = bindings(values);
  for (std::size_t i = 0; i < to.size(); ++i)
    if (has_no_meaning(to[i].key)) copy_value(from[i].slot, to[i].slot);
}

/// n / dt as a number of steps, or nothing where it is not whole. Both were rounded to doubles when they were read, so
/// the quotient of exact decimals may be off by a few units in the last place.
std::optional<double> whole_steps(double time, double dt) {
  const double steps = time / dt, whole = std::round(steps);
  if (whole < 1 || std::abs(steps - whole) > 8 * std::numeric_limits<double>::epsilon() * steps) return std::nullopt;
  return whole;
}

/// The two times next to `time` that are a whole number of dt.
std::string nearest_times(double time, double dt) {
  const double steps = std::floor(time / dt);
  return steps < 1 ? fmt::format("{:.15g}", dt) : fmt::format("{:.15g} or {:.15g}", steps * dt, (steps + 1) * dt);
}

class Loader {
 public:
  Loader(const toml::table& tree, const std::string& file, const Vocabulary& vocabulary)
      : tree_(tree),
        file_(file),
        vocabulary_(vocabulary),
        folder_((std::filesystem::current_path() / file).parent_path()) {}

  Config load() {
    check_tables();
    // what is unknown is reported before what is missing: a key may be missing because it is misspelt
    const auto* experiment = table(tree_, "experiment", "experiment");
    const auto* task = table(tree_, "task", "task");
    const auto* network = table(tree_, "network", "network");
    const auto* learning = table(tree_, "learning", "learning");
    const auto* record = table(tree_, "record", "record");

    read_table("experiment", "experiment", experiment, bindings(config_));
    read_table("task", "task", task, bindings(config_.task));
    require(task, "task", "task", "kind");
    read_table("network", "network", network, bindings(config_.network));
    require(network, "network", "network", "layers");
    read_table("learning", "learning", learning, bindings(config_.learning));
    require(learning, "learning", "learning", "rate");
    read_table("record", "record", record, bindings(config_.record));

    check_network(*network);
    check_init(table(*network, "init", "network.init"));
    check_task(*task);
    check_trials(experiment, *learning);
    check_record(record);
    read_models();
    config_.source = file_;
    config_.resolved = resolved_toml(config_, vocabulary_);
    return std::move(config_);
  }

 private:
  // --- places -------------------------------------------------------------------------------------------------------

  /// Where the key of the table stands; the table where the key is absent; the file where that is absent, too.
  [[nodiscard]] KeyPlace place(const toml::table* in, std::string_view prefix, std::string_view key) const {
    auto name = fmt::format("{}.{}", prefix, key);
    if (in == nullptr) return {std::move(name), file_};
    const auto* node = in->get(key);
    return place_of(node != nullptr ? node->source() : in->source(), std::move(name), file_);
  }

  [[noreturn]] void fail_at(const toml::table* in, std::string_view prefix, std::string_view key, std::string fault,
                            std::string allowed) const {
    const auto* node = in != nullptr ? in->get(key) : nullptr;
    fail(place(in, prefix, key), std::move(fault), node != nullptr ? describe(*node) : "", std::move(allowed));
  }

  /// The table of that name within another; nullptr: absent.
  const toml::table* table(const toml::table& in, std::string_view name, const std::string& key) const {
    const auto* node = in.get(name);
    if (node == nullptr) return nullptr;
    if (!node->is_table())
      fail(place_of(node->source(), key, file_), "found " + describe(*node), describe(*node), "a table of keys");
    return node->as_table();
  }

  void require(const toml::table* in, std::string_view schema, std::string_view prefix, std::string_view key) const {
    if (in == nullptr || !in->contains(key))
      fail_at(in, prefix, key, "is missing", allowed_text(*find_key(schema, key), vocabulary_));
  }

  // --- keys ---------------------------------------------------------------------------------------------------------

  void check_tables() const {
    const std::vector<std::string> known{"experiment", "task",     "network", "learning",
                                         "dynamics",   "feedback", "record",  "model"};
    for (const auto& [key, node] : tree_)
      if (std::find(known.begin(), known.end(), key.str()) == known.end()) unknown(key, "", known);
  }

  /// A key that is known in another table only: "dynamics.solver".
  static std::string elsewhere(std::string_view word) {
    for (const auto& key : config_schema())
      if (key.name == word) return fmt::format("{}.{}", key.table, key.name);
    return {};
  }

  [[noreturn]] void unknown(const toml::key& key, const std::string& prefix,
                            const std::vector<std::string>& known) const {
    // quoted keys may hold anything; bare ones are shown as they are
    const bool bare = std::all_of(key.begin(), key.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    });
    const std::string word(key.str());
    const auto at = place_of(
        key.source(),
        (prefix.empty() ? "" : prefix + ".") + (bare && word.size() <= longest_name ? word : in_quotes(word)), file_);
    auto nearest = nearest_name(word, known);
    if (nearest.empty()) nearest = elsewhere(word);
    throw ConfigError({at.file, at.line, at.column, at.key, prefix.empty() ? "unknown table" : "unknown key", word,
                       fmt::format("{}", fmt::join(known, ", ")), nearest, true});
  }

  /// Reads the keys of a table. @param also  a second table of the schema whose keys may stand there
  void read_table(std::string_view schema, const std::string& prefix, const toml::table* in,
                  const std::vector<Binding>& slots, std::string_view also = "") const {
    if (in == nullptr) return;
    for (const auto& [key, node] : *in) {
      const KeySpec* spec = find_key(schema, key.str());
      if (spec == nullptr && !also.empty()) spec = find_key(also, key.str());
      if (spec == nullptr) {
        auto known = key_names(schema);
        for (auto& name : key_names(also)) known.push_back(std::move(name));
        unknown(key, prefix, known);
      }
      for (const auto& binding : slots)
        if (binding.key == key.str())
          read_value(*spec, node, fmt::format("{}.{}", prefix, key.str()), file_, vocabulary_, binding.slot);
    }
  }

  /// A number that is no value of the configuration itself.
  [[nodiscard]] std::size_t number(std::string_view schema, const toml::table& in, std::string_view key) const {
    std::size_t value = 0;
    read_value(*find_key(schema, key), *in.get(key), fmt::format("{}.{}", schema, key), file_, vocabulary_, &value);
    return value;
  }

  [[noreturn]] void fail_no_meaning(const toml::table* in, std::string_view prefix, std::string_view key,
                                    const std::string& reason) const {
    fail_at(in, prefix, key, "has no meaning with " + reason, "leave it out");
  }

  /// Makes a file name absolute; a file must be named where its kind asks for one.
  void resolve_path(const toml::table* in, const std::string& prefix, std::string_view key, std::string& path,
                    const std::string& group) const {
    if (path.empty()) fail_at(in, prefix, key, "is missing", "a file name");
    if (!group.starts_with('/'))
      fail_at(in, prefix, "group", "found " + in_quotes(group), "a group of the file, from /");
    path = (folder_ / path).lexically_normal().string();
    try {  // the name is UTF-8, but the folder need not be, and the resolved text is
      static_cast<void>(parse_tree("path = " + toml_text(&path), file_));
    } catch (const ConfigError&) {
      fail_at(in, prefix, key, "is in a folder whose name is not UTF-8", "a folder with a name in UTF-8");
    }
  }

  // --- checks -------------------------------------------------------------------------------------------------------

  void check_network(const toml::table& in) {
    auto& net = config_.network;
    const auto& n = net.layers;
    if (n.size() < 3 || n.size() > most_layers)
      fail_at(&in, "network", "layers", fmt::format("found {} layers", n.size()),
              fmt::format("3 to {}: inputs, at least one hidden layer, outputs", most_layers));
    for (std::size_t l = 1; l < n.size(); ++l)
      if (n[l] > largest_matrix / n[l - 1])
        fail_at(&in, "network", "layers",
                fmt::format("W{} would have {} x {} weights, which is too large", l, n[l], n[l - 1]),
                fmt::format("at most {} weights between two layers", largest_matrix));
    const std::size_t hidden = n.size() - 2;
    if (!in.contains("activation")) net.activation = {"linear"};
    const auto* given = in.get("activation");
    if (given == nullptr || given->is_string()) net.activation.resize(hidden, net.activation.front());
    if (net.activation.size() != hidden)
      fail_at(&in, "network", "activation", fmt::format("found {} names", net.activation.size()),
              fmt::format("one name, or one for each of the {} hidden layers", hidden));
  }

  void check_init(const toml::table* in) {
    auto& init = config_.network.init;
    const std::string prefix = "network.init";
    read_table(prefix, prefix, in, bindings(init));
    check_meaning(in, prefix, [&](std::string_view key) { return no_meaning(init, key, vocabulary_); });
    if (no_meaning(init, "path", vocabulary_).empty()) resolve_path(in, prefix, "path", init.path, init.group);
  }

  template <typename NoMeaning>
  void check_meaning(const toml::table* in, std::string_view prefix, const NoMeaning& reason_of) const {
    if (in == nullptr) return;
    for (const auto& [key, node] : *in)
      if (const std::string reason = reason_of(key.str()); !reason.empty())
        fail_no_meaning(in, prefix, key.str(), reason);
  }

  void check_task(const toml::table& in) {
    auto& task = config_.task;
    const auto& n = config_.network.layers;
    check_meaning(&in, "task", [&](std::string_view key) { return no_meaning(task, key, vocabulary_); });
    const Choice& kind = *find_choice(vocabulary_.tasks, task.kind);
    TaskConfig standard = kind.defaults;
    const auto from = bindings(standard);
    const auto to = bindings(task);
    for (std::size_t i = 0; i < to.size(); ++i)
      if (to[i].key != "kind" && !in.contains(to[i].key)) copy_value(from[i].slot, to[i].slot);
    if (!kind.gives_probabilities && config_.network.output == "softmax")
      fail_at(tree_["network"].as_table(), "network", "output",
              fmt::format("\"softmax\" gives probabilities, and the targets of {} are none", task.kind),
              "a rate function of single units, or a task whose targets are probabilities");
    const auto agree = [&](std::string_view key, std::size_t& value, std::size_t fixed, std::size_t layer,
                           const char* which) {
      if (fixed != 0 && fixed != layer)
        fail_at(tree_["network"].as_table(), "network", "layers",
                fmt::format("the {} is {}, but task.kind = \"{}\" has {} {}", which, layer, task.kind, fixed, key),
                fmt::format("{} as the {}", fixed, which));
      if (in.contains(key) && value != layer)
        fail_at(&in, "task", key, fmt::format("found {}, but the {} of network.layers is {}", value, which, layer),
                fmt::format("{}, or leave it out", layer));
      value = layer;
    };
    agree("inputs", task.inputs, kind.defaults.inputs, n.front(), "first");
    agree("outputs", task.outputs, kind.defaults.outputs, n.back(), "last");
    if (uses(&kind, "path")) check_task_files(in);
    if (kind.count_samples) kind.count_samples(task);
    const std::size_t samples = task.samples + task.test_samples;
    if (has_samples() && samples > largest_data / (n.front() + n.back()))
      fail_at(&in, "task", "samples",
              fmt::format("{} samples of {} inputs and {} outputs are too large", samples, n.front(), n.back()),
              fmt::format("at most {} numbers in a data set", largest_data));
  }

  /// The files of a task: their names become absolute.
  void check_task_files(const toml::table& in) {
    auto& task = config_.task;
    if (!task.targets_path.empty() && !task.test_path.empty() && task.test_targets_path.empty())
      fail_at(&in, "task", "test_targets_path", "is missing", "a file name: the test set is an IDX pair, too");
    if (task.test_path.empty() && !task.test_targets_path.empty())
      fail_at(&in, "task", "test_path", "is missing", "a file name");
    if (!task.test_group.empty() && !task.test_group.starts_with('/'))
      fail_at(&in, "task", "test_group", "found " + in_quotes(task.test_group), "a group of the file, from /");
    if (in.contains("test_samples") && task.test_samples > 0 && task.kind == "dataset" && task.test_path.empty() &&
        task.test_group.empty())
      fail_at(&in, "task", "test_samples", "there is no test set", "test_path or test_group, or leave it out");
    resolve_path(&in, "task", "path", task.path, task.group);
    for (auto [key, path] : {std::pair{"targets_path", &task.targets_path}, std::pair{"test_path", &task.test_path},
                             std::pair{"test_targets_path", &task.test_targets_path}})
      if (!path->empty()) resolve_path(&in, "task", key, *path, "/");
  }

  [[nodiscard]] bool has_samples() const { return no_meaning(config_.task, "samples", vocabulary_).empty(); }

  void check_trials(const toml::table* in, const toml::table& learning) {
    const bool trials = in != nullptr && in->contains("trials"), epochs = in != nullptr && in->contains("epochs");
    if (trials == epochs)
      fail_at(in, "experiment", trials ? "epochs" : "trials",
              trials ? "is given together with trials" : "is missing, and so is epochs", "either trials or epochs");
    const std::size_t samples = config_.task.samples, batch = config_.learning.batch;
    if (has_samples() && batch > samples)
      fail_at(&learning, "learning", "batch", fmt::format("{} is more than the {} samples of the task", batch, samples),
              fmt::format("1 to {}", samples));
    if (!epochs) return;
    const std::size_t passes = number("experiment", *in, "epochs");
    if (!has_samples())
      fail_no_meaning(in, "experiment", "epochs", fmt::format("task.kind = \"{}\"", config_.task.kind));
    if (samples % batch != 0)
      fail_at(&learning, "learning", "batch",
              fmt::format("{} does not divide the {} samples of an epoch", batch, samples),
              "a divisor of task.samples, or experiment.trials in place of epochs");
    if (samples / batch > most_trials / passes)
      fail_at(in, "experiment", "epochs", fmt::format("{} epochs are too many trials", passes),
              fmt::format("at most {} trials", most_trials));
    config_.trials = passes * (samples / batch);
  }

  void check_record(const toml::table* in) {
    auto& record = config_.record;
    if (!record.trials.empty() && record.every > 0)
      fail_at(in, "record", "every", "is given together with record.trials", "either record.trials or record.every");
    if (record.trials.size() > most_recorded)
      fail_at(in, "record", "trials", fmt::format("found {} trials", record.trials.size()),
              fmt::format("at most {}; record.every takes them at regular intervals", most_recorded));
    std::sort(record.trials.begin(), record.trials.end());
    if (const auto twice = std::adjacent_find(record.trials.begin(), record.trials.end()); twice != record.trials.end())
      fail_at(in, "record", "trials", fmt::format("{} stands there twice", *twice), "each trial once");
    if (!record.trials.empty() && record.trials.back() >= config_.trials)
      fail_at(in, "record", "trials",
              fmt::format("found {}, but the experiment has {} trials", record.trials.back(), config_.trials),
              fmt::format("0 to {}", config_.trials - 1));

    std::vector<std::string> known;
    const std::size_t depth = config_.network.layers.size() - 1;
    for (std::size_t l = 1; l < depth; ++l) known.push_back(fmt::format("delta_{}", l));
    for (std::size_t l = 1; l <= depth; ++l) {
      for (const auto* name : {"u_{}", "a_{}", "W{}", "b{}"}) known.push_back(fmt::format(fmt::runtime(name), l));
    }
    known.insert(known.end(), {"h_0", "t"});
    for (std::size_t l = 1; l < depth; ++l) {
      for (std::size_t m = l + 1; m < depth; ++m) known.push_back(fmt::format("delta_{}_run_{}", m, l));
    }
    for (const auto& name : record.populations)
      if (std::find(known.begin(), known.end(), name) == known.end())
        fail(place(in, "record", "populations"), "no population has the name " + in_quotes(name), name,
             depth < 5 ? fmt::format("{}", fmt::join(known, ", "))
                       : fmt::format("delta_1 .. delta_{}, u_1 .. u_{}, a_1 .. a_{}, h_0, t, W1 .. W{}, b1 .. b{}",
                                     depth - 1, depth, depth, depth, depth),
             nearest_name(name, known));
  }

  // --- models -------------------------------------------------------------------------------------------------------

  void read_models() {
    const auto* dynamics = table(tree_, "dynamics", "dynamics");
    const auto* feedback = table(tree_, "feedback", "feedback");
    DynamicsConfig dynamics_defaults;
    FeedbackConfig feedback_defaults;
    read_table("dynamics", "dynamics", dynamics, bindings(dynamics_defaults));
    read_table("feedback", "feedback", feedback, bindings(feedback_defaults));

    const auto* node = tree_.get("model");
    if (node == nullptr)
      throw ConfigError({file_, 0, 0, "model", "is missing: there is nothing to simulate", "",
                         "one [[model]] or more, each with name and credit"});
    const auto* list = node->as_array();
    if (list == nullptr || list->empty())
      fail(place_of(node->source(), "model", file_), "found " + describe(*node), describe(*node),
           "one [[model]] or more, with two brackets");
    if (list->size() > most_models)
      fail(place_of(node->source(), "model", file_), fmt::format("found {} models", list->size()), "",
           fmt::format("1 to {}", most_models));

    std::set<std::string> used_dynamics, used_feedback;
    for (std::size_t i = 0; i < list->size(); ++i) {
      const auto numbered = fmt::format("model[{}]", i + 1);
      const auto* own = list->get(i)->as_table();
      if (own == nullptr)
        fail(place_of(list->get(i)->source(), numbered, file_), "found " + describe(*list->get(i)),
             describe(*list->get(i)), "a table with name and credit");
      ModelConfig model;
      model.dynamics = dynamics_defaults;
      model.feedback = feedback_defaults;
      const auto prefix = read_name(*own, numbered, model.name);
      read_model(*own, prefix, dynamics, feedback, model);
      const auto* own_feedback = table(*own, "feedback", prefix + ".feedback");
      note_used(dynamics, own, model, "dynamics", used_dynamics);
      note_used(feedback, own_feedback, model, "feedback", used_feedback);
      config_.models.push_back(std::move(model));
    }
    // a default that no model needs is no error, or no sweep over solvers could be written; people are told
    check_unused(dynamics, "dynamics", used_dynamics);
    check_unused(feedback, "feedback", used_feedback);
    if (dynamics != nullptr && dynamics->contains("solver") && dynamics_defaults.settle_tolerance > 0 &&
        !used_dynamics.contains("settle_tolerance") &&
        !uses(find_choice(vocabulary_.solvers, dynamics_defaults.solver), "settle_tolerance"))
      fail_no_meaning(dynamics, "dynamics", "settle_tolerance",
                      fmt::format("solver = \"{}\"", dynamics_defaults.solver));
  }

  /// @return the model as messages name it: "model.DI"
  std::string read_name(const toml::table& own, const std::string& numbered, std::string& name) const {
    if (!own.contains("name")) read_table("model", numbered, &own, {}, "dynamics");  // it may be there, misspelt
    require(&own, "model", numbered, "name");
    read_value(*find_key("model", "name"), *own.get("name"), numbered + ".name", file_, vocabulary_, &name);
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    const auto inner = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
    if (name.empty() || name.size() > longest_name || !letter(name[0]) || !std::all_of(name.begin(), name.end(), inner))
      fail_at(&own, numbered, "name", "found " + in_quotes(name),
              fmt::format("letters, digits and _, no digit first, at most {} of them", longest_name));
    for (const auto& earlier : config_.models)
      if (earlier.name == name)
        fail_at(&own, numbered, "name", fmt::format("two models have the name {}", in_quotes(name)),
                "a name of its own for each model");
    return "model." + name;
  }

  void read_model(const toml::table& own, const std::string& prefix, const toml::table* dynamics,
                  const toml::table* feedback, ModelConfig& model) const {
    auto slots = bindings(model);
    for (const auto& binding : bindings(model.dynamics)) slots.push_back(binding);
    read_table("model", prefix, &own, slots, "dynamics");
    require(&own, "model", prefix, "credit");
    check_meaning(&own, prefix, [&](std::string_view key) {
      return no_meaning(model, find_key("model", key) != nullptr ? "model" : "dynamics", key, vocabulary_);
    });

    const auto feedback_prefix = prefix + ".feedback";
    const auto* own_feedback = table(own, "feedback", feedback_prefix);
    read_table("feedback", feedback_prefix, own_feedback, bindings(model.feedback));
    check_kind(own_feedback, feedback_prefix, feedback, own, prefix, model);
    check_meaning(own_feedback, feedback_prefix,
                  [&](std::string_view key) { return no_meaning(model, "feedback", key, vocabulary_); });

    reset_unused(model.dynamics,
                 [&](std::string_view key) { return !no_meaning(model, "dynamics", key, vocabulary_).empty(); });
    // judged by the model as it was read: resetting one key must not change what the next one means
    const ModelConfig as_read = model;
    reset_unused(model.feedback,
                 [&](std::string_view key) { return !no_meaning(as_read, "feedback", key, vocabulary_).empty(); });
    if (no_meaning(model, "feedback", "path", vocabulary_).empty()) {
      const bool inherited = own_feedback == nullptr || !own_feedback->contains("path");
      const auto* in = inherited && feedback != nullptr && feedback->contains("path") ? feedback : own_feedback;
      resolve_path(in != nullptr ? in : &own, in == feedback && in != nullptr ? "feedback" : feedback_prefix, "path",
                   model.feedback.path, model.feedback.group);
    }
    check_times(own, prefix, dynamics, model);
    check_dynamics(own, prefix, dynamics, model);
  }

  /// Combinations that no single key shows.
  void check_dynamics(const toml::table& own, const std::string& prefix, const toml::table* dynamics,
                      const ModelConfig& model) const {
    if (!uses(find_choice(vocabulary_.credits, model.credit), "dynamics")) return;
    const auto& d = model.dynamics;
    const auto at = [&](std::string_view key, const std::string& fault, const std::string& allowed) {
      const bool inherited = !own.contains(key) && dynamics != nullptr && dynamics->contains(key);
      fail_at(inherited ? dynamics : &own, inherited ? "dynamics" : prefix, key, fault, allowed);
    };
    if (d.transfer == "linearised") {
      for (const std::string& g : config_.network.activation)
        if (g == "relu")
          at("transfer", "\"linearised\" divides by the slope of the rate function, and relu's can be 0",
             "linear or nonlinear with relu; leaky_relu in place of it");
    }
    if (d.plasticity != "continuous" || !no_meaning(model, "dynamics", "plasticity", vocabulary_).empty()) return;
    if (!uses(find_choice(vocabulary_.solvers, d.solver), "duration"))
      at("solver", fmt::format("\"{}\" has no time in which plasticity = \"continuous\" could act", d.solver),
         "a solver that integrates, as dopri5, or plasticity = \"end_of_trial\"");
    if (d.solver == "exact")
      at("solver", "\"exact\" is for linear circuits, and weights that move with the state make it bilinear",
         "dopri5, rk4, euler, sequential_euler, rosenbrock4");
    const auto* learning = tree_["learning"].as_table();
    const auto excluded = [&](std::string_view key, bool used) {
      if (used)
        fail_at(learning, "learning", key,
                fmt::format("has no meaning for weights that change all the time (plasticity = \"continuous\" of {})",
                            prefix),
                "leave it out, or plasticity = \"end_of_trial\"");
    };
    excluded("clip_delta", std::isfinite(config_.learning.clip_delta));
    excluded("normalise_updates", config_.learning.normalise_updates);
    if (config_.learning.batch > 1)
      fail_at(learning, "learning", "batch",
              fmt::format("found {}, but plasticity = \"continuous\" of {} makes the weights part of a trial's state",
                          config_.learning.batch, prefix),
              "1, or plasticity = \"end_of_trial\"");
  }

  /// A kind that stabilises its loop needs a loop; a product needs a path of several layers.
  void check_kind(const toml::table* own_feedback, const std::string& feedback_prefix, const toml::table* feedback,
                  const toml::table& own, const std::string& prefix, const ModelConfig& model) const {
    const Choice* credit = find_choice(vocabulary_.credits, model.credit);
    const auto& kinds = vocabulary_.feedback_kinds;
    if (!uses(credit, "feedback")) return;
    const auto reason = [&](const Choice* kind) -> std::string_view {
      if (uses(kind, "margin") && !uses(credit, "dynamics")) return "which has no loop to stabilise";
      if (uses(kind, "factor") && !uses(credit, "product")) return "whose feedback spans one layer";
      return "";
    };
    const std::string_view why = reason(find_choice(kinds, model.feedback.kind));
    if (why.empty()) return;
    std::vector<std::string> possible;
    for (const auto& kind : kinds)
      if (reason(&kind).empty()) possible.push_back(kind.name);
    const auto fault = fmt::format("\"{}\" has no meaning with credit = \"{}\" of {}, {}", model.feedback.kind,
                                   model.credit, prefix, why);
    const bool has_own = own_feedback != nullptr && own_feedback->contains("kind");
    const bool inherited = !has_own && feedback != nullptr && feedback->contains("kind");
    fail_at(has_own     ? own_feedback
            : inherited ? feedback
                        : &own,
            inherited ? "feedback" : feedback_prefix, "kind", fault, fmt::format("{}", fmt::join(possible, ", ")));
  }

  void check_times(const toml::table& own, const std::string& prefix, const toml::table* dynamics,
                   const ModelConfig& model) const {
    const auto means = [&](std::string_view key) { return no_meaning(model, "dynamics", key, vocabulary_).empty(); };
    const auto& d = model.dynamics;
    const auto at = [&](std::string_view key, const std::string& fault, const std::string& allowed) {
      const bool inherited = !own.contains(key) && dynamics != nullptr && dynamics->contains(key);
      fail_at(inherited ? dynamics : &own, inherited ? "dynamics" : prefix, key, fault, allowed);
    };
    // every stretch of time that the solver runs through, and the key that is at fault for it
    struct Stretch {
      std::string_view key;
      std::string text;
      double duration;
    };
    std::vector<Stretch> stretches;
    if (means("duration")) stretches.push_back({"duration", "duration", d.duration});
    if (means("forward_duration")) stretches.push_back({"forward_duration", "forward_duration", d.forward_duration});
    if (means("phases")) {
      double end = 0;
      for (std::size_t i = 0; i < d.phases.size(); ++i) {
        const PhaseConfig& phase = d.phases[i];
        if (phase.start > end)
          stretches.push_back({"phases", fmt::format("the gap before phases[{}], of", i + 1), phase.start - end});
        stretches.push_back({"phases", fmt::format("phases[{}].duration", i + 1), phase.duration});
        end = phase.start + phase.duration;
      }
    }
    for (const Stretch& stretch : stretches)
      check_stretch(own, prefix, d, stretch.key, stretch.text, stretch.duration, at);
  }

  template <typename At>
  void check_stretch(const toml::table& own, const std::string& prefix, const DynamicsConfig& d, std::string_view key,
                     const std::string& text, double duration, const At& at) const {
    const double interval = config_.record.interval;
    const auto* record = tree_["record"].as_table();
    const std::string said = key == text ? fmt::format("{} = {}", key, duration) : fmt::format("{} {}", text, duration);
    if (interval > duration)
      fail_at(record, "record", "interval",
              fmt::format("found {}, which is longer than {} of {}", interval, said, prefix),
              fmt::format("at most {}", duration));
    const bool phases = key == "phases";
    const double sample = interval > 0 ? interval : d.dt;
    // the samples of a trace have one clock for all phases: a switch falls on one of them
    if (phases && !whole_steps(duration, sample))
      at(key,
         fmt::format("{} is not a whole number of {} = {}, the time between the samples of a trace", said,
                     interval > 0 ? "record.interval" : "dt", sample),
         nearest_times(duration, sample));
    const auto& fixed = vocabulary_.fixed_step_solvers;
    if (std::find(fixed.begin(), fixed.end(), d.solver) == fixed.end()) return;

    // where the model sets only one of the two, that one is at fault
    const std::string_view blamed = own.contains("dt") && !own.contains(key) ? "dt" : key;
    if (!(duration / d.dt < static_cast<double>(d.max_steps) + 0.5))
      at(blamed,
         fmt::format("{} takes {:g} steps of dt = {}, more than max_steps = {}", said, duration / d.dt, d.dt,
                     d.max_steps),
         "a shorter duration, a larger dt, or a larger max_steps");
    if (!whole_steps(duration, d.dt))
      at(blamed,
         fmt::format("{} is not a whole number of steps of dt = {}, which solver = \"{}\" needs", said, d.dt, d.solver),
         fmt::format("for this dt a duration of {}", nearest_times(duration, d.dt)));
    if (interval > 0 && !whole_steps(interval, d.dt))
      fail_at(record, "record", "interval",
              fmt::format("found {}, which is not a whole number of steps of dt = {} of {}", interval, d.dt, prefix),
              fmt::format("for this dt {}", nearest_times(interval, d.dt)));
  }

  /// Notes which defaults the model takes over and makes use of.
  void note_used(const toml::table* defaults, const toml::table* own, const ModelConfig& model,
                 std::string_view table_name, std::set<std::string>& used) const {
    if (defaults == nullptr) return;
    for (const auto& [key, node] : *defaults)
      if ((own == nullptr || !own->contains(key.str())) &&
          no_meaning(model, table_name, key.str(), vocabulary_).empty())
        used.emplace(key.str());
  }

  void check_unused(const toml::table* defaults, const std::string& prefix, const std::set<std::string>& used) {
    if (defaults == nullptr) return;
    for (const auto& [key, node] : *defaults) {
      if (used.contains(std::string(key.str()))) continue;
      const auto at = place(defaults, prefix, key.str());
      config_.notes.push_back(fmt::format("{}{}: {}: no model makes use of this default", at.file,
                                          at.line > 0 ? fmt::format(":{}", at.line) : "", at.key));
    }
  }

  const toml::table& tree_;
  const std::string& file_;
  const Vocabulary& vocabulary_;
  std::filesystem::path folder_;
  Config config_;
};

[[noreturn]] void fail_file(const std::string& path, std::string fault) {
  throw ConfigError({path, 0, 0, "", std::move(fault), "", "a TOML file that can be read"});
}

std::string read_file(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code code;
  const auto status = fs::status(path, code);
  if (status.type() == fs::file_type::not_found) fail_file(path, "there is no such file");
  if (code) fail_file(path, "cannot be looked at: " + code.message());
  if (fs::is_directory(status)) fail_file(path, "is a directory");
  if (!fs::is_regular_file(status)) fail_file(path, "is not a regular file");
  std::ifstream in(path, std::ios::binary);
  if (!in) fail_file(path, "cannot be opened for reading");
  std::string text(largest_file + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) fail_file(path, "cannot be read");
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

}  // namespace

Config parse_config(std::string_view text, const std::string& source_name, std::span<const std::string> sets,
                    std::optional<std::uint64_t> seed, std::optional<std::size_t> threads,
                    const Vocabulary& vocabulary) {
  if (text.size() > largest_file)
    throw ConfigError({source_name, 0, 0, "", fmt::format("is larger than {} bytes", largest_file), "",
                       "a configuration; large data belong into files that it names"});
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos)
    throw ConfigError(
        {source_name, 0, 0, "", "is empty", "", "a TOML file with [task], [network], [learning], [[model]]"});
  auto tree = parse_tree(text, source_name);
  for (const auto& set : sets) apply_set(tree, set, "--set " + set);
  if (seed) {
    const auto origin = fmt::format("--seed {}", *seed);
    if (*seed > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      throw ConfigError({origin, 0, 0, "experiment.seed", "is too large", fmt::format("{}", *seed),
                         allowed_text(*find_key("experiment", "seed"), vocabulary)});
    apply_set(tree, fmt::format("experiment.seed={}", *seed), origin);
  }
  if (threads) apply_set(tree, fmt::format("experiment.threads={}", *threads), fmt::format("--threads {}", *threads));
  return Loader(tree, source_name, vocabulary).load();
}

Config load_config(const std::string& path, std::span<const std::string> sets, std::optional<std::uint64_t> seed,
                   std::optional<std::size_t> threads, const Vocabulary& vocabulary) {
  return parse_config(read_file(path), path, sets, seed, threads, vocabulary);
}

}  // namespace dynvert
