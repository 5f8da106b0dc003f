#include <dynvert/models/error.hpp>
#include <dynvert/models/parameter.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace dynvert {

namespace {

template <typename T>
const T& typed(std::string_view name, const ParameterValue& value) {
  if (const T* found = std::get_if<T>(&value)) return *found;
  throw ValueError(fmt::format("parameter {}", name), fmt::format("is read as {}", type_name(ParameterValue(T()))),
                   std::string(type_name(value)));
}

template <typename T>
const T& value_of(const ParameterValues& values, std::string_view name, const std::vector<std::string>& known) {
  if (const ParameterValue* found = values.find(name)) return typed<T>(name, *found);
  throw ValueError(fmt::format("parameter {}", name), "was never declared",
                   known.empty() ? "no parameters were" : fmt::format("{}", fmt::join(known, ", ")));
}

template <typename T>
const T& value_of(const ParameterValues& values, const Parameter& parameter) {
  const ParameterValue* found = values.find(parameter.name);
  return typed<T>(parameter.name, found != nullptr ? *found : parameter.default_value);
}

std::vector<std::string> names_in(const std::map<std::string, ParameterValue, std::less<>>& values) {
  std::vector<std::string> names;
  for (const auto& [name, value] : values) names.push_back(name);
  return names;
}

}  // namespace

std::string_view type_name(const ParameterValue& value) {
  switch (value.index()) {
    case 0:
      return "boolean";
    case 1:
      return "integer";
    case 2:
      return "real";
    case 3:
      return "text";
    case 4:
      return "list of reals";
    default:
      return "list of names";
  }
}

ParameterValues::ParameterValues(std::span<const Parameter> declared) {
  for (const Parameter& parameter : declared) values_.emplace(parameter.name, parameter.default_value);
}

const ParameterValue* ParameterValues::find(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? nullptr : &found->second;
}

ParameterValues ParameterValues::restricted_to(std::span<const Parameter> declared) const {
  ParameterValues result(declared);
  for (auto& [name, value] : result.values_)
    if (const ParameterValue* set = find(name)) value = *set;
  return result;
}

double ParameterValues::real(std::string_view name) const { return value_of<double>(*this, name, names_in(values_)); }
std::int64_t ParameterValues::integer(std::string_view name) const {
  return value_of<std::int64_t>(*this, name, names_in(values_));
}
bool ParameterValues::flag(std::string_view name) const { return value_of<bool>(*this, name, names_in(values_)); }
const std::string& ParameterValues::text(std::string_view name) const {
  return value_of<std::string>(*this, name, names_in(values_));
}
const std::vector<double>& ParameterValues::reals(std::string_view name) const {
  return value_of<std::vector<double>>(*this, name, names_in(values_));
}
const std::vector<std::string>& ParameterValues::names(std::string_view name) const {
  return value_of<std::vector<std::string>>(*this, name, names_in(values_));
}

double ParameterValues::real(const Parameter& parameter) const { return value_of<double>(*this, parameter); }
std::int64_t ParameterValues::integer(const Parameter& parameter) const {
  return value_of<std::int64_t>(*this, parameter);
}
bool ParameterValues::flag(const Parameter& parameter) const { return value_of<bool>(*this, parameter); }
const std::string& ParameterValues::text(const Parameter& parameter) const {
  return value_of<std::string>(*this, parameter);
}

}  // namespace dynvert
