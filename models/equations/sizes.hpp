#pragma once

/// Sizes follow from the equations: what is added or multiplied unit by unit has one size, M*x has M's rows, x its
/// columns. Known are the network's layers for input, target, W[l] and b[l], and what `size` and lists of numbers say.

#include <dynvert/models/equations/expand.hpp>

#include <map>

namespace dynvert::equations {

/// Keeps the matrices that equations and rules hold, in the order in which they do.
void order_matrices(Description& description);

/// Sets the units of all populations and the shapes of all matrices.
/// @param given  sizes that the text gives
/// @throws EquationError  sizes that do not fit, with both expressions; a size that nothing gives
void infer_sizes(Description& description, const ExpandOptions& options, const std::map<Name, std::size_t>& given);

}  // namespace dynvert::equations
