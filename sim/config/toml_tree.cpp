#include <dynvert/models/toml_value.hpp>
#include <dynvert/sim/config/keys.hpp>
#include <dynvert/sim/config/toml_tree.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

namespace dynvert {

KeyPlace place_of(const toml::source_region& region, std::string key, const std::string& file) {
  // nodes that a --set brought are at "line 1" of its text, which helps nobody
  const bool from_file = !region.path || *region.path == file;
  return {std::move(key), from_file ? file : *region.path, from_file ? region.begin.line : 0,
          from_file ? region.begin.column : 0};
}

void fail(const KeyPlace& place, std::string fault, std::string found, std::string allowed, std::string nearest) {
  throw ConfigError({place.file, place.line, place.column, place.key, std::move(fault), std::move(found),
                     std::move(allowed), std::move(nearest)});
}

toml::table parse_tree(std::string_view text, const std::string& file) {
  try {
    return toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    const std::string reason(error.description());
    throw ConfigError({file, error.source().begin.line, error.source().begin.column, "", "not TOML: " + reason, "",
                       "TOML 1.0 in UTF-8, nested no deeper than 256 (https://toml.io)"});
  }
}

std::string describe(const toml::node& node) {
  if (const auto* v = node.as_string()) return "the string " + in_quotes(v->get());
  if (const auto* v = node.as_integer()) return fmt::format("the integer {}", v->get());
  if (const auto* v = node.as_floating_point()) return fmt::format("the real {}", v->get());
  if (const auto* v = node.as_boolean()) return fmt::format("the boolean {}", v->get());
  if (node.is_array()) return "a list";
  if (node.is_table()) return "a table";
  return "a date or time";
}

namespace {

bool is_key_path(std::string_view path) {
  const auto key_character = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  char last = '.';
  for (const char c : path) {
    if (!key_character(c) && (c != '.' || last == '.')) return false;
    last = c;
  }
  return last != '.';
}

/// The TOML `path = value` as a tree, with `origin` as the file of its nodes. Nothing: the value is no TOML value.
std::optional<toml::table> tree_of(std::string_view path, std::string_view value, const std::string& origin) {
  try {
    auto tree = toml::parse(fmt::format("value = {}", value), origin);
    if (tree.size() != 1) return std::nullopt;  // a line break in the value brought further keys
    return toml::parse(fmt::format("{} = {}", path, value), origin);
  } catch (const toml::parse_error&) {
    return std::nullopt;
  }
}

/// The tables of which there are many, each with a name.
constexpr std::array<std::string_view, 4> named_tables{"model", "population", "projection", "input"};

/// The names that the tables of a list have, in its order; empty: none.
std::vector<std::string> names_in(std::string_view kind, const toml::array& list) {
  if (kind == "input") return input_names(list);
  std::vector<std::string> names;
  for (const auto& node : list) {
    const auto* table = node.as_table();
    auto name = table != nullptr ? (*table)["name"].value<std::string>() : std::nullopt;
    // a projection that is not named has the names of what it joins
    if (table != nullptr && !name && kind == "projection")
      name =
          fmt::format("{}_{}", (*table)["source"].value_or(std::string()), (*table)["target"].value_or(std::string()));
    names.push_back(name.value_or(std::string()));
  }
  return names;
}

/// What was meant by "input.amplitude", where no input is called amplitude: "input.E_step.amplitude".
std::string with_name(const std::string& kind, const std::string& word, const std::vector<std::string>& names,
                      const ConfigRegistry& registry) {
  for (const KeyTable& table : key_tables(registry)) {
    const bool of_kind = table.name == kind || (kind == "model" && table.name == "dynamics");
    const auto has = [&](const KeyTable::Entry& entry) { return entry.key.name == word; };
    if (of_kind && !names.empty() && std::ranges::any_of(table.keys, has))
      return fmt::format("{}.{}.{}", kind, names.front(), word);
  }
  return {};
}

/// The table of that name. @param kind  of named_tables @throws ConfigError
toml::table& named_table(toml::table& tree, const std::string& kind, const std::string& name, const std::string& origin,
                         const ConfigRegistry& registry) {
  std::vector<std::string> names;
  if (auto* list = tree[kind].as_array()) {
    names = names_in(kind, *list);
    for (std::size_t i = 0; i < names.size(); ++i) {
      auto* table = list->get(i)->as_table();
      if (table == nullptr || names[i] != name || name.empty()) continue;
      // its name stays, whatever is set: the next --set must find it, too
      if (kind == "input" && !table->contains("name")) table->insert("name", name);
      return *table;
    }
    std::erase(names, "");
  }
  const std::string meant = with_name(kind, name, names, registry);
  throw ConfigError({origin, 0, 0, fmt::format("{}.{}", kind, name),
                     fmt::format("no {} has the name {}", kind, in_quotes(name)), name,
                     names.empty() ? fmt::format("no {} has a name", kind) : fmt::format("{}", fmt::join(names, ", ")),
                     meant.empty() ? nearest_name(name, names) : meant});
}

/// Moves the one value of `change` into the tree, table by table: what else a table holds stays. Moving keeps the
/// places of the nodes, which copying loses.
void merge(toml::table& tree, toml::table& change) {
  const auto first = change.begin();
  const toml::key key = first->first;
  toml::node& node = first->second;
  auto* below = node.as_table();
  auto* present = tree.get(key.str()) != nullptr ? tree.get(key.str())->as_table() : nullptr;
  if (present != nullptr && below != nullptr && !below->is_inline()) return merge(*present, *below);
  tree.erase(key.str());  // insert_or_assign would keep the place of the old key
  std::move(node).visit([&](auto&& value) { tree.insert_or_assign(key, std::forward<decltype(value)>(value)); });
}

}  // namespace

void apply_unset(toml::table& tree, const std::string& path, const std::string& origin,
                 const ConfigRegistry& registry) {
  const auto refuse = [&](const toml::table& in) {
    const auto dot = path.rfind('.');
    const std::string word = path.substr(dot == std::string::npos ? 0 : dot + 1);
    std::vector<std::string> known;
    for (const auto& [key, node] : in) known.emplace_back(key.str());
    throw ConfigError({origin, 0, 0, path, "is not in the file", word, fmt::format("{}", fmt::join(known, ", ")),
                       nearest_name(word, known)});
  };
  if (!is_key_path(path))
    throw ConfigError({origin, 0, 0, "", "not of the form table.key", path, "a dotted key, as in record.every"});
  toml::table* in = &tree;
  std::string rest = path;
  const std::string kind = path.substr(0, path.find('.'));
  if (is_named_table(kind) && kind != path) {
    const auto begin = kind.size() + 1, end = path.find('.', begin);
    const std::string name = path.substr(begin, end - begin);
    in = &named_table(tree, kind, name, origin, registry);
    if (end == std::string::npos) {
      toml::array& list = *tree[kind].as_array();
      for (std::size_t i = 0; i < list.size(); ++i) {
        if (list.get(i)->as_table() != in) continue;
        list.erase(list.cbegin() + static_cast<std::ptrdiff_t>(i));
        break;
      }
      if (list.empty()) tree.erase(kind);
      return;
    }
    rest = path.substr(end + 1);
  }
  for (auto dot = rest.find('.'); dot != std::string::npos; dot = rest.find('.')) {
    toml::node* const below = in->get(rest.substr(0, dot));
    if (below == nullptr || !below->is_table()) refuse(*in);
    in = below->as_table();
    rest = rest.substr(dot + 1);
  }
  if (!in->contains(rest)) refuse(*in);
  in->erase(rest);
}

bool is_named_table(std::string_view kind) { return std::ranges::find(named_tables, kind) != named_tables.end(); }

std::vector<std::string> names_in_list(const toml::table& tree, std::string_view kind) {
  const auto* list = tree[kind].as_array();
  std::vector<std::string> names = list != nullptr ? names_in(kind, *list) : std::vector<std::string>();
  std::erase(names, "");
  return names;
}

std::vector<std::string> input_names(const toml::array& inputs) {
  std::vector<std::string> names;
  const auto taken = [&](const std::string& name) { return std::ranges::find(names, name) != names.end(); };
  const auto text = [](const toml::node& node, std::string_view key) -> std::optional<std::string> {
    const auto* table = node.as_table();
    return table != nullptr ? (*table)[key].value<std::string>() : std::nullopt;
  };
  for (const auto& node : inputs) names.push_back(text(node, "name").value_or(std::string()));
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (text(*inputs.get(i), "name")) continue;
    const std::string name = fmt::format("{}_{}", text(*inputs.get(i), "population").value_or(std::string()),
                                         text(*inputs.get(i), "shape").value_or(InputConfig{}.shape));
    std::string own = name;
    for (std::size_t number = 2; taken(own); ++number) own = fmt::format("{}_{}", name, number);
    names[i] = own;
  }
  return names;
}

