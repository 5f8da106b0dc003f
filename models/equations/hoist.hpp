#pragma once

/// A function of a sum with matrix products, as tanh(W[l]*h + b[l]), stands for an algebraic population of what is
/// inside, which is made here: drive[l] = W[l]*h + b[l].

#include <dynvert/models/equations/names.hpp>

#include <vector>

namespace dynvert::equations {

/// @param s     an equation; the new populations stand in it in place of the sums
/// @param made  gets their equations
void hoist(NameTable& names, Statement& s, std::vector<Statement>& made);
/// The same of a rule, in which M*x as a factor stands for a population, too.
void hoist_of_rule(NameTable& names, Statement& s, std::vector<Statement>& made);

}  // namespace dynvert::equations
