#include <dynvert/models/circuit/rate_function.hpp>
#include <dynvert/models/kernels/kernels.hpp>
#include <dynvert/models/registry.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace dynvert {

namespace {

template <double (*f)(double)>
void each(const double* x, double* y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) y[i] = f(x[i]);
}

double identity(double x) { return x; }
double one(double) { return 1; }
double zero(double) { return 0; }

void tanh_value(const double* x, double* y, std::size_t n) { kernels().tanh(x, y, n); }
void tanh_first(const double* x, double* y, std::size_t n) {
  kernels().tanh(x, y, n);
  for (std::size_t i = 0; i < n; ++i) y[i] = 1 - y[i] * y[i];
}
double tanh_second(double x) {
  const double t = std::tanh(x);
  return -2 * t * (1 - t * t);
}

// A NaN passes through: max(x, 0) would hide it from the check for divergence.
double relu_value(double x) { return x < 0 ? 0 : x; }
double relu_first(double x) { return x > 0 ? 1 : 0; }

constexpr double leak_below_zero = 0.01;
double leaky_value(double x) { return x < 0 ? leak_below_zero * x : x; }
double leaky_first(double x) { return x > 0 ? 1 : leak_below_zero; }

double sigmoid_value(double x) {
  // exp of a negative number only: no overflow on either side
  if (x >= 0) return 1 / (1 + std::exp(-x));
  const double e = std::exp(x);
  return e / (1 + e);
}
double sigmoid_first(double x) {
  const double s = sigmoid_value(x);
  return s * (1 - s);
}
double sigmoid_second(double x) {
  const double s = sigmoid_value(x);
  return s * (1 - s) * (1 - 2 * s);
}

double softplus_value(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }

void softmax(const double* x, double* y, std::size_t n) {
  // the largest exponent is 0: nothing overflows, and the sum is at least 1. A NaN makes all NaN.
  const double largest = *std::max_element(x, x + n);
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += y[i] = std::exp(x[i] - largest);
  for (std::size_t i = 0; i < n; ++i) y[i] /= sum;
}

void softmax_jacobian(const double* x, double* J, std::size_t n) {
  std::vector<double> y(n);
  softmax(x, y.data(), n);
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t i = 0; i < n; ++i) J[j * n + i] = y[i] * ((i == j ? 1 : 0) - y[j]);
  }
}

constexpr auto functions = std::to_array<RateFunction>({
    {.name = "linear",
     .summary = "x",
     .linear = true,
     .value = each<identity>,
     .derivative = each<one>,
     .second_derivative = each<zero>},
    {.name = "tanh",
     .summary = "tanh(x)",
     .value = tanh_value,
     .derivative = tanh_first,
     .second_derivative = each<tanh_second>,
     .in_update = true},
    {.name = "relu",
     .summary = "max(x, 0)",
     .value = each<relu_value>,
     .derivative = each<relu_first>,
     .second_derivative = each<zero>,
     .flat = true},
    {.name = "leaky_relu",
     .summary = "x, or 0.01 x below 0",
     .value = each<leaky_value>,
     .derivative = each<leaky_first>,
     .second_derivative = each<zero>},
    {.name = "sigmoid",
     .summary = "1 / (1 + exp(-x))",
     .value = each<sigmoid_value>,
     .derivative = each<sigmoid_first>,
     .second_derivative = each<sigmoid_second>},
    {.name = "softplus",
     .summary = "log(1 + exp(x))",
     .value = each<softplus_value>,
     .derivative = each<sigmoid_value>,
     .second_derivative = each<sigmoid_first>},
    {.name = "softmax",
     .summary = "exp(x_i) / sum over j of exp(x_j), of an output layer",
     .value = softmax,
     .elementwise = false,
     .jacobian = softmax_jacobian},
});

}  // namespace

std::span<const RateFunction> rate_functions() { return functions; }

const RateFunction& rate_function(std::string_view name) {
  return find_by_name(rate_functions(), name, "rate function");
}

}  // namespace dynvert
