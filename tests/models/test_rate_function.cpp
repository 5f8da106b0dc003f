#include <dynvert/models/rate_function.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace dynvert;

TEST_CASE("derivatives of the rate functions agree with finite differences") {
  const double h = 1e-5;
  for (const RateFunction& g : rate_functions()) {
    CAPTURE(g.name);
    // away from 0, where relu and leaky_relu have their corner
    for (const double x : {-30.0, -3.0, -0.7, -0.1, 0.1, 0.5, 2.0, 30.0}) {
      CAPTURE(x);
      const auto at = [&](RateFunction::Elementwise f, double v) {
        double y = 0;
        f(&v, &y, 1);
        return y;
      };
      // truncation h^2/6 times a third derivative below 2, and rounding 30 eps / h
      CHECK(at(g.derivative, x) == Approx((at(g.value, x + h) - at(g.value, x - h)) / (2 * h)).margin(1e-9));
      CHECK(at(g.second_derivative, x) ==
            Approx((at(g.derivative, x + h) - at(g.derivative, x - h)) / (2 * h)).margin(1e-9));
    }
    double y = std::numeric_limits<double>::quiet_NaN();
    g.value(&y, &y, 1);
    CHECK(std::isnan(y));
    for (double v : {-1e4, 1e4}) {
      g.value(&v, &v, 1);
      CHECK(std::isfinite(v));
    }
  }
}
