// Measures of stability, each against a closed form or an independent computation: the whole matrix, the scheme itself,
// the delayed equation integrated.

#include "support/loops.hpp"

#include <dynvert/analysis/critical_leak.hpp>
#include <dynvert/analysis/cycle.hpp>
#include <dynvert/analysis/delay_margin.hpp>
#include <dynvert/analysis/matrix_exponential.hpp>
#include <dynvert/analysis/numerical_abscissa.hpp>
#include <dynvert/analysis/spectrum.hpp>
#include <dynvert/analysis/stable_step.hpp>
#include <dynvert/models/error.hpp>

#include <rapidcheck.h>
#include <catch2/catch.hpp>

#include <cmath>
#include <deque>

using namespace dynvert;
using namespace dynvert::testing;

namespace {

double uniform(double from, double to) { return from + (to - from) * arma::randu(); }

/// delta_1, delta_2, u: the loop of single-loop inversion, every population with a time constant of its own.
struct ChainLoop {
  RightHandSide f;
  PopulationIndex u = 2;
};

ChainLoop make_chain(const arma::mat& W2, const arma::mat& W3, const arma::mat& B, double alpha, const arma::vec& tau) {
  Circuit c;
  const auto first = c.add(Population{.name = "delta_1", .units = W2.n_cols, .tau = tau[0]});
  const auto second = c.add(Population{.name = "delta_2", .units = W2.n_rows, .tau = tau[1]});
  const auto u = c.add(Population{.name = "u", .units = W3.n_rows, .tau = tau[2], .leak = alpha});
  c.add(Projection{.name = "W2", .source = first, .target = second, .weights = W2});
  c.add(Projection{.name = "W3", .source = second, .target = u, .weights = W3});
  c.add(Projection{.name = "B", .source = u, .target = first, .weights = B});
  return {RightHandSide(c, 1), u};
}

arma::mat jacobian_of(RightHandSide& f) { return f.jacobian(State(f.layout().size()), 0); }

/// Any loop of the two kinds, of random size, weights and time constants; one that is stable with some leak below 20.
struct AnyLoop {
  RightHandSide f;
  PopulationIndex u;
};

AnyLoop draw() {
  arma::arma_rng::set_seed(*rc::gen::inRange(0U, 1000000U));
  const auto size = [] { return *rc::gen::inRange<arma::uword>(1, 6); };
  const arma::uword m = size();
  const arma::uword n = size();
  const double alpha = uniform(0.01, 2);
  if (*rc::gen::arbitrary<bool>()) {
    // negative feedback, disturbed: some loops are stable, some not
    const arma::mat W(m, n, arma::fill::randn);
    TestLoop loop = make_loop(W, -W.t() + 0.5 * arma::mat(n, m, arma::fill::randn), alpha, arma::zeros(m, 1),
                              uniform(0.2, 3), uniform(0.2, 3));
    return {std::move(loop.f), loop.u};
  }
  const arma::uword middle = size();
  const arma::mat W2 = 0.5 * arma::mat(middle, n, arma::fill::randn);
  const arma::mat W3 = 0.5 * arma::mat(m, middle, arma::fill::randn);
  ChainLoop chain = make_chain(W2, W3, -(W3 * W2).t() + 0.2 * arma::mat(n, m, arma::fill::randn), alpha,
                               arma::vec{uniform(0.2, 3), uniform(0.2, 3), uniform(0.2, 3)});
  return {std::move(chain.f), chain.u};
}

}  // namespace

TEST_CASE("spectral abscissa and slowest time constant") {
  CHECK(slowest_time_constant(-0.0008) == Approx(1250));
  CHECK(std::isnan(slowest_time_constant(0)));
  CHECK(std::isnan(slowest_time_constant(0.1)));
  // a leaky integrator beside a fast population that it does not reach: the slowest time constant is tau/leak
  TestLoop loop = make_loop(arma::vec{0.0}, arma::vec{0.0}, 0.25, arma::vec{0.0}, 2, 1);
  CHECK(slowest_time_constant(spectral_abscissa(loop.f, State(loop.f.layout().size()), 0)) == Approx(8));
}

