#include <dynvert/sim/config/error.hpp>
#include <dynvert/sim/config/keys.hpp>
#include <dynvert/sim/config/reference.hpp>
#include <dynvert/sim/config/toml_tree.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace dynvert {

namespace {

using Entry = KeyTable::Entry;

std::string dotted(const KeyTable& table, const Entry& entry) {
  return fmt::format("{}.{}", table.name, entry.key.name);
}

/// A key that names a part: its choice decides which other keys there are.
bool names_parts(const Entry& entry) { return entry.key.choices != nullptr; }

/// The parts that a key of the table or, for the keys of loops, of [[model]] may name.
const std::vector<Choice>* parts_of(const std::vector<KeyTable>& tables, const KeyTable& table, std::string_view key) {
  for (const KeyTable& t : tables)
    for (const Entry& entry : t.keys)
      if (entry.key.name == key && names_parts(entry) && (t.name == table.name || t.name == "model"))
        return entry.key.choices;
  return nullptr;
}

/// What a key applies to: `solver = dopri5, rosenbrock4`. Empty: to everything that has its table.
std::string applies_to(const std::vector<KeyTable>& tables, const KeyTable& table, const Key& key) {
  std::vector<std::string> conditions;
  for (const std::string_view by : key.governed_by) {
    const std::vector<Choice>* parts = parts_of(tables, table, by);
    std::vector<std::string> users;
    for (const Choice& part : *parts)
      if (uses(&part, key.name)) users.push_back(part.name);
    if (users.size() < parts->size()) conditions.push_back(fmt::format("{} = {}", by, fmt::join(users, ", ")));
  }
  if (!key.experiments.empty()) {
    constexpr std::array<std::string_view, 3> names{"models that learn", "[inversion]", "circuits"};
    std::vector<std::string_view> kinds;
    for (const ExperimentKind kind : key.experiments) kinds.push_back(names[static_cast<std::size_t>(kind)]);
    conditions.push_back(fmt::format("{}", fmt::join(kinds, ", ")));
  }
  return fmt::format("{}", fmt::join(conditions, "; "));
}

/// The keys that a part uses, in the order of the tables, those of its own table first.
std::vector<std::string> used_keys(const std::vector<KeyTable>& tables, const KeyTable& own, const Choice& part,
                                   std::string_view chooser) {
  std::vector<std::string> used;
  const auto add = [&](const KeyTable& table) {
    for (const auto& [key, text] : table.keys)
      if (std::ranges::find(key.governed_by, chooser) != key.governed_by.end() && uses(&part, key.name) &&
          std::ranges::find(used, key.name) == used.end())
        used.emplace_back(key.name);
  };
  add(own);
  if (uses(&part, "dynamics")) used.emplace_back("[dynamics]");
  for (const KeyTable& table : tables) add(table);
  return used;
}

std::string choices_text(const std::vector<KeyTable>& tables, const KeyTable& table, const Entry& entry) {
  std::size_t width = 0;
  for (const Choice& part : *entry.key.choices) width = std::max(width, part.name.size());
  std::string text;
  for (const Choice& part : *entry.key.choices) {
    const auto used = used_keys(tables, table, part, entry.key.name);
    text += fmt::format("  {:{}}  {}\n", part.name, width, part.summary);
    if (!used.empty()) text += fmt::format("  {:{}}  keys: {}\n", "", width, fmt::join(used, ", "));
  }
  return text;
}

std::string key_text(const std::vector<KeyTable>& tables, const KeyTable& table, const Entry& entry) {
  const Key& key = entry.key;
  std::string text = fmt::format("{}\n  {}\n", dotted(table, entry), key.meaning);
  const auto row = [&](std::string_view label, std::string_view value) {
    if (!value.empty()) text += fmt::format("  {:8} {}\n", label, value);
  };
  row("type", type_text(key.type));
  row("default", entry.default_text);
  row("allowed", allowed_text(key));
  row("units", key.units == "time" ? "that of the time constants" : key.units);
  row("for", applies_to(tables, table, key));
  return text;
}

std::string table_text(const std::vector<KeyTable>& tables, const KeyTable& table) {
  std::string text = fmt::format("{}\n", table.header);
  for (const Entry& entry : table.keys) text += "\n" + key_text(tables, table, entry);
  return text;
}

[[noreturn]] void fail_unknown(std::string_view name, const std::vector<KeyTable>& tables) {
  std::vector<std::string> names, known;
  for (const KeyTable& table : tables) {
    names.emplace_back(table.name);
    known.emplace_back(table.name);
    for (const Entry& entry : table.keys) known.push_back(dotted(table, entry));
  }
  auto nearest = nearest_name(name, known);
  // a key without its table
  for (const KeyTable& table : tables)
    for (const Entry& entry : table.keys)
      if (nearest.empty() && entry.key.name == name) nearest = dotted(table, entry);
  throw ConfigError({"keys", 0, 0, std::string(name), "unknown table or key", std::string(name),
                     fmt::format("{}, and TABLE.KEY", fmt::join(names, ", ")), nearest});
}

struct Named {
  const KeyTable* table = nullptr;
  const Entry* entry = nullptr;  ///< nullptr: the table itself
};

/// The key of that name before the table: a key that is a table (network.init) says so, and its keys follow.
std::vector<Named> find_named(const std::vector<KeyTable>& tables, std::string_view name) {
  std::vector<Named> found;
  for (const KeyTable& table : tables)
    for (const Entry& entry : table.keys)
      if (dotted(table, entry) == name) found.push_back({&table, &entry});
  for (const KeyTable& table : tables)
    if (table.name == name) found.push_back({&table, nullptr});
  if (found.empty()) fail_unknown(name, tables);
  return found;
}

std::string in_code(std::string_view text) { return fmt::format("`{}`", text); }

std::string keys_table(const KeyTable& table) {
  std::string text = "| Key | Type | Default | Allowed | Meaning |\n|---|---|---|---|---|\n";
  for (const auto& [key, default_text] : table.keys) {
    std::vector<std::string> names = names_of(key);
    for (std::string& name : names) name = in_code(name);
    const bool words = key.required || (!key.default_words.empty() && !key.default_words.starts_with('"'));
    text += fmt::format("| `{}` | {} | {} | {} | {} |\n", key.name, type_text(key.type),
                        words ? default_text : in_code(default_text),
                        names.empty() ? allowed_text(key) : fmt::format("{}", fmt::join(names, ", ")), key.meaning);
  }
  return text;
}

std::string parts_table(const std::vector<KeyTable>& tables, const KeyTable& table, const Entry& entry) {
  const auto& parts = *entry.key.choices;
  const auto used = [&](const Choice& part) { return used_keys(tables, table, part, entry.key.name); };
  const bool any = std::ranges::any_of(parts, [&](const Choice& part) { return !used(part).empty(); });
  std::string text =
      fmt::format("| `{}` | |{}\n|---|---|{}\n", entry.key.name, any ? " Uses |" : "", any ? "---|" : "");
  for (const Choice& part : parts) {
    std::vector<std::string> keys = used(part);
    for (std::string& key : keys) key = in_code(key);
    text += fmt::format("| `{}` | {} |", part.name, part.summary);
    if (any) text += fmt::format(" {} |", keys.empty() ? "none of these" : fmt::format("{}", fmt::join(keys, ", ")));
    text += "\n";
  }
  return text;
}

std::string named_markdown(const std::vector<KeyTable>& tables, std::string_view name) {
  const Named named = find_named(tables, name).back();
  if (named.entry == nullptr) return keys_table(*named.table);
  if (names_parts(*named.entry)) return parts_table(tables, *named.table, *named.entry);
  throw ConfigError({"keys", 0, 0, std::string(name), "has no table of its own", std::string(name),
                     "a table, or a key that names parts, as dynamics.solver"});
}

/// Every table, and each key whose choice decides about others.
std::vector<std::string> documented_names(const std::vector<KeyTable>& tables) {
  std::vector<std::string> names;
  for (const KeyTable& table : tables) names.emplace_back(table.name);
  for (const KeyTable& table : tables)
    for (const Entry& entry : table.keys) {
      const bool decides = names_parts(entry) && entry.key.type == KeyType::text && entry.key.name != "factor" &&
                           std::ranges::any_of(*entry.key.choices, [&](const Choice& part) {
                             return !used_keys(tables, table, part, entry.key.name).empty();
                           });
      if (decides) names.push_back(dotted(table, entry));
    }
  return names;
}

}  // namespace

