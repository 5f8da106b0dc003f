#pragma once

/// In what two resolved configurations differ.

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace dynvert {

/// Every key of a resolved configuration and its value as TOML. Keys are dotted, a model by its name
/// ("model.DI.alpha").
/// @throws ConfigError  it is no TOML
[[nodiscard]] std::map<std::string, std::string> config_values(std::string_view resolved);

struct ConfigDifference {
  std::string key;     ///< dotted, a model by its name ("model.DI.alpha")
  std::string first;   ///< its value as TOML; empty: the key is absent
  std::string second;  ///< likewise

  bool operator==(const ConfigDifference&) const = default;
};

/// @param first, second  Config::resolved
/// @return sorted by key; what changes no number of a run is left out: title, threads, commit_interval
/// @throws ConfigError   one of them is no TOML
[[nodiscard]] std::vector<ConfigDifference> config_differences(std::string_view first, std::string_view second);

}  // namespace dynvert
