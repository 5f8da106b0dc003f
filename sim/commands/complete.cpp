#include <dynvert/sim/commands/complete.hpp>
#include <dynvert/sim/config/error.hpp>
#include <dynvert/sim/config/load.hpp>
#include <dynvert/sim/config/reference.hpp>
#include <dynvert/sim/registry.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>

namespace dynvert {

namespace {

/// The text of the configuration among the words; empty: there is none that can be read.
std::string config_in(const std::vector<std::string>& words) {
  const auto path = std::ranges::find_if(words, [](const std::string& word) { return word.ends_with(".toml"); });
  if (path == words.end()) return {};
  try {
    return read_config_text(*path);
  } catch (const ConfigError&) {
    return {};
  }
}

/// "dynamics.solver=" before, "dynamics.solver=rk4" after the "=".
std::vector<std::string> assignments(const std::string& word, const std::vector<std::string>& words) {
  const ConfigRegistry registry = config_registry();
  std::vector<std::string> candidates;
  const auto equals = word.find('=');
  if (equals == std::string::npos) {
    for (const std::string& key : settable_keys(registry, config_in(words))) candidates.push_back(key + "=");
  } else {
    const std::string key = word.substr(0, equals);
    for (const std::string& value : settable_values(registry, key)) candidates.push_back(key + "=" + value);
  }
  return candidates;
}

std::vector<std::string> options_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

std::vector<std::string> candidates_for(const CLI::App& app, const std::vector<std::string>& words) {
  const std::string& word = words.back();
  const std::string before = words.size() > 1 ? words[words.size() - 2] : "";
  const auto commands = app.get_subcommands([](const CLI::App* command) { return !command->get_name().empty(); });
  const auto named = [&](const CLI::App* command) { return command->get_name() == words.front(); };
  const auto command = std::ranges::find_if(commands, named);
  if (words.size() == 1) {
    std::vector<std::string> names = word.starts_with('-') ? options_of(app) : std::vector<std::string>();
    if (names.empty())
      for (const CLI::App* each : commands) names.push_back(each->get_name());
    return names;
  }
  if (command == commands.end()) return {};
  if (before == "--unset") return settable_keys(config_registry(), config_in(words));
  if (before == "--set" || before == "--over") return assignments(word, words);
  if (word.starts_with('-')) return options_of(**command);
  if (words.front() == "keys" && words.size() == 2) return reference_names(config_registry());
  return {};
}

}  // namespace

void complete(const CLI::App& app, const std::vector<std::string>& words, std::ostream& out) {
  if (words.empty()) return;
  for (const std::string& candidate : candidates_for(app, words))
    if (candidate.starts_with(words.back())) out << candidate << '\n';
}

}  // namespace dynvert
