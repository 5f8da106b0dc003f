#pragma once

/// Rate functions r = g(x) with their derivatives: of each unit by itself, or (softmax) of a layer as a whole.

#include <cstddef>
#include <span>
#include <string_view>

namespace dynvert {

/// g, g', g'' on n values: y[i] = g(x[i]). y may be x. Of a function that is not elementwise the n values are the units
/// of one layer and one sample, and it has a Jacobian in place of derivatives.
struct RateFunction {
  using Elementwise = void (*)(const double* x, double* y, std::size_t n);

  std::string_view name;
  std::string_view summary;  ///< g(x), for people
  bool linear = false;       ///< g(x) = x
  Elementwise value = nullptr;
  Elementwise derivative = nullptr;
  Elementwise second_derivative = nullptr;  ///< of a gain g'(x) or 1/g'(x) that follows a population
  bool elementwise = true;
  bool flat = false;  ///< its slope is 0 somewhere, where 1/g' has no value
  /// dy_i/dx_j, n x n, symmetric or column-major; of functions that are not elementwise
  void (*jacobian)(const double* x, double* J, std::size_t n) = nullptr;
  bool in_update = false;  ///< the kernels can compute it in the pass that moves a population (AffineUpdate::tanh_out)
};

/// linear x | tanh | relu max(x,0), g'(0) = 0 | leaky_relu, slope 0.01 below 0 | sigmoid 1/(1+exp(-x)) |
/// softplus log(1+exp(x)) | softmax exp(x_i) / sum exp(x_j), of an output layer
[[nodiscard]] std::span<const RateFunction> rate_functions();

/// @throws ValueError naming the known functions
[[nodiscard]] const RateFunction& rate_function(std::string_view name);

}  // namespace dynvert
