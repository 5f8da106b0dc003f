#pragma once

/// From a circuit as it is written to its description: loops and choices written out, g[l] replaced by the network's
/// rate functions, functions of sums with matrix products by populations of their own (drive[l]), right-hand sides as
/// terms, sizes inferred, and everything checked that needs no engine.

#include <dynvert/models/equations/description.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace dynvert::equations {

struct ExpandOptions {
  std::vector<std::size_t> layers = {};  ///< n[0] .. n[L]; empty: there is no network
  std::vector<std::string> rates = {};   ///< g[0] .. g[L], names of rate functions; g[0] is linear
  bool bias = true;
  ParameterValues parameters = {};  ///< in place of defaults
};

/// @throws EquationError  what is at fault, where it stands, what is allowed
[[nodiscard]] Description expand(const CircuitText& circuit, const ExpandOptions& options);

/// What needs no engine: cycles of algebraic populations without a choice, populations moved and held, phases that
/// last and move nothing, that overlap and move the same, rules of phases that there are not. Sets the phases' orders
/// of evaluation. `expand` calls it. @throws EquationError
void check(Description& description);

}  // namespace dynvert::equations
