#include <dynvert/analysis/measures.hpp>

#include <rapidcheck.h>
#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace dynvert;

TEST_CASE("angles") {
  const arma::mat A{{1, 2}, {3, 4}};
  CHECK(angle_degrees(A, A) == 0);
  CHECK(angle_degrees(A, 3 * A) == Approx(0).margin(1e-7));
  CHECK(angle_degrees(A, -A) == Approx(180));
  CHECK(angle_degrees(arma::vec{1, 0}, arma::vec{0, 5}) == Approx(90));
  CHECK(std::isnan(angle_degrees(A, arma::zeros(2, 2))));
  // where arccos of the scalar product has no digit left
  const double small = 1e-9;
  CHECK(angle_degrees(arma::vec{1, 0}, arma::vec{std::cos(small), std::sin(small)}) ==
        Approx(small * 180 / arma::datum::pi));
  CHECK(rc::check("arccos of the definition", [] {
    arma::arma_rng::set_seed(*rc::gen::inRange(0U, 1000000U));
    const arma::mat X(3, 4, arma::fill::randn);
    const arma::mat Y(3, 4, arma::fill::randn);
    const double cosine = arma::trace(X.t() * Y) / (arma::norm(X, "fro") * arma::norm(Y, "fro"));
    // arccos loses digits near 0 and 180 only, where random matrices do not lie
    RC_ASSERT(std::abs(angle_degrees(X, Y) - std::acos(cosine) * 180 / arma::datum::pi) < 1e-8);
  }));
}

TEST_CASE("settling time is the first sample of the last stay within the band") {
  const Layout layout({1}, 1);
  const auto make = [&](const std::vector<double>& values) {
    Trajectory t;
    t.start(layout, 0, 0.5);
    for (const double v : values) {
      State x(layout.size());
      x[0] = v;
      t.append(x);
    }
    return t;
  };
  const arma::vec target{1.0};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(settling_time(make({0, 0.5, 0.99, 1.0}), 0, 0, target, 0.02) == 1.0);
  CHECK(settling_time(make({0, 1.0, 1.5, 1.0}), 0, 0, target, 0.02) == 1.5);
  CHECK(settling_time(make({1, 1, 1}), 0, 0, target, 0.02) == 0.0);
  CHECK_FALSE(settling_time(make({0, 1, 0.9}), 0, 0, target, 0.02).has_value());
  CHECK(settling_time(make({0, 1, nan, nan}), 0, 0, target, 0.02) == 0.5);
  CHECK_FALSE(settling_time(make({nan, nan}), 0, 0, target, 0.02).has_value());
  // closed form: 1 - exp(-t) enters the band at t = ln 50 = 3.912, so at the sample 4.0
  std::vector<double> relaxation;
  for (int k = 0; k < 40; ++k) relaxation.push_back(1 - std::exp(-0.5 * k));
  CHECK(settling_time(make(relaxation), 0, 0, target, 0.02) == 4.0);
}
