#pragma once

/// A key of a configuration: its name, where its value is, what it may be and when it applies. keys.hpp has the list of
/// each table; reading, the resolved text, error messages, `dynvert keys` and the tables of docs/configuration.md are
/// made from these alone.

#include <dynvert/models/parameter.hpp>
#include <dynvert/sim/config/config.hpp>
#include <dynvert/sim/config/config_registry.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace dynvert {

static_assert(std::is_same_v<std::size_t, std::uint64_t>, "the integers of a configuration have 64 bits");

/// A value that a part declared.
struct ParameterSlot {
  ParameterValues* values = nullptr;
  const Parameter* parameter = nullptr;
};

/// Where the value is. Keys that are tables have none, nor has experiment.epochs: trials holds its result.
using Slot = std::variant<std::monostate, bool*, int*, std::size_t*, double*, std::string*, std::vector<std::size_t>*,
                          std::vector<double>*, std::vector<std::vector<double>>*, std::vector<std::string>*,
                          std::vector<PhaseConfig>*, std::vector<RecordedPopulation>*, ParameterSlot>;

enum class KeyType {
  boolean,
  integer,
  real,
  text,
  names,
  integers,
  reals,
  real_or_reals,
  matrix,
  name_or_names,
  tables,
  table
};

/// Of a number, and of each number of a list.
struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool min_excluded = false;
  bool max_excluded = false;
  std::int64_t min_integer = 0;
  std::int64_t max_integer = std::numeric_limits<std::int64_t>::max();

  [[nodiscard]] Range below(double limit) const;
  [[nodiscard]] Range at_most(double limit) const;
};
[[nodiscard]] Range above(double limit);
[[nodiscard]] Range at_least(double limit);

struct Key {
  std::string_view name;
  KeyType type = KeyType::text;
  Slot slot = std::monostate{};
  std::string_view meaning{};  ///< one line for people
  Range range = {};
  std::string_view allowed{};  ///< in words, where neither a range nor a list of names says it
  std::string_view units{};
  const std::vector<Choice>* choices = nullptr;     ///< the parts that it may name
  const std::vector<std::string>* names = nullptr;  ///< or the names allowed
  std::vector<std::string_view> fixed_names = {};   ///< likewise
  bool required = false;                            ///< it has no default
  std::string_view default_words{};                 ///< where the default is none that a value says
  std::vector<std::string_view> governed_by = {};   ///< keys whose part decides whether this key applies ("solver")
  std::vector<ExperimentKind> experiments = {};     ///< it applies to these; empty: to all that have its table
  std::string excluded_by = {};  ///< why it does not apply to these values (`solver = "exact"`); empty: it does
  bool written = true;           ///< false: it applies, but the resolved text does without

  [[nodiscard]] bool applies() const noexcept { return excluded_by.empty(); }
};

/// Keys by the type of their values.
/// @{
[[nodiscard]] Key flag(std::string_view name, bool& value, std::string_view meaning);
[[nodiscard]] Key real(std::string_view name, double& value, const Range& range, std::string_view meaning);
[[nodiscard]] Key reals(std::string_view name, std::vector<double>& value, const Range& range, std::string_view allowed,
                        std::string_view meaning);
[[nodiscard]] Key whole(std::string_view name, Slot value, std::int64_t min, std::int64_t max,
                        std::string_view meaning);
[[nodiscard]] Key free_text(std::string_view name, std::string& value, std::string_view allowed,
                            std::string_view meaning);
[[nodiscard]] Key one_of(std::string_view name, std::string& value, std::vector<std::string_view> names,
                         std::string_view meaning);
/// One of the parts, or a list of them.
[[nodiscard]] Key choice(std::string_view name, Slot value, const std::vector<Choice>& choices,
                         std::string_view meaning);
[[nodiscard]] Key own_key(const Parameter& parameter, ParameterValues& values);
/// @}

/// What changes a key.
/// @{
[[nodiscard]] Key typed(Key key, KeyType type);
[[nodiscard]] Key required(Key key);
[[nodiscard]] Key with_default(Key key, std::string_view words);
/// Applies where the chosen part uses it. @param chosen  nullptr: nothing is chosen yet
[[nodiscard]] Key governed(Key key, std::string_view by, const Choice* chosen);
/// Does not apply for this reason, if there is one. The first reason holds.
[[nodiscard]] Key unless(Key key, std::string reason);
/// @}

/// Adds the keys that parts declare: those of the chosen one, which apply, and those of the others.
void add_own_keys(std::vector<Key>& keys, ParameterValues& values, std::string_view chooser,
                  const std::vector<Choice>& choices, std::string_view chosen);

/// @return nullptr: no such key
[[nodiscard]] const Key* find_key(const std::vector<Key>& keys, std::string_view name);
[[nodiscard]] bool applies(const std::vector<Key>& keys, std::string_view name);

/// The names that the key may take; empty: it is no key of names.
[[nodiscard]] std::vector<std::string> names_of(const Key& key);
/// What is allowed, in words: "above 0", "1 to 1024", "euler, rk4".
[[nodiscard]] std::string allowed_text(const Key& key);
/// "real", "list of names"
[[nodiscard]] std::string_view type_text(KeyType type);
/// The value as TOML; a double in the fewest digits that read back as the same double. Empty: there is no value.
[[nodiscard]] std::string toml_text(const Slot& slot);

}  // namespace dynvert
