#include <dynvert/models/toml_value.hpp>
#include <dynvert/sim/config/key.hpp>
#include <dynvert/sim/config/keys.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace dynvert {

Range Range::below(double limit) const {
  Range range = at_most(limit);
  range.max_excluded = true;
  return range;
}

Range Range::at_most(double limit) const {
  Range range = *this;
  range.max = limit;
  return range;
}

Range above(double limit) { return {.min = limit, .min_excluded = true}; }
Range at_least(double limit) { return {.min = limit}; }

Key flag(std::string_view name, bool& value, std::string_view meaning) {
  return {.name = name, .type = KeyType::boolean, .slot = &value, .meaning = meaning, .allowed = "true, false"};
}

Key real(std::string_view name, double& value, const Range& range, std::string_view meaning) {
  return {.name = name, .type = KeyType::real, .slot = &value, .meaning = meaning, .range = range};
}

Key reals(std::string_view name, std::vector<double>& value, const Range& range, std::string_view allowed,
          std::string_view meaning) {
  return {.name = name, .type = KeyType::reals, .slot = &value, .meaning = meaning, .range = range, .allowed = allowed};
}

Key whole(std::string_view name, Slot value, std::int64_t min, std::int64_t max, std::string_view meaning) {
  const bool list = std::holds_alternative<std::vector<std::size_t>*>(value);
  return {.name = name,
          .type = list ? KeyType::integers : KeyType::integer,
          .slot = value,
          .meaning = meaning,
          .range = {.min_integer = min, .max_integer = max}};
}

Key free_text(std::string_view name, std::string& value, std::string_view allowed, std::string_view meaning) {
  return {.name = name, .slot = &value, .meaning = meaning, .allowed = allowed};
}

Key one_of(std::string_view name, std::string& value, std::vector<std::string_view> names, std::string_view meaning) {
  return {.name = name, .slot = &value, .meaning = meaning, .fixed_names = std::move(names)};
}

Key choice(std::string_view name, Slot value, const std::vector<Choice>& choices, std::string_view meaning) {
  const bool list = std::holds_alternative<std::vector<std::string>*>(value);
  return {.name = name,
          .type = list ? KeyType::names : KeyType::text,
          .slot = value,
          .meaning = meaning,
          .choices = &choices};
}

Key own_key(const Parameter& parameter, ParameterValues& values) {
  constexpr KeyType types[]{KeyType::boolean, KeyType::integer, KeyType::real,
                            KeyType::text,    KeyType::reals,   KeyType::names};
  Key key{.name = parameter.name,
          .type = types[parameter.default_value.index()],
          .slot = ParameterSlot{&values, &parameter},
          .meaning = parameter.meaning,
          .range = {.min = parameter.min,
                    .max = parameter.max,
                    .min_excluded = parameter.min_excluded,
                    .max_excluded = parameter.max_excluded,
                    .min_integer = std::numeric_limits<std::int64_t>::min()},
          .units = parameter.units,
          .required = parameter.required};
  constexpr double far = 9e18;  // an integer of 64 bits, in a double
  if (parameter.min > -far)
    key.range.min_integer = static_cast<std::int64_t>(std::ceil(parameter.min)) +
                            (parameter.min_excluded && std::ceil(parameter.min) == parameter.min ? 1 : 0);
  if (parameter.max < far)
    key.range.max_integer = static_cast<std::int64_t>(std::floor(parameter.max)) -
                            (parameter.max_excluded && std::floor(parameter.max) == parameter.max ? 1 : 0);
  if (!parameter.choices.empty()) key.names = &parameter.choices;
  if (key.type == KeyType::boolean) key.allowed = "true, false";
  return key;
}

Key typed(Key key, KeyType type) {
  key.type = type;
  return key;
}

Key required(Key key) {
  key.required = true;
  return key;
}

Key with_default(Key key, std::string_view words) {
  key.default_words = words;
  return key;
}

Key governed(Key key, std::string_view by, const Choice* chosen) {
  key.governed_by.push_back(by);
  if (chosen == nullptr || uses(chosen, key.name)) return key;
  return unless(std::move(key), fmt::format("{} = \"{}\"", by, chosen->name));
}

Key unless(Key key, std::string reason) {
  if (key.excluded_by.empty()) key.excluded_by = std::move(reason);
  return key;
}

void add_own_keys(std::vector<Key>& keys, ParameterValues& values, std::string_view chooser,
                  const std::vector<Choice>& choices, std::string_view chosen) {
  const Choice* const part = find_choice(choices, chosen);
  const auto add = [&](const Choice& choice) {
    for (const Parameter& parameter : choice.parameters)
      if (find_key(keys, parameter.name) == nullptr)
        keys.push_back(governed(own_key(parameter, values), chooser, part));
  };
  if (part != nullptr) add(*part);
  for (const Choice& choice : choices) add(choice);
}

