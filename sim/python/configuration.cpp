#include <dynvert/sim/config/error.hpp>
#include <dynvert/sim/config/load.hpp>
#include <dynvert/sim/python/configuration.hpp>
#include <dynvert/sim/registry.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

namespace dynvert::python {

namespace {

/// In place of a file's name.
constexpr std::string_view dict_name = "<dict>";

/// "<dict>:12: .." without the line.
std::string without_line(const std::string& note) {
  const std::string start = std::string(dict_name) + ":";
  if (!note.starts_with(start)) return note;
  const std::size_t end = note.find_first_not_of("0123456789", start.size());
  return end == std::string::npos || note[end] != ':' ? note : std::string(dict_name) + note.substr(end);
}

}  // namespace

Config read_config(const ConfigArguments& arguments, const std::optional<std::string>& text) {
  const auto& [path, sets, unsets, seed, threads] = arguments;
  if (!text) return load_config(path, sets, seed, threads, config_registry(), unsets);
  try {
    Config config = parse_config(*text, std::string(dict_name), sets, seed, threads, config_registry(), unsets);
    std::ranges::transform(config.notes, config.notes.begin(), without_line);
    return config;
  } catch (const ConfigError& error) {
    ConfigError::Data data = error.data();
    if (data.file == dict_name) data.line = data.column = 0;
    throw ConfigError(std::move(data));
  }
}

}  // namespace dynvert::python
