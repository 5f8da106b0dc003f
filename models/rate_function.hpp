#pragma once

/// Rate functions r = g(x), elementwise, with their first and second derivatives.

#include <cstddef>
#include <span>
#include <string_view>

namespace dynvert {

/// g, g', g'' on n values: y[i] = g(x[i]). y may be x.
struct RateFunction {
  using Elementwise = void (*)(const double* x, double* y, std::size_t n);

  std::string_view name;
  bool linear = false;  ///< g(x) = x
  Elementwise value = nullptr;
  Elementwise derivative = nullptr;
  Elementwise second_derivative = nullptr;  ///< of a gain g'(x) or 1/g'(x) that follows a population
};

/// linear x | tanh | relu max(x,0), g'(0) = 0 | leaky_relu, slope 0.01 below 0 | sigmoid 1/(1+exp(-x)) |
/// softplus log(1+exp(x))
[[nodiscard]] std::span<const RateFunction> rate_functions();

/// @throws ValueError naming the known functions
[[nodiscard]] const RateFunction& rate_function(std::string_view name);

}  // namespace dynvert
