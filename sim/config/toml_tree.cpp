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

std::string escaped(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f)
      out += fmt::format("\\u{:04X}", byte);
    else
      out += (c == '"' || c == '\\') ? fmt::format("\\{}", c) : std::string(1, c);
  }
  return out + "\"";
}

/// The tables of which there are many, each with a name.
constexpr std::array<std::string_view, 3> named_tables{"model", "population", "projection"};

/// The one of that name. @param kind  of named_tables @throws ConfigError
toml::table& named_table(toml::table& tree, const std::string& kind, const std::string& name,
                         const std::string& origin) {
  std::vector<std::string> names;
  if (auto* list = tree[kind].as_array()) {
    for (auto& node : *list) {
      auto* table = node.as_table();
      auto own_name = table != nullptr ? (*table)["name"].value<std::string>() : std::nullopt;
      // a projection that is not named has the names of what it joins
      if (table != nullptr && !own_name && kind == "projection")
        own_name = fmt::format("{}_{}", (*table)["source"].value_or(std::string()),
                               (*table)["target"].value_or(std::string()));
      if (own_name && *own_name == name) return *table;
      if (own_name) names.push_back(*own_name);
    }
  }
  throw ConfigError({origin, 0, 0, fmt::format("{}.{}", kind, name),
                     fmt::format("no {} has the name {}", kind, in_quotes(name)), name,
                     names.empty() ? fmt::format("no {} has a name", kind) : fmt::format("{}", fmt::join(names, ", ")),
                     nearest_name(name, names)});
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

void apply_set(toml::table& tree, const std::string& set, const std::string& origin) {
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
  if (std::ranges::find(named_tables, top_name) != named_tables.end()) {
    const auto begin = top_name.size() + 1;
    const auto end = path.find('.', begin);
    const auto name = path.substr(begin, end - begin);
    target = &named_table(tree, top_name, name, origin);
    if (end == std::string::npos)
      throw ConfigError({origin, 0, 0, path, fmt::format("names a {}, but none of its keys", top_name), path,
                         fmt::format("{}.{}.KEY=value", top_name, name)});
    rest = path.substr(end + 1);
  }
  if (const auto* top = tree.get(top_name); target == &tree && top != nullptr && !top->is_table())
    return;  // the file is at fault, and whoever reads the tree says so
  auto change = tree_of(rest, value, origin);
  if (!change) change = tree_of(rest, escaped(value), origin);
  if (!change) throw ConfigError({origin, 0, 0, path, "the value is not UTF-8", "", "a TOML value or text in UTF-8"});
  merge(*target, *change);
}

namespace {

constexpr std::size_t max_phases = 1000;
constexpr std::size_t longest_list = 10'000;  // names; each is compared with each

class ValueReader {
 public:
  ValueReader(const KeySpec& spec, const std::string& key, const std::string& file, const Vocabulary& vocabulary)
      : spec_(spec), key_(key), file_(file), vocabulary_(vocabulary) {}

  void read(const toml::node& node, bool* value) const {
    const auto* v = node.as_boolean();
    if (v == nullptr) wrong_type(node, "a boolean");
    *value = v->get();
  }

  void read(const toml::node& node, std::size_t* value) const { *value = static_cast<std::size_t>(integer(node)); }
  void read(const toml::node& node, int* value) const { *value = static_cast<int>(integer(node)); }

  void read(const toml::node& node, double* value) const {
    if (!node.is_number()) wrong_type(node, "a real number");
    const double x = *node.value<double>();
    const bool inside = std::isfinite(x) && (spec_.min_excluded ? x > spec_.least : x >= spec_.least) &&
                        (spec_.greatest_excluded ? x < spec_.greatest : x <= spec_.greatest);
    const auto allowed = allowed_text(spec_, vocabulary_);
    if (!inside) wrong(node, spec_.allowed.empty() ? "a finite real number " + allowed : allowed);
    *value = x;
  }

  void read(const toml::node& node, std::string* value) const {
    const auto* v = node.as_string();
    if (v == nullptr) wrong_type(node, "a string");
    const auto names = names_of(spec_, vocabulary_);
    if (!names.empty() && std::find(names.begin(), names.end(), v->get()) == names.end())
      wrong(node, allowed_text(spec_, vocabulary_), nearest_name(v->get(), names));
    const auto control = [](char c) {
      const auto byte = static_cast<unsigned char>(c);
      return (byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f;
    };
    if (std::any_of(v->get().begin(), v->get().end(), control)) wrong(node, "text without control characters");
    *value = v->get();
  }

  void read(const toml::node& node, std::vector<std::size_t>* values) const {
    const auto* list = node.as_array();
    if (list == nullptr) wrong_type(node, "a list of integers");
    values->clear();
    for (const auto& element : *list) values->push_back(static_cast<std::size_t>(integer(element)));
  }

  void read(const toml::node& node, std::vector<double>* values) const {
    values->clear();
    if (spec_.type == KeyType::real_or_reals && node.is_number()) return read(node, &values->emplace_back());
    const auto* list = node.as_array();
    if (list == nullptr)
      wrong_type(node, spec_.type == KeyType::reals ? "a list of real numbers" : "a real number or a list of them");
    for (const auto& element : *list) read(element, &values->emplace_back());
  }

  void read(const toml::node& node, std::vector<std::vector<double>>* rows) const {
    const auto* list = node.as_array();
    if (list == nullptr || list->empty()) wrong_type(node, "a list of lists of real numbers");
    rows->clear();
    for (const auto& element : *list) {
      read(element, &rows->emplace_back());
      if (rows->back().empty() || rows->back().size() != rows->front().size())
        fail(place_of(element.source(), key_, file_),
             fmt::format("row {} has {} numbers, the first row {}", rows->size(), rows->back().size(),
                         rows->front().size()),
             "", allowed_text(spec_, vocabulary_));
    }
  }

  void read(const toml::node& node, std::vector<std::string>* values) const {
    values->clear();
    if (spec_.type == KeyType::name_or_names && node.is_string()) {
      read(node, &values->emplace_back());
      return;
    }
    const auto* list = node.as_array();
    if (list == nullptr)
      wrong_type(node, spec_.type == KeyType::name_or_names ? "a string or a list of strings" : "a list of strings");
    if (list->size() > longest_list) wrong(node, fmt::format("at most {} names", longest_list));
    for (const auto& element : *list) {
      read(element, &values->emplace_back());
      const bool repeated = std::find(values->begin(), values->end() - 1, values->back()) != values->end() - 1;
      if (repeated && spec_.type == KeyType::names)
        fail(place_of(element.source(), key_, file_), fmt::format("{} stands there twice", in_quotes(values->back())),
             values->back(), "each name once");
    }
  }

  void read(const toml::node& node, std::vector<PhaseConfig>* values) const {
    const auto* list = node.as_array();
    if (list == nullptr) wrong_type(node, "a list of tables");
    if (list->size() > max_phases) wrong(node, fmt::format("at most {} phases", max_phases));
    values->clear();
    double end = 0;
    for (std::size_t i = 0; i < list->size(); ++i) {
      end = read_phase(*list->get(i), fmt::format("{}[{}]", key_, i + 1), end, values->emplace_back());
    }
    const auto with_target = [](const PhaseConfig& p) { return p.target; };
    if (!values->empty() && std::none_of(values->begin(), values->end(), with_target))
      fail(place_of(node.source(), key_, file_), "the target is never on, so there is no error to invert", "",
           "target = true in one of the phases");
  }

 private:
  /// @param before  the end of the phase before, @return the end of this one
  [[nodiscard]] double read_phase(const toml::node& node, const std::string& key, double before,
                                  PhaseConfig& phase) const {
    const auto* table = node.as_table();
    if (table == nullptr)
      fail(place_of(node.source(), key, file_), "found " + describe(node), describe(node),
           "a table, as in { duration = 50, stimulus = true }");
    const auto known = key_names("dynamics.phases");
    phase.start = before;
    for (const auto& [name, value] : *table) {
      const KeySpec* spec = find_key("dynamics.phases", name.str());
      if (spec == nullptr)
        fail(place_of(name.source(), fmt::format("{}.{}", key, name.str()), file_), "unknown key",
             std::string(name.str()), fmt::format("{}", fmt::join(known, ", ")),
             nearest_name(std::string(name.str()), known));
      for (const auto& binding : bindings(phase))
        if (binding.key == name.str())
          read_value(*spec, value, fmt::format("{}.{}", key, name.str()), file_, vocabulary_, binding.slot);
    }
    if (!table->contains("duration"))
      fail(place_of(node.source(), key + ".duration", file_), "is missing", "", "a finite real number above 0");
    if (phase.start < before)
      fail(place_of(table->get("start")->source(), key + ".start", file_),
           fmt::format("found {}, but the phase before ends at {}: they overlap", phase.start, before), "",
           fmt::format("at least {}, or leave it out", before));
    return phase.start + phase.duration;
  }

  [[nodiscard]] std::int64_t integer(const toml::node& node) const {
    const auto* v = node.as_integer();
    if (v == nullptr) wrong_type(node, "an integer");
    if (v->get() < spec_.min_integer || v->get() > spec_.greatest_integer)
      wrong(node, fmt::format("{} to {}", spec_.min_integer, spec_.greatest_integer));
    return v->get();
  }

  [[noreturn]] void wrong(const toml::node& node, std::string allowed, std::string nearest = "") const {
    fail(place_of(node.source(), key_, file_), "found " + describe(node), describe(node), std::move(allowed),
         std::move(nearest));
  }

  [[noreturn]] void wrong_type(const toml::node& node, const std::string& type) const {
    const auto allowed = allowed_text(spec_, vocabulary_);
    wrong(node, allowed.empty() ? type : fmt::format("{}: {}", type, allowed));
  }

  const KeySpec& spec_;
  const std::string& key_;
  const std::string& file_;
  const Vocabulary& vocabulary_;
};

}  // namespace

void read_value(const KeySpec& spec, const toml::node& node, const std::string& key, const std::string& file,
                const Vocabulary& vocabulary, const Slot& slot) {
  const ValueReader reader(spec, key, file, vocabulary);
  std::visit([&](auto* value) { reader.read(node, value); }, slot);
}

}  // namespace dynvert
