#pragma once

/// The schemes of fixed steps whose steps are followed backwards (circuit_gradient.hpp).

#include <vector>

namespace dynvert {

/// Equal steps that can be followed backwards: an explicit Runge-Kutta method,
///
///     k_i = f(x + dt sum over j < i of a_ij k_j),   x <- x + dt sum of b_i k_i,
///
/// or Euler steps of one population after the other, each with the newest values.
struct StepScheme {
  std::vector<std::vector<double>> a{};  ///< row i: a_i1 .. a_i,i-1
  std::vector<double> b{};
  bool one_by_one = false;
};

}  // namespace dynvert
