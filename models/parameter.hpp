#pragma once

/// Parameters that a part (a solver, a task, a rule of credit, a circuit) declares for itself, and their values.
///
/// A part declares what it takes beyond the keys that its kind has in common:
///
///     static const Parameter half_width{.name = "half_width", .default_value = 0.3, .min = 0, .min_excluded = true,
///                                       .meaning = "The weights are drawn from U(-w, w)"};
///
/// and reads `values.real(half_width)`: the value that was set, or the default. The type of a parameter is that of its
/// default.

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace dynvert {

using ParameterValue =
    std::variant<bool, std::int64_t, double, std::string, std::vector<double>, std::vector<std::string>>;

/// "real", "list of names"
[[nodiscard]] std::string_view type_name(const ParameterValue& value);

struct Parameter {
  std::string name = {};
  ParameterValue default_value = 0.0;
  /// of numbers, and of each number of a list
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool min_excluded = false;
  bool max_excluded = false;
  std::vector<std::string> choices = {};  ///< of text, and of each name of a list; empty: any
  std::string units = {};                 ///< "time", "1/time"; empty: none
  std::string meaning = {};               ///< one line for people
  bool required = false;                  ///< must be set: the default says no more than the type

  bool operator==(const Parameter&) const = default;
};

/// Name -> value.
class ParameterValues {
 public:
  ParameterValues() = default;
  ParameterValues(std::initializer_list<std::pair<const std::string, ParameterValue>> values) : values_(values) {}
  /// The defaults.
  explicit ParameterValues(std::span<const Parameter> declared);

  void set(const std::string& name, ParameterValue value) { values_.insert_or_assign(name, std::move(value)); }
  void erase(const std::string& name) { values_.erase(name); }
  /// nullptr: there is none of that name
  [[nodiscard]] const ParameterValue* find(std::string_view name) const;
  /// What is declared alone, with defaults for what has no value.
  [[nodiscard]] ParameterValues restricted_to(std::span<const Parameter> declared) const;
  [[nodiscard]] bool empty() const noexcept { return values_.empty(); }

  /// The value of that name. @throws ValueError  no such parameter was declared, or it is of another type
  /// @{
  [[nodiscard]] double real(std::string_view name) const;
  [[nodiscard]] std::int64_t integer(std::string_view name) const;
  [[nodiscard]] bool flag(std::string_view name) const;
  [[nodiscard]] const std::string& text(std::string_view name) const;
  [[nodiscard]] const std::vector<double>& reals(std::string_view name) const;
  [[nodiscard]] const std::vector<std::string>& names(std::string_view name) const;
  /// @}

  /// The value of the parameter, or its default where it has none. @throws ValueError  it is of another type
  /// @{
  [[nodiscard]] double real(const Parameter& parameter) const;
  [[nodiscard]] std::int64_t integer(const Parameter& parameter) const;
  [[nodiscard]] bool flag(const Parameter& parameter) const;
  [[nodiscard]] const std::string& text(const Parameter& parameter) const;
  /// @}

  bool operator==(const ParameterValues&) const = default;

 private:
  std::map<std::string, ParameterValue, std::less<>> values_;
};

}  // namespace dynvert
