#include <dynvert/sim/config/difference.hpp>
#include <dynvert/sim/config/toml_tree.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <sstream>

namespace dynvert {

namespace {

constexpr std::array<std::string_view, 3> changes_nothing{"experiment.title", "experiment.threads",
                                                          "record.commit_interval"};

using Values = std::map<std::string, std::string>;

void flatten(const toml::table& table, const std::string& prefix, Values& to) {
  for (const auto& [name, node] : table) {
    const std::string key = fmt::format("{}{}", prefix, name.str());
    if (const auto* below = node.as_table()) {
      flatten(*below, key + ".", to);
      continue;
    }
    if (prefix.empty() && is_named_table(key)) {
      const std::vector<std::string> names = names_in_list(table, key);
      const auto* list = node.as_array();
      for (std::size_t i = 0; list != nullptr && i < std::min(names.size(), list->size()); ++i) {
        if (const auto* t = list->get(i)->as_table()) flatten(*t, fmt::format("{}.{}.", key, names[i]), to);
      }
      continue;
    }
    std::ostringstream text;
    node.visit([&](const auto& value) { text << value; });
    to[key] = text.str();
  }
}

Values values_of(std::string_view text) {
  Values values = config_values(text);
  for (const std::string_view key : changes_nothing) values.erase(std::string(key));
  return values;
}

}  // namespace

Values config_values(std::string_view resolved) {
  Values values;
  flatten(parse_tree(resolved, "config"), "", values);
  return values;
}

std::vector<ConfigDifference> config_differences(std::string_view first, std::string_view second) {
  const Values a = values_of(first);
  const Values b = values_of(second);
  std::vector<ConfigDifference> differences;
  const auto value_in = [](const Values& values, const std::string& key) {
    const auto found = values.find(key);
    return found == values.end() ? std::string() : found->second;
  };
  for (const auto& [key, value] : a) {
    if (const std::string other = value_in(b, key); other != value) differences.push_back({key, value, other});
  }
  for (const auto& [key, value] : b) {
    if (!a.contains(key)) differences.push_back({key, "", value});
  }
  std::ranges::sort(differences, {}, &ConfigDifference::key);
  return differences;
}

}  // namespace dynvert
