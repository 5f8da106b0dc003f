#include <dynvert/sim/config/load.hpp>
#include <dynvert/sim/config/reader.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>
#include <utility>

namespace dynvert {

namespace {

constexpr std::size_t largest_file = 4 << 20;  // bytes
constexpr std::size_t max_recorded = 100'000;  // entries of record.trials
constexpr std::size_t max_trials = 1'000'000'000;

void check_tables(const ConfigReader& reader, ExperimentKind kind) {
  using enum ExperimentKind;
  const std::vector<std::pair<std::string, std::vector<ExperimentKind>>> known{
      {"experiment", {learning, inversion, circuit}},
      {"task", {learning}},
      {"network", {learning, inversion}},
      {"learning", {learning}},
      {"inversion", {inversion}},
      {"dynamics", {learning, inversion, circuit}},
      {"feedback", {learning, inversion}},
      {"record", {learning, inversion, circuit}},
      {"model", {learning, inversion}},
      {"population", {circuit}},
      {"projection", {circuit}},
      {"input", {circuit}}};
  std::vector<std::string> names;
  for (const auto& [name, kinds] : known) names.push_back(name);
  for (const auto& [key, node] : reader.tree()) {
    const auto found = std::ranges::find(known, key.str(), [](const auto& k) { return std::string_view(k.first); });
    if (found == known.end()) reader.unknown(key, "", names);
    if (std::ranges::find(found->second, kind) != found->second.end()) continue;
    const std::string_view reason = kind == learning    ? "models that learn"
                                    : kind == inversion ? "[inversion], which has no learning"
                                                        : "[[population]], a user-defined circuit";
    fail(place_of(key.source(), std::string(key.str()), reader.file()), fmt::format("does not apply with {}", reason),
         "", "leave it out");
  }
}

void check_trials(const ConfigReader& reader, const toml::table* in, const toml::table& learning, Config& config) {
  const bool has_samples = applies(keys_of(config.task, reader.context()), "samples");
  const bool trials = in != nullptr && in->contains("trials"), epochs = in != nullptr && in->contains("epochs");
  if (trials == epochs)
    reader.fail_at(in, "experiment", trials ? "epochs" : "trials",
                   trials ? "is given together with trials" : "is missing, and so is epochs",
                   "either trials or epochs");
  const std::size_t samples = config.task.samples, batch = config.learning.batch;
  if (has_samples && batch > samples)
    reader.fail_at(&learning, "learning", "batch",
                   fmt::format("{} is more than the {} samples of the task", batch, samples),
                   fmt::format("1 to {}", samples));
  if (!epochs) return;
  std::size_t passes = 0;  // the configuration has the number of trials in its place
  Key key = *find_key(keys_of(config, reader.context()), "epochs");
  key.slot = &passes;
  read_value(key, *in->get("epochs"), "experiment.epochs", reader.file());
  if (!has_samples) reader.fail_unused(in, "experiment", "epochs", fmt::format("task.kind = \"{}\"", config.task.kind));
  if (samples % batch != 0)
    reader.fail_at(&learning, "learning", "batch",
                   fmt::format("{} does not divide the {} samples of an epoch", batch, samples),
                   "a divisor of task.samples, or experiment.trials instead of epochs");
  if (samples / batch > max_trials / passes)
    reader.fail_at(in, "experiment", "epochs", fmt::format("{} epochs are too many trials", passes),
                   fmt::format("at most {} trials", max_trials));
  config.trials = passes * (samples / batch);
}

/// What traces may show.
struct Recordable {
  std::string name;
  std::size_t units = 0;  ///< 0: weights, which are more than a row of units
};

std::vector<Recordable> recordable_of_layers(const std::vector<std::size_t>& layers) {
  const std::size_t depth = layers.size() - 1;
  std::vector<Recordable> known;
  for (std::size_t l = 1; l < depth; ++l) known.push_back({fmt::format("delta_{}", l), layers[l]});
  for (std::size_t l = 1; l <= depth; ++l) {
    known.push_back({fmt::format("u_{}", l), layers[l]});
    known.push_back({fmt::format("a_{}", l), layers[l]});
    known.push_back({fmt::format("W{}", l)});
    known.push_back({fmt::format("b{}", l)});
  }
  known.push_back({"h_0", layers.front()});
  known.push_back({"t", layers.back()});
  for (std::size_t l = 1; l < depth; ++l) {
    for (std::size_t m = l + 1; m < depth; ++m) known.push_back({fmt::format("delta_{}_run_{}", m, l), layers[m]});
  }
  return known;
}

/// The names that record.populations and the entries of record.population may hold, and the units of the latter.
void check_populations(const ConfigReader& reader, const toml::table* in, const Config& config) {
  std::vector<Recordable> recordable;
  for (const auto& population : config.circuit.populations) recordable.push_back({population.name, population.units});
  const std::size_t depth = std::max<std::size_t>(1, config.network.layers.size()) - 1;
  const bool named = std::ranges::any_of(config.models, [](const ModelConfig& model) { return !model.description; });
  if (named) recordable = recordable_of_layers(config.network.layers);
  std::vector<std::string> known;
  for (const Recordable& one : recordable) known.push_back(one.name);
  std::vector<std::string> shown = known;
  if (named && depth >= 5)
    shown = {fmt::format("delta_1 .. delta_{}, u_1 .. u_{}, a_1 .. a_{}, h_0, t, W1 .. W{}, b1 .. b{}", depth - 1,
                         depth, depth, depth, depth)};
  std::set<std::string> of_circuits;
  for (const ModelConfig& model : config.models)
    if (model.description)
      for (const auto& population : model.description->populations) {
        of_circuits.insert(population.name.in_files());
        recordable.push_back({population.name.in_files(), population.units});
      }
  known.insert(known.end(), of_circuits.begin(), of_circuits.end());
  shown.insert(shown.end(), of_circuits.begin(), of_circuits.end());
  const auto check_name = [&](const KeyPlace& place, const std::string& name) {
    if (std::ranges::find(known, name) == known.end())
      fail(place, "no population has the name " + in_quotes(name), name, fmt::format("{}", fmt::join(shown, ", ")),
           nearest_name(name, known));
  };
  for (const auto& name : config.record.populations) check_name(reader.place(in, "record", "populations"), name);
  for (std::size_t i = 0; i < config.record.population.size(); ++i) {
    const RecordedPopulation& own = config.record.population[i];
    const auto prefix = fmt::format("record.population[{}]", i + 1);
    const auto* table = in->get("population")->as_array()->get(i)->as_table();
    check_name(reader.place(table, prefix, "name"), own.name);
    for (const Recordable& one : recordable) {
      if (one.name != own.name || own.units.empty() || own.units.back() < one.units) continue;
      reader.fail_at(table, prefix, "units",
                     one.units == 0
                         ? own.name + " are weights, which are recorded as a whole"
                         : fmt::format("found {}, but {} has {} units", own.units.back(), own.name, one.units),
                     one.units == 0 ? std::string("interval alone") : fmt::format("0 to {}", one.units - 1));
    }
  }
}

void check_record(const ConfigReader& reader, const toml::table* in, Config& config) {
  auto& record = config.record;
  if (!record.trials.empty() && record.every > 0)
    reader.fail_at(in, "record", "every", "is given together with record.trials",
                   "either record.trials or record.every");
  if (record.trials.size() > max_recorded)
    reader.fail_at(in, "record", "trials", fmt::format("found {} trials", record.trials.size()),
                   fmt::format("at most {}; record.every takes them at regular intervals", max_recorded));
  std::sort(record.trials.begin(), record.trials.end());
  if (const auto twice = std::adjacent_find(record.trials.begin(), record.trials.end()); twice != record.trials.end())
    reader.fail_at(in, "record", "trials", fmt::format("{} is listed twice", *twice), "each trial once");
  if (!record.trials.empty() && record.trials.back() >= config.trials)
    reader.fail_at(
        in, "record", "trials",
        fmt::format("found {}, but the experiment has {} trials", record.trials.back(), config.trials),
        fmt::format("0 to {}{}", config.trials - 1,
                    config.task.samples > 0 ? fmt::format("; there are {} samples", config.task.samples) : ""));

  check_populations(reader, in, config);
}

/// What the file says of an experiment with learning. @param experiment  its table, which has been read
void load_learning(const ConfigReader& reader, const toml::table* experiment, Config& config) {
  const KeyContext& context = reader.context();
  const auto* task = reader.table(reader.tree(), "task", "task");
  const auto* learning = reader.table(reader.tree(), "learning", "learning");
  reader.require(task, reader.read_table("task", task, config.task, context), "task", "kind");
  read_network(reader, config.network);
  reader.require(learning, reader.read_table("learning", learning, config.learning, context), "learning", "rate");
  check_network(reader, config.network);
  check_task(reader, *task, config);
  check_trials(reader, experiment, *learning, config);
  read_models(reader, config);
}

void load_inversion(const ConfigReader& reader, Config& config) {
  read_network(reader, config.network);
  config.inversion = read_inversion(reader);
  check_network(reader, config.network);
  InversionConfig& inversion = config.inversion;
  const auto points = [](const std::vector<double>& axis) { return std::max<std::size_t>(1, axis.size()); };
  config.trials = points(inversion.alpha) * points(inversion.ratio) * inversion.samples;
  if (const auto* feedback = reader.table(reader.tree(), "feedback", "feedback");
      feedback != nullptr && feedback->contains("kind") && !inversion.feedback.empty())
    reader.fail_unused(feedback, "feedback", "kind", "inversion.feedback, which names the kinds");
  read_models(reader, config);
  inversion.feedback.clear();
}

Config load_tree(const toml::table& tree, const std::string& file, const ConfigRegistry& registry) {
  Config config;
  config.kind = tree.contains("population")  ? ExperimentKind::circuit
                : tree.contains("inversion") ? ExperimentKind::inversion
                                             : ExperimentKind::learning;
  const KeyContext context{registry, config.kind};
  const ConfigReader reader(tree, file, context);
  check_tables(reader, config.kind);
  // what is unknown is reported before what is missing: a key may be missing because it is misspelt
  const auto* experiment = reader.table(tree, "experiment", "experiment");
  const auto* record = reader.table(tree, "record", "record");
  reader.check_used(experiment, "experiment", reader.read_table("experiment", experiment, config, context));
  reader.check_used(record, "record", reader.read_table("record", record, config.record, context));

  // what people run these for are the trajectories
  if (config.kind != ExperimentKind::learning && config.record.trials.empty() && config.record.every == 0)
    config.record.every = 1;
  switch (config.kind) {
    case ExperimentKind::learning:
      load_learning(reader, experiment, config);
      break;
    case ExperimentKind::inversion:
      load_inversion(reader, config);
      break;
    case ExperimentKind::circuit:
      if (experiment == nullptr || !experiment->contains("trials")) config.trials = 1;
      config.circuit = read_circuit(reader, config.record, config.notes);
      break;
  }
  check_record(reader, record, config);
  config.source = file;
  config.resolved = resolved_toml(config, registry);
  return config;
}

/// Whether a key of the file has an effect there, and has lost it by what a --set has changed.
bool made_idle(const ConfigError::Data& error, std::string_view text, const std::string& source_name,
               std::span<const std::string> unsets, const ConfigRegistry& registry) {
  if (!error.idle_key || error.file != source_name || error.line == 0) return false;
  try {
    auto tree = parse_tree(text, source_name);
    for (const auto& key : unsets) apply_unset(tree, key, "--unset " + key, registry);
    static_cast<void>(load_tree(tree, source_name, registry));
    return true;
  } catch (const ConfigError& without) {
    return !(without.data().idle_key && without.data().key == error.key);
  }
}

[[noreturn]] void fail_file(const std::string& path, std::string fault) {
  throw ConfigError({path, 0, 0, "", std::move(fault), "", "a TOML file that can be read"});
}

}  // namespace

std::string read_config_text(const std::string& path) {
  namespace fs = std::filesystem;
  if (path == "-") return read_config_text("/dev/stdin");
  std::error_code code;
  const auto status = fs::status(path, code);
  if (status.type() == fs::file_type::not_found) fail_file(path, "there is no such file");
  if (code) fail_file(path, "cannot be accessed: " + code.message());
  if (fs::is_directory(status)) fail_file(path, "is a directory");
  if (!fs::is_regular_file(status) && !fs::is_fifo(status) && !fs::is_character_file(status))
    fail_file(path, "is no file that can be read");
  std::ifstream in(path, std::ios::binary);
  if (!in) fail_file(path, "cannot be opened for reading");
  std::string text(largest_file + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) fail_file(path, "cannot be read");
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

Config parse_config(std::string_view text, const std::string& source_name, std::span<const std::string> sets,
                    std::optional<std::uint64_t> seed, std::optional<std::size_t> threads,
                    const ConfigRegistry& registry, std::span<const std::string> unsets) {
  if (text.size() > largest_file)
    throw ConfigError({source_name, 0, 0, "", fmt::format("is larger than {} bytes", largest_file), "",
                       "a configuration; large data belong in files that it names"});
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos)
    throw ConfigError(
        {source_name, 0, 0, "", "is empty", "", "a TOML file with [task], [network], [learning], [[model]]"});
  auto tree = parse_tree(text, source_name);
  for (const auto& key : unsets) apply_unset(tree, key, "--unset " + key, registry);
  for (const auto& set : sets) apply_set(tree, set, "--set " + set, registry);
  if (seed) {
    const auto origin = fmt::format("--seed {}", *seed);
    if (*seed > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      throw ConfigError({origin, 0, 0, "experiment.seed", "is too large", fmt::format("{}", *seed),
                         fmt::format("0 to {}", std::numeric_limits<std::int64_t>::max())});
    apply_set(tree, fmt::format("experiment.seed={}", *seed), origin, registry);
  }
  if (threads)
    apply_set(tree, fmt::format("experiment.threads={}", *threads), fmt::format("--threads {}", *threads), registry);
  std::vector<std::string> notes;
  for (;;) {
    try {
      Config config = load_tree(tree, source_name, registry);
      config.notes.insert(config.notes.begin(), notes.begin(), notes.end());
      return config;
    } catch (const ConfigError& error) {
      const ConfigError::Data& idle = error.data();
      if (sets.empty() || !made_idle(idle, text, source_name, unsets, registry)) throw;
      try {
        apply_unset(tree, idle.key, idle.file, registry);
      } catch (const ConfigError&) {  // a table without a name, which the key does not lead to
        throw error;
      }
      notes.push_back(fmt::format("{}:{}: {} {}, and is left out", idle.file, idle.line, idle.key, idle.fault));
    }
  }
}

Config load_config(const std::string& path, std::span<const std::string> sets, std::optional<std::uint64_t> seed,
                   std::optional<std::size_t> threads, const ConfigRegistry& registry,
                   std::span<const std::string> unsets) {
  return parse_config(read_config_text(path), path, sets, seed, threads, registry, unsets);
}

}  // namespace dynvert