std::string keys_text(const ConfigRegistry& registry, std::string_view name) {
  const std::vector<KeyTable> tables = key_tables(registry);
  std::string text;
  const auto add = [&](const std::string& piece) { text += (text.empty() ? "" : "\n") + piece; };
  if (name.empty()) {
    for (const KeyTable& table : tables) add(table_text(tables, table));
    return text;
  }
  for (const auto& [table, entry] : find_named(tables, name)) {
    if (entry == nullptr)
      add(table_text(tables, *table));
    else
      add(key_text(tables, *table, *entry) + (names_parts(*entry) ? "\n" + choices_text(tables, *table, *entry) : ""));
  }
  return text;
}

std::string keys_markdown(const ConfigRegistry& registry, std::string_view name) {
  const std::vector<KeyTable> tables = key_tables(registry);
  if (!name.empty()) return named_markdown(tables, name);
  std::string text;
  for (const std::string& each : documented_names(tables))
    text += fmt::format("{}<!-- keys: {} -->\n{}<!-- end -->\n", text.empty() ? "" : "\n", each,
                        named_markdown(tables, each));
  return text;
}

std::string with_key_tables(const ConfigRegistry& registry, const std::string& page) {
  constexpr std::string_view begin = "<!-- keys: ", close = " -->\n", end = "<!-- end -->";
  const std::vector<KeyTable> tables = key_tables(registry);
  std::vector<std::string> missing = documented_names(tables);
  std::string text;
  std::size_t at = 0;
  for (auto marker = page.find(begin); marker != std::string::npos; marker = page.find(begin, at)) {
    const auto name_at = marker + begin.size();
    const auto closed = page.find(close, name_at);
    const auto ended = closed == std::string::npos ? closed : page.find(end, closed);
    if (ended == std::string::npos)
      throw ConfigError(
          {"keys", 0, 0, page.substr(name_at, 40), "the table does not end", "", "<!-- end --> after it"});
    const std::string name = page.substr(name_at, closed - name_at);
    text += page.substr(at, closed + close.size() - at) + named_markdown(tables, name);
    std::erase(missing, name);
    at = ended;
  }
  if (!missing.empty())
    throw ConfigError({"keys", 0, 0, missing.front(), "the page has no place for its table", "",
                       fmt::format("<!-- keys: {} --> and <!-- end -->", missing.front())});
  return text + page.substr(at);
}

