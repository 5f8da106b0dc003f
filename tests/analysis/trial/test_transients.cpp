#include "support/loops.hpp"

#include <dynvert/analysis/amplification.hpp>
#include <dynvert/analysis/decay.hpp>
#include <dynvert/analysis/matrix_exponential.hpp>
#include <dynvert/analysis/measures.hpp>
#include <dynvert/analysis/spectrum.hpp>
#include <dynvert/analysis/steady_state.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <functional>
#include <limits>

using namespace dynvert;
using namespace dynvert::testing;

namespace {

constexpr std::size_t one_population[] = {0};

/// One population, samples 0.1 apart.
Trajectory sampled(std::size_t units, std::size_t samples, const std::function<arma::vec(double)>& x) {
  const Layout layout({units}, 1);
  Trajectory trajectory;
  trajectory.start(layout, 0, 0.1);
  for (std::size_t k = 0; k < samples; ++k) {
    State state(layout.size());
    layout.scatter(x(trajectory.time(k)), 0, state);
    trajectory.append(state);
  }
  return trajectory;
}

State state_of(const arma::vec& x) {
  const Layout layout({x.n_elem}, 1);
  State state(layout.size());
  layout.scatter(x, 0, state);
  return state;
}

}  // namespace

TEST_CASE("relative distance") {
  CHECK(relative_distance(arma::vec{3, 4}, arma::vec{3, 4}) == 0);
  CHECK(relative_distance(arma::vec{0, 0}, arma::vec{3, 4}) == 1);
  CHECK(relative_distance(arma::vec{3, 4}, arma::vec{0, 4}) == Approx(0.75));
  CHECK(std::isnan(relative_distance(arma::vec{1, 1}, arma::vec{0, 0})));
}

TEST_CASE("overshoot and amplification of a second-order system: exp(-pi zeta / sqrt(1 - zeta^2))") {
  for (const double zeta : {0.1, 0.4, 0.7}) {
    const double w = std::sqrt(1 - zeta * zeta);
    const auto step_response = [&](double t) {
      return arma::vec{1 - std::exp(-zeta * t) * (std::cos(w * t) + zeta / w * std::sin(w * t))};
    };
    const Trajectory trajectory = sampled(1, 1000, step_response);
    // samples 0.1 apart miss the top, where the curvature is at most 1, by at most 0.05^2/2
    const double expected = std::exp(-arma::datum::pi * zeta / w);
    CHECK(overshoot(trajectory, 0, 0, state_of({1.0})) == Approx(expected).margin(0.00125));
    CHECK(transient_amplification(trajectory, one_population, 0, state_of({1.0})) ==
          Approx(1 + expected).margin(0.00125));
    // a phase that begins later has another maximum
    CHECK(overshoot(trajectory, 0, 0, state_of({1.0}), 80, 99) < expected);
  }
}

TEST_CASE("a transient away from the steady state's direction amplifies and does not overshoot") {
  const auto detour = [](double t) { return arma::vec{1 - std::exp(-t), 5 * t * std::exp(-t)}; };
  const Trajectory trajectory = sampled(2, 400, detour);
  CHECK(overshoot(trajectory, 0, 0, state_of({1, 0})) == 0);
  CHECK(transient_amplification(trajectory, one_population, 0, state_of({1, 0})) ==
        Approx(std::hypot(1 - std::exp(-1), 5 / std::exp(1))).epsilon(0.02));
  CHECK(std::isnan(overshoot(trajectory, 0, 0, state_of({0, 0}))));
  CHECK(std::isnan(transient_amplification(trajectory, one_population, 0, state_of({0, 0}))));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Trajectory ended = sampled(1, 50, [&](double t) { return arma::vec{t < 2 ? 2.0 : nan}; });
  CHECK(overshoot(ended, 0, 0, state_of({1.0})) == Approx(1));
  CHECK(std::isnan(overshoot(sampled(1, 5, [&](double) { return arma::vec{nan}; }), 0, 0, state_of({1.0}))));
}

TEST_CASE("the fit finds the rate of an exponential, of an oscillation, above the floor only") {
  const auto exact = fit_decay(sampled(1, 200, [](double t) { return arma::vec{1 - std::exp(-0.3 * t)}; }),
                               one_population, 0, state_of({1.0}));
  REQUIRE(exact);
  CHECK(exact->rate == Approx(-0.3).epsilon(1e-9));
  CHECK(exact->deviation < 1e-9);
  CHECK(exact->samples == 100);
  CHECK(exact->from == Approx(10));
  CHECK(exact->to == Approx(19.9));
  // a fast mode beside it is gone in the later half
  const auto mixed = fit_decay(sampled(2, 400,
                                       [](double t) {
                                         return arma::vec{std::exp(-0.2 * t), 10 * std::exp(-3 * t)};
                                       }),
                               one_population, 0, state_of({0.0, 0.0}), 0);
  CHECK(mixed->rate == Approx(-0.2).epsilon(1e-9));
  // one population that oscillates: ln|cos| averages out over the 19 periods of the later half
  const auto oscillation =
      fit_decay(sampled(1, 1200, [](double t) { return arma::vec{1 + std::exp(-0.1 * t) * std::cos(2 * t + 0.1)}; }),
                one_population, 0, state_of({1.0}), 1e-12);
  CHECK(oscillation->rate == Approx(-0.1).epsilon(0.02));
  // noise of 1e-9 after 1e-6 has been reached
  const auto noisy =
      fit_decay(sampled(1, 1000, [](double t) { return arma::vec{1 + std::exp(-t) + 1e-9 * std::sin(37 * t)}; }),
                one_population, 0, state_of({1.0}));
  CHECK(noisy->rate == Approx(-1).epsilon(1e-3));
  CHECK(noisy->to < 14);
  CHECK_FALSE(fit_decay(sampled(1, 10, [](double t) { return arma::vec{std::exp(-t)}; }), one_population, 0,
                        state_of({0.0}), 0));
}

TEST_CASE("the fitted decay of a loop is the rate that its spectrum predicts") {
  arma::arma_rng::set_seed(5);
  // weak feedback: the slowest mode is real and alone at the end
  const arma::mat W = 0.1 * arma::mat(4, 6, arma::fill::randn);
  TestLoop loop = make_loop(W, -W.t(), 0.05, arma::mat(4, 1, arma::fill::randn));
  const arma::mat M = loop_matrix(W, -W.t(), 0.05);
  const State steady = steady_state(loop.f, State(loop.f.layout().size())).x;
  const arma::vec x_inf = loop.f.layout().gather(steady, 0);
  Trajectory trajectory;
  trajectory.start(loop.f.layout(), 0, 0.1);
  // exact samples: x(t) = x_inf - exp(Mt) x_inf from zero state
  const arma::mat propagator = matrix_exponential(M * 0.1);
  arma::vec rest = -x_inf;
  for (int k = 0; k < 3000; ++k) {
    State x(loop.f.layout().size());
    loop.f.layout().scatter(x_inf + rest, 0, x);
    trajectory.append(x);
    rest = propagator * rest;
  }
  const std::size_t both[] = {loop.u, loop.delta};
  const auto fit = fit_decay(trajectory, both, 0, steady);
  REQUIRE(fit);
  CHECK(fit->rate == Approx(spectral_abscissa(M)).epsilon(0.02));
}
