#pragma once

/// Registries are lists of things with a `name`: credit models, solvers, tasks, rate functions.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dynvert {

/// @throws ValueError  always: `what` "solver" has no entry of that name; the message lists those there are
[[noreturn]] void throw_unknown_name(std::string_view what, std::string_view name,
                                     const std::vector<std::string>& known);

/// The entry of that name. @throws ValueError naming all entries
template <typename Entry>
[[nodiscard]] const Entry& find_by_name(std::span<const Entry> registry, std::string_view name, std::string_view what) {
  std::vector<std::string> known;
  for (const Entry& entry : registry) {
    if (entry.name == name) return entry;
    known.emplace_back(entry.name);
  }
  throw_unknown_name(what, name, known);
}

}  // namespace dynvert