std::vector<std::string> reference_names(const ConfigRegistry& registry) {
  std::vector<std::string> names;
  for (const KeyTable& table : key_tables(registry)) {
    names.emplace_back(table.name);
    for (const Entry& entry : table.keys) names.push_back(dotted(table, entry));
  }
  return names;
}

std::vector<std::string> settable_keys(const ConfigRegistry& registry, const std::string& text) {
  toml::table tree;
  try {
    tree = parse_tree(text, "");
  } catch (const ConfigError&) {
    // the tables that need no name are known all the same
  }
  const std::vector<KeyTable> tables = key_tables(registry);
  const auto keys_in = [&](std::string_view name) -> const std::vector<Entry>& {
    return std::ranges::find(tables, name, &KeyTable::name)->keys;
  };
  std::vector<std::string> names;
  const auto add = [&](const std::string& prefix, std::string_view table) {
    for (const Entry& entry : keys_in(table))
      if (entry.key.type != KeyType::table) names.push_back(fmt::format("{}.{}", prefix, entry.key.name));
  };
  for (const KeyTable& table : tables)
    if (!table.header.starts_with("[[")) add(std::string(table.name), table.name);
  for (const std::string_view kind : {"model", "population", "projection", "input"})
    for (const std::string& name : names_in_list(tree, kind)) {
      const auto prefix = fmt::format("{}.{}", kind, name);
      add(prefix, kind);
      if (kind != "model") continue;
      add(prefix, "dynamics");
      add(prefix + ".feedback", "feedback");
    }
  return names;
}

std::vector<std::string> settable_values(const ConfigRegistry& registry, std::string_view key) {
  const std::string_view word = key.substr(key.rfind('.') + 1);
  const std::string_view above = key.substr(0, key.size() - std::min(key.size(), word.size() + 1));
  for (const KeyTable& table : key_tables(registry)) {
    const bool named = is_named_table(above.substr(0, above.find('.')));
    const bool here = above == table.name || (named && above.ends_with(".feedback") && table.name == "feedback") ||
                      (named && !above.ends_with(".feedback") && above.starts_with(table.name)) ||
                      (above.starts_with("model.") && !above.ends_with(".feedback") && table.name == "dynamics");
    for (const Entry& entry : table.keys) {
      if (!here || entry.key.name != word) continue;
      if (entry.key.type == KeyType::boolean) return {"true", "false"};
      return names_of(entry.key);
    }
  }
  return {};
}

}  // namespace dynvert