TEST_CASE("numerical abscissa: half the off-diagonal of a shear, the slope of |exp(Mt)|, reduced as whole") {
  // (M + M')/2 of [[-1, k], [0, -1]] has the eigenvalues -1 +- k/2
  CHECK(numerical_abscissa(arma::mat{{-1, 6}, {0, -1}}) == Approx(2));
  CHECK(rc::check("slope of the norm", [] {
    AnyLoop loop = draw();
    const arma::mat M = jacobian_of(loop.f);
    const double omega = numerical_abscissa(loop.f, State(loop.f.layout().size()), 0, all_of(loop.f));
    RC_ASSERT(std::abs(omega - numerical_abscissa(M)) < 1e-11 * arma::norm(M));
    RC_ASSERT(omega >= spectral_abscissa(M) - 1e-9);
    // |exp(Mh)| = 1 + omega h + O(h^2), the constant about |M|^2
    const double h = 1e-6;
    const double slope = (arma::norm(matrix_exponential(M * h), 2) - 1) / h;
    RC_ASSERT(std::abs(slope - omega) < 4 * h * std::pow(arma::norm(M), 2) + 1e-8);
  }));
  CHECK_THROWS_AS(numerical_abscissa(arma::mat(2, 2, arma::fill::value(arma::datum::nan))), NumericalError);
}

TEST_CASE("critical leak: closed forms") {
  // real mu = -sigma^2: stable with any leak
  TestLoop stable = make_loop(arma::vec{2.0}, arma::vec{-2.0}, 0.1, arma::vec{0.0});
  CHECK(critical_leak(modes_of(stable.f), 1 - modes_of(stable.f).position(stable.delta)) == 0);
  // real mu > 0, positive feedback: alpha > mu, whatever the time constants
  TestLoop positive = make_loop(arma::vec{0.5}, arma::vec{0.6}, 0.1, arma::vec{0.0}, 3, 0.7);
  CHECK(critical_leak(modes_of(positive.f), modes_of(positive.f).position(positive.u)) == Approx(0.3));
  // mu = +- i b with equal time constants: (1 + alpha)^2 alpha = b^2, alpha = 1/2 for b^2 = 9/8
  const double b = std::sqrt(9.0 / 8);
  TestLoop rotation = make_loop(arma::eye(2, 2), arma::mat{{0, b}, {-b, 0}}, 0.1, arma::zeros(2, 1));
  CHECK(critical_leak(modes_of(rotation.f), modes_of(rotation.f).position(rotation.u)) == Approx(0.5).epsilon(1e-12));
  // (s + 1)^2 (s + alpha) + K: Hurwitz' criterion gives 2 (1 + alpha)^2 > K, alpha = 1 for K = 8
  ChainLoop chain = make_chain(arma::vec{2.0}, arma::vec{2.0}, arma::vec{-2.0}, 0.1, arma::vec{1, 1, 1});
  CHECK(critical_leak(modes_of(chain.f), modes_of(chain.f).position(chain.u)) == Approx(1).epsilon(1e-9));
  // where error populations do not leak, no leak of the controller does
  Circuit c;
  const auto u = c.add(Population{.name = "u", .units = 1, .leak = 0.5});
  const auto x = c.add(Population{.name = "x", .units = 1, .leak = 0});
  c.add(Projection{.name = "W", .source = x, .target = u});
  c.add(Projection{.name = "B", .source = u, .target = x});
  RightHandSide f(c, 1);
  const auto cycle = as_cycle(f.circuit(), all_of(f));
  REQUIRE(cycle.has_value());
  CHECK(std::isinf(critical_leak(modes_of(f), modes_of(f).position(u))));
  CHECK_THROWS_AS(modes_of(f).position(7), ValueError);
}

TEST_CASE("critical leak: the whole Jacobian is stable above it and not below, at every leak") {
  CHECK(rc::check("both sides", [] {
    AnyLoop loop = draw();
    const CycleModes modes = modes_of(loop.f);
    const double critical = critical_leak(modes, modes.position(loop.u));
    RC_ASSERT(critical >= 0 && std::isfinite(critical));
    const auto abscissa = [&](double alpha) {
      loop.f.leak(loop.u)[0] = alpha;
      return spectral_abscissa(jacobian_of(loop.f));
    };
    // the abscissa of these small matrices is known to 1e-7 or so (double roots)
    for (const double factor : {1.001, 1.1, 2.0, 10.0}) RC_ASSERT(abscissa(critical * factor + 1e-6) < 1e-6);
    if (critical < 1e-3) return;
    for (const double factor : {0.999, 0.9, 0.5, 0.01}) RC_ASSERT(abscissa(critical * factor) > -1e-6);
  }));
}

