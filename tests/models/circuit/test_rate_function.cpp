#include <dynvert/models/circuit/rate_function.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/models/kernels/kernels.hpp>

#include <catch2/catch.hpp>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

using namespace dynvert;

namespace {

double at(RateFunction::Elementwise f, double x) {
  double y = 0;
  f(&x, &y, 1);
  return y;
}

/// |got - reference| in units of the last place of the reference.
double ulps(double got, long double reference) {
  const auto rounded = static_cast<double>(reference);
  const double ulp = std::nextafter(std::abs(rounded), std::numeric_limits<double>::infinity()) - std::abs(rounded);
  return static_cast<double>(std::abs(static_cast<long double>(got) - reference) / static_cast<long double>(ulp));
}

}  // namespace

TEST_CASE("derivatives of every rate function agree with finite differences") {
  for (const auto& g : rate_functions()) {
    if (!g.elementwise) continue;
    INFO(g.name);
    for (double x = -4.05; x < 4; x += 0.3) {  // no multiple of 0.3 from there is 0, where relu has a corner
      const double h = 1e-5;
      CHECK(at(g.derivative, x) == Approx((at(g.value, x + h) - at(g.value, x - h)) / (2 * h)).margin(1e-9));
      CHECK(at(g.second_derivative, x) ==
            Approx((at(g.derivative, x + h) - at(g.derivative, x - h)) / (2 * h)).margin(1e-9));
    }
  }
}

TEST_CASE("softmax: a probability, its Jacobian by finite differences, no overflow") {
  const RateFunction& g = rate_function("softmax");
  std::vector<double> x{0.3, -1.2, 2.0, 0.7};
  std::vector<double> y(4), up(4), down(4), J(16);
  g.value(x.data(), y.data(), 4);
  CHECK(y[0] + y[1] + y[2] + y[3] == Approx(1).epsilon(1e-15));
  CHECK(y[2] / y[3] == Approx(std::exp(1.3)));
  g.jacobian(x.data(), J.data(), 4);
  for (std::size_t j = 0; j < 4; ++j) {
    const double h = 1e-5;
    auto moved = x;
    moved[j] += h;
    g.value(moved.data(), up.data(), 4);
    moved[j] -= 2 * h;
    g.value(moved.data(), down.data(), 4);
    for (std::size_t i = 0; i < 4; ++i) CHECK(J[j * 4 + i] == Approx((up[i] - down[i]) / (2 * h)).margin(1e-9));
  }
  x = {1000, 999, -1000, 0};
  g.value(x.data(), x.data(), 4);
  CHECK(x[0] == Approx(1 / (1 + std::exp(-1.0))));
  CHECK(x[2] == 0);
}

TEST_CASE("values far out are right") {
  CHECK(at(rate_function("sigmoid").value, -800) == Approx(0).margin(1e-300));
  CHECK(at(rate_function("sigmoid").value, 800) == 1);
  CHECK(at(rate_function("softplus").value, 800) == 800);
  CHECK(at(rate_function("tanh").value, 800) == 1);
  CHECK(at(rate_function("leaky_relu").value, -2) == Approx(-0.02));
}

TEST_CASE("every rate function: no argument overflows, and NaN is not hidden") {
  constexpr double largest = std::numeric_limits<double>::max();
  for (const auto& g : rate_functions()) {
    INFO(g.name);
    for (const double x : {-largest, -1e5, -800.0, -40.0, 0.0, 40.0, 800.0, 1e5, largest}) {
      INFO(x);
      CHECK(std::isfinite(at(g.value, x)));
      if (g.elementwise) {
        CHECK(std::isfinite(at(g.derivative, x)));
        CHECK(at(g.derivative, x) >= 0);
        CHECK(std::isfinite(at(g.second_derivative, x)));
      } else {
        const std::vector<double> layer{x, 0, -x};
        std::vector<double> J(9);
        g.jacobian(layer.data(), J.data(), 3);
        for (const double slope : J) CHECK(std::isfinite(slope));
      }
    }
    CHECK(std::isnan(at(g.value, std::numeric_limits<double>::quiet_NaN())));
  }
}

TEST_CASE("tanh of every kernel: at most 2.5 units of the last place off, whatever the argument") {
  std::mt19937_64 generator(1);
  std::uniform_real_distribution<double> near(-3, 3);
  std::vector<double> arguments;
  for (int i = 0; i < 200'000; ++i) {
    arguments.push_back(near(generator));
    arguments.push_back(std::ldexp(near(generator), static_cast<int>(generator() % 60) - 50));
    arguments.push_back(std::bit_cast<double>(generator()));  // any bits: tiny, huge, NaN
  }
  for (double x = -23; x < 23; x += 1e-3) arguments.push_back(x);
  for (const Kernels& kernel : available_kernels()) {
    INFO(kernel.name);
    double worst = 0;
    for (const double x : arguments) {
      const double y = at(kernel.tanh, x);
      if (std::isnan(x)) {
        CHECK(std::isnan(y));
      } else {
        worst = std::max(worst, ulps(y, std::tanh(static_cast<long double>(x))));
      }
    }
    CHECK(worst <= 2.5);
    const double infinity = std::numeric_limits<double>::infinity();
    CHECK(at(kernel.tanh, infinity) == 1);
    CHECK(at(kernel.tanh, -infinity) == -1);
    CHECK(std::signbit(at(kernel.tanh, -0.0)));
    CHECK(at(kernel.tanh, std::numeric_limits<double>::denorm_min()) == std::numeric_limits<double>::denorm_min());
  }
}

TEST_CASE("an element's tanh does not depend on where it stands") {
  std::vector<double> x(41);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<double>(i) * 1.7) * 3;
  for (const Kernels& kernel : available_kernels()) {
    INFO(kernel.name);
    for (std::size_t first = 0; first < 9; ++first) {
      for (std::size_t n = 1; first + n <= x.size(); ++n) {
        std::vector<double> y(x.begin() + static_cast<std::ptrdiff_t>(first),
                              x.begin() + static_cast<std::ptrdiff_t>(first + n));
        kernel.tanh(y.data(), y.data(), n);
        for (std::size_t i = 0; i < n; ++i) REQUIRE(y[i] == at(kernel.tanh, x[first + i]));
      }
    }
  }
}

TEST_CASE("an unknown rate function names those there are") {
  CHECK_THROWS_WITH(rate_function("tan"), Catch::Matchers::Contains("tanh") && Catch::Matchers::Contains("softplus"));
}
