#include <dynvert/models/error.hpp>
#include <dynvert/sim/config/load.hpp>
#include <dynvert/sim/experiment/experiment_kinds.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/platform/parallel.hpp>
#include <dynvert/sim/registry.hpp>
#include <dynvert/sim/sweep/plan.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <set>
#include <thread>
#include <unordered_map>

namespace dynvert {

namespace {

std::string key_of(const std::string& set) {
  std::string key = set.substr(0, set.find('='));
  std::erase_if(key, [](char c) { return c == ' ' || c == '\t'; });
  return key;
}

std::vector<SweepAxis> axes_of(const SweepArguments& arguments) {
  std::vector<SweepAxis> axes;
  for (const std::string& text : arguments.over) axes.push_back(parse_over(text));
  if (arguments.seeds) axes.push_back(parse_seeds(*arguments.seeds));
  if (axes.empty()) {
    throw ValueError("sweep", "nothing is swept", "--over KEY=V1,V2,... and --seeds FIRST:LAST, at least one of them");
  }
  constexpr const char* threads_key = "experiment.threads";
  const auto refuse_threads = [&](const std::string& option, const std::string& key) {
    if (key != threads_key) return;
    throw ValueError(option, "has no effect, the threads of each run are those of --threads", "--threads N");
  };
  for (const SweepAxis& axis : axes) refuse_threads("--over " + axis.key, axis.key);
  for (const std::string& set : arguments.config.sets) {
    refuse_threads("--set " + set, key_of(set));
    if (std::ranges::find(axes, key_of(set), &SweepAxis::key) == axes.end()) continue;
    throw ValueError("--set " + set, "has no effect, the key is swept", "one of the two");
  }
  return axes;
}

}  // namespace

namespace {

/// The losses and accuracies of each model, as its evaluations have them.
std::vector<SweepResult> results_of(const Config& config) {
  std::vector<std::string> sets{"train"};
  if (config.task.test_samples > 0) sets.emplace_back("test");
  std::vector<SweepResult> results;
  for (const ModelConfig& model : config.models) {
    for (const std::string& set : sets) {
      results.push_back({model.name, set + "_loss"});
      if (config.task.targets == "classes") results.push_back({model.name, set + "_accuracy"});
    }
  }
  return results;
}

/// What the point's run would refuse: said with the name of the point, before any has started.
void check_start(StartCheck& start, const std::string& point, const Config& config) {
  const auto named = [&](const std::string& object) { return fmt::format("{}: {}", point, object); };
  try {
    start.check(config);
  } catch (const IoError& error) {
    throw IoError(named(error.path()), error.fault(), error.remedy());
  } catch (const ValueError& error) {
    throw ValueError(named(error.object()), error.fault(), error.allowed());
  }
}

}  // namespace

std::size_t threads_of(const SweepArguments& arguments) { return arguments.config.threads.value_or(1); }

Config load_point(const SweepArguments& arguments, const std::string& text, const std::vector<SweepAxis>& axes,
                  const SweepPoint& point) {
  std::vector<std::string> sets = arguments.config.sets;
  const std::vector<std::string> own = sets_of(axes, point);
  sets.insert(sets.end(), own.begin(), own.end());
  try {
    return parse_config(text, arguments.config.path, sets, std::nullopt, threads_of(arguments), config_registry(),
                        arguments.config.unsets);
  } catch (const ConfigError& error) {
    ConfigError::Data data = error.data();
    // said as it was typed
    const auto set = std::ranges::find_if(own, [&](const std::string& s) { return data.file == "--set " + s; });
    if (set != own.end()) data.file = "--over " + *set;
    data.file = fmt::format("{}: {}", point.name, data.file);
    throw ConfigError(data);
  }
}

SweepPlan plan_sweep(const SweepArguments& arguments) {
  SweepPlan plan;
  SweepTable& table = plan.table;
  table.axes = axes_of(arguments);
  table.points = sweep_points(table.axes);
  if (arguments.config.path == "-" || std::filesystem::is_fifo(arguments.config.path)) {
    throw ValueError(arguments.config.path, "can be read only once, and each run of a sweep reads the configuration",
                     "a file");
  }
  plan.text = read_config_text(arguments.config.path);

  struct Loaded {
    std::size_t hash = 0;
    std::vector<SweepResult> results;
    std::vector<std::string> notes;
  };
  std::vector<Loaded> loaded(table.points.size());
  table.seeds.resize(table.points.size());
  table.trials.resize(table.points.size());
  const auto load = [&](std::size_t p) { return load_point(arguments, plan.text, table.axes, table.points[p]); };
  StartCheck start(false);
  parallel_for(loaded.size(), std::max(1U, std::thread::hardware_concurrency()), [&](std::size_t p) {
    const Config config = load(p);
    check_start(start, table.points[p].name, config);
    table.seeds[p] = static_cast<std::int64_t>(config.seed);
    table.trials[p] = static_cast<std::int64_t>(config.trials);
    loaded[p] = {.hash = std::hash<std::string>()(config.resolved), .results = {}, .notes = config.notes};
    if (experiment_type(config.kind).learns) loaded[p].results = results_of(config);
  });

  std::unordered_map<std::size_t, std::size_t> points;  // by the hash of what they resolve to
  std::set<SweepResult> results;
  std::set<std::string> notes;
  const auto add_new = [](auto& to, const auto& from, auto& seen) {
    for (const auto& entry : from) {
      if (seen.insert(entry).second) to.push_back(entry);
    }
  };
  for (std::size_t p = 0; p < loaded.size(); ++p) {
    const auto [same, is_new] = points.emplace(loaded[p].hash, p);
    if (!is_new && load(p).resolved == load(same->second).resolved) {
      throw ValueError("the sweep",
                       fmt::format("{} and {} are the same run", table.points[same->second].name, table.points[p].name),
                       "each value once, however it is written");
    }
    add_new(table.results, loaded[p].results, results);
    add_new(plan.notes, loaded[p].notes, notes);
  }
  return plan;
}

std::vector<std::string> command_of(const SweepArguments& arguments, const std::vector<SweepAxis>& axes,
                                    const SweepPoint& point, const std::string& file, bool resume) {
  std::vector<std::string> words{"dynvert", "simulate", arguments.config.path};
  for (const std::string& key : arguments.config.unsets) words.insert(words.end(), {"--unset", key});
  for (const std::string& set : arguments.config.sets) words.insert(words.end(), {"--set", set});
  for (std::size_t a = 0; a < axes.size(); ++a) {
    if (axes[a].key == seed_key) {
      words.insert(words.end(), {"--seed", point.values[a]});
    } else {
      words.insert(words.end(), {"--set", fmt::format("{}={}", axes[a].key, point.values[a])});
    }
  }
  words.insert(words.end(), {"--threads", fmt::format("{}", threads_of(arguments)), "-o", file});
  if (arguments.quiet) words.emplace_back("--quiet");
  if (resume) words.emplace_back("--resume");
  return words;
}

}  // namespace dynvert