void apply_set(toml::table& tree, const std::string& set, const std::string& origin, const ConfigRegistry& registry) {
  const auto equals = set.find('=');
  const auto trimmed = [](std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    return first == std::string_view::npos ? std::string_view{}
                                           : text.substr(first, text.find_last_not_of(" \t") - first + 1);
  };
  const std::string path(trimmed(std::string_view(set).substr(0, equals)));
  if (equals == std::string::npos || !is_key_path(path) || path.find('.') == std::string::npos)
    throw ConfigError({origin, 0, 0, "", "not of the form table.key=value", set,
                       "a dotted key and a TOML value, as in dynamics.dt=0.25, model.DI.alpha=0.1"});
  const auto value = trimmed(std::string_view(set).substr(equals + 1));

  toml::table* target = &tree;
  std::string rest = path;
  const std::string top_name = path.substr(0, path.find('.'));
  if (is_named_table(top_name)) {
    const auto begin = top_name.size() + 1;
    const auto end = path.find('.', begin);
    const auto name = path.substr(begin, end - begin);
    target = &named_table(tree, top_name, name, origin, registry);
    if (end == std::string::npos)
      throw ConfigError({origin, 0, 0, path,
                         fmt::format("names {} {}, but none of its keys", top_name == "input" ? "an" : "a", top_name),
                         path, fmt::format("{}.{}.KEY=value", top_name, name)});
    rest = path.substr(end + 1);
  }
  // a table that is none is the file's fault, which those who read the tree report
  if (const auto* top = tree.get(top_name); target == &tree && top != nullptr && !top->is_table()) return;
  auto change = tree_of(rest, value, origin);
  if (!change) change = tree_of(rest, toml_string(value), origin);
  if (!change) throw ConfigError({origin, 0, 0, path, "the value is not UTF-8", "", "a TOML value or text in UTF-8"});
  merge(*target, *change);
}

}  // namespace dynvert