const Key* find_key(const std::vector<Key>& keys, std::string_view name) {
  const auto found = std::ranges::find(keys, name, &Key::name);
  return found == keys.end() ? nullptr : &*found;
}

bool applies(const std::vector<Key>& keys, std::string_view name) {
  const Key* key = find_key(keys, name);
  return key != nullptr && key->applies();
}

std::vector<std::string> names_of(const Key& key) {
  if (key.names != nullptr) return *key.names;
  std::vector<std::string> names(key.fixed_names.begin(), key.fixed_names.end());
  if (key.choices != nullptr)
    for (const Choice& c : *key.choices) names.push_back(c.name);
  return names;
}

namespace {

std::string real_range(const Range& range) {
  std::string text;
  const bool bounded = range.min > -std::numeric_limits<double>::infinity();
  if (bounded) text = fmt::format("{} {}", range.min_excluded ? "above" : "at least", range.min);
  if (range.max < std::numeric_limits<double>::infinity())
    text += fmt::format("{}{} {}", bounded ? ", " : "", range.max_excluded ? "below" : "at most", range.max);
  return text.empty() ? "a finite real number" : text;
}

}  // namespace

std::string allowed_text(const Key& key) {
  if (const auto names = names_of(key); !names.empty()) return fmt::format("{}", fmt::join(names, ", "));
  if (!key.allowed.empty()) return std::string(key.allowed);
  if (key.type == KeyType::integer) return fmt::format("{} to {}", key.range.min_integer, key.range.max_integer);
  return key.type == KeyType::real || key.type == KeyType::reals ? real_range(key.range) : "";
}

std::string_view type_text(KeyType type) {
  switch (type) {
    case KeyType::boolean:
      return "boolean";
    case KeyType::integer:
      return "integer";
    case KeyType::real:
      return "real";
    case KeyType::text:
      return "text";
    case KeyType::names:
      return "list of names";
    case KeyType::integers:
      return "list of integers";
    case KeyType::reals:
      return "list of reals";
    case KeyType::real_or_reals:
      return "real or list of reals";
    case KeyType::matrix:
      return "list of lists of reals";
    case KeyType::name_or_names:
      return "name or list of names";
    case KeyType::tables:
      return "list of tables";
    case KeyType::table:
      return "table";
  }
  return "";
}

namespace {

/// A text of several lines as it looks.
std::string lines_of(const std::string& value) {
  std::string out = "\"\"\"\n";
  std::size_t quotes = 0;  // three would end the string
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    quotes = c == '"' ? quotes + 1 : 0;
    if (c == '\\' || quotes == 3)
      out += fmt::format("\\{}", c);
    else if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f)
      out += fmt::format("\\u{:04X}", byte);
    else
      out += c;
    if (quotes == 3) quotes = 0;
  }
  if (quotes > 0) out.insert(out.size() - 1, "\\");
  return out + "\"\"\"";
}

std::string text_of(const std::string& value) {
  return value.find('\n') != std::string::npos ? lines_of(value) : toml_string(value);
}

std::string text_of(bool value) { return value ? "true" : "false"; }
std::string text_of(int value) { return fmt::format("{}", value); }
std::string text_of(std::size_t value) { return fmt::format("{}", value); }
std::string text_of(std::int64_t value) { return fmt::format("{}", value); }
std::string text_of(double value) { return toml_real(value); }

std::string inline_table(const std::vector<Key>& keys) {
  std::string out = "{ ";
  for (const Key& key : keys)
    out += fmt::format("{}{} = {}", out.size() > 2 ? ", " : "", key.name, toml_text(key.slot));
  return out + " }";
}

std::string text_of(PhaseConfig phase) { return inline_table(keys_of(phase)); }
std::string text_of(RecordedPopulation population) { return inline_table(keys_of(population)); }

template <typename T>
std::string text_of(const std::vector<T>& values) {
  std::string out = "[";
  for (const auto& value : values) out += (out.size() > 1 ? ", " : "") + text_of(value);
  return out + "]";
}

struct TextOf {
  std::string operator()(std::monostate) const { return {}; }
  std::string operator()(const ParameterSlot& slot) const {
    const ParameterValue* set = slot.values->find(slot.parameter->name);
    return std::visit([](const auto& value) { return text_of(value); },
                      set != nullptr ? *set : slot.parameter->default_value);
  }
  template <typename T>
  std::string operator()(const T* value) const {
    return text_of(*value);
  }
};

}  // namespace

std::string toml_text(const Slot& slot) { return std::visit(TextOf(), slot); }

}  // namespace dynvert
