#include <dynvert/sim/config/difference.hpp>
#include <dynvert/sim/config/keys.hpp>
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

/// A value as TOML, numbers with no more digits than they need.
std::string value_text(const toml::node& node) {
  if (const auto* real = node.as_floating_point()) {
    double value = real->get();
    return toml_text(Slot(&value));
  }
  std::string text;
  const auto separator = [&] { return text.empty() ? "" : ", "; };
  if (const auto* list = node.as_array()) {
    for (const auto& element : *list) text += separator() + value_text(element);
    return "[" + text + "]";
  }
  if (const auto* table = node.as_table()) {
    for (const auto& [key, value] : *table) text += fmt::format("{}{} = {}", separator(), key.str(), value_text(value));
    return "{ " + text + " }";
  }
  std::ostringstream out;
  node.visit([&](const auto& value) { out << value; });
  return out.str();
}

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
    to[key] = value_text(node);
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