TEST_CASE("delay margin: closed forms") {
  // tau s + 1 twice and mu = -K: |P| = 1 + w^2 = K and w T = pi - 2 atan w; K = 2: w = 1, T = pi/2
  TestLoop loop = make_loop(arma::vec{1.0}, arma::vec{-2.0}, 1.0, arma::vec{0.0});
  CHECK(delay_margin(modes_of(loop.f)) == Approx(arma::datum::pi / 2));
  // the same for three: (1 + w^2)^(3/2) = K, w T = pi - 3 atan w; K = 2^(3/2): w = 1, T = pi/4
  ChainLoop chain = make_chain(arma::vec{std::sqrt(2.0)}, arma::vec{std::sqrt(2.0)}, arma::vec{-std::sqrt(2.0)}, 1,
                               arma::vec{1, 1, 1});
  CHECK(delay_margin(modes_of(chain.f)) == Approx(arma::datum::pi / 4));
  // |mu| <= alpha: any delay. Positive feedback beyond alpha: none
  TestLoop weak = make_loop(arma::vec{1.0}, arma::vec{-0.9}, 1.0, arma::vec{0.0});
  CHECK(std::isinf(delay_margin(modes_of(weak.f))));
  TestLoop unstable = make_loop(arma::vec{1.0}, arma::vec{1.1}, 1.0, arma::vec{0.0});
  CHECK(std::isnan(delay_margin(modes_of(unstable.f))));
}

TEST_CASE("delay margin: the delayed equation decays below it and grows above") {
  // mu = complex pairs and real ones, of 3x3 matrices
  for (const unsigned seed : {1U, 2U, 3U, 4U}) {
    arma::arma_rng::set_seed(seed);
    const arma::mat W(3, 4, arma::fill::randn);
    const arma::mat B = -W.t() + 0.3 * arma::mat(4, 3, arma::fill::randn);
    const double alpha = 0.5;
    const double tau_u = 1.5;
    TestLoop loop = make_loop(W, B, alpha, arma::zeros(3, 1), tau_u, 1);
    const double margin = delay_margin(modes_of(loop.f));
    CAPTURE(seed, margin);
    REQUIRE(std::isfinite(margin));
    /// mean rate of growth of |x| under Euler steps that are 1/400 of the delay
    const auto growth = [&](double delay) {
      constexpr std::size_t steps = 400;
      const double h = delay / steps;
      arma::vec u(3, arma::fill::ones);
      arma::vec delta(4);
      std::deque<arma::vec> past(steps, u);
      const auto run = [&](double time) {
        for (double t = 0; t < time; t += h) {
          const arma::vec late = past.front();
          past.pop_front();
          const arma::vec du = (-alpha * u + W * delta) / tau_u;
          delta += h * (-delta + B * late);
          u += h * du;
          past.push_back(u);
        }
        return std::sqrt(arma::dot(u, u) + arma::dot(delta, delta));
      };
      const double before = run(60 * margin);
      return std::log(run(60 * margin) / before) / (60 * margin);
    };
    // the step's own error moves the crossing by some h, 1/400 of the delay
    CHECK(growth(0.95 * margin) < 0);
    CHECK(growth(1.05 * margin) > 0);
  }
}

TEST_CASE("largest stable step of a stability function: of Euler's in closed form, none where the loop is not stable") {
  const auto euler = [](std::complex<double> z) { return z; };
  const arma::cx_vec lambda{{-1, 0.5}, {-1, -0.5}, {-0.1, 2}, {-0.1, -2}, {-3, 0}};
  // h < -2 Re(lambda) / |lambda|^2, least for -0.1 + 2i
  CHECK(largest_stable_step(euler, 3, lambda) == Approx(0.2 / 4.01).epsilon(1e-12));
  CHECK(growth(euler, {-0.5, 0.5}) == Approx(-0.5));
  CHECK(std::isnan(largest_stable_step(euler, 3, arma::cx_vec{{-1, 0}, {0, 0}})));
  CHECK(std::isnan(largest_stable_step(euler, 3, arma::cx_vec{})));
}
