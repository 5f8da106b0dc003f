// White noise against closed forms: moments and autocorrelation of the Ornstein-Uhlenbeck process, the strong and the
// weak order on one path of the noise, and that no number depends on company.

#include "support/solved.hpp"

#include <dynvert/models/error.hpp>
#include <dynvert/sim/solvers/batched_solver.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <numeric>
#include <vector>

using namespace dynvert;
using namespace dynvert::testing;
using Catch::Matchers::Contains;

namespace {

constexpr double tau = 2, leak = 0.5, sigma = 0.7;

/// tau dx = -leak x dt + sigma dW
RightHandSide ornstein_uhlenbeck(std::size_t units, std::size_t columns) {
  Circuit c;
  c.add(Population{.name = "x", .units = units, .tau = tau, .leak = leak, .noise = sigma});
  return {c, columns};
}

/// Three units of tanh in a ring, and a quiet population that follows them.
RightHandSide ring(std::size_t columns) {
  Circuit c;
  const auto x = c.add(Population{.name = "x", .units = 3, .rate = "tanh", .noise = 0.4});
  const auto y = c.add(Population{.name = "y", .units = 3, .tau = 3});
  c.add(Projection{.name = "W",
                   .source = x,
                   .target = x,
                   .weights = arma::mat{{0, 1.2, -0.3}, {-0.3, 0, 1.2}, {1.2, -0.3, 0}},
                   .transmits = Transmit::rate});
  c.add(Projection{.name = "V", .source = x, .target = y});
  return {c, columns};
}

void set_paths(RightHandSide& f, std::uint64_t seed, std::uint64_t first = 0) {
  std::vector<std::uint64_t> paths(f.layout().columns());
  std::iota(paths.begin(), paths.end(), first);
  f.set_noise(seed, paths);
}

Solved with_noise(RightHandSide& f, double duration, double dt, std::int64_t parts = 1, double interval = 0) {
  return solve(solver_kind("euler_maruyama"), f, {0, duration}, {.dt = dt, .parameters = {{"noise_parts", parts}}},
               interval);
}

}  // namespace

TEST_CASE("euler_maruyama: without noise it is Euler, bit for bit") {
  const LinearExample example;
  TestLoop a = example.loop(), b = example.loop();
  CHECK(solve(solver_kind("euler_maruyama"), a.f, {0, 10}, {.dt = 0.25}).x ==
        solve(solver_kind("euler"), b.f, {0, 10}, {.dt = 0.25}).x);
}

TEST_CASE("euler_maruyama: variance and autocorrelation of the Ornstein-Uhlenbeck process") {
  constexpr std::size_t units = 64, columns = 256;
  constexpr double n = units * columns, dt = 0.25, keep = 1 - dt * leak / tau;
  RightHandSide f = ornstein_uhlenbeck(units, columns);
  set_paths(f, 5);
  const Solved solved = with_noise(f, 60, dt, 1, dt);
  // the recursion x <- keep x + (sigma/tau) sqrt(dt) xi has this variance, which tends to sigma^2 / (2 tau leak)
  const double variance = sigma * sigma / (tau * tau) * dt / (1 - keep * keep);
  CHECK(variance == Approx(sigma * sigma / (2 * tau * leak)).epsilon(0.04));
  const auto at = [&](std::size_t k) {
    return to_matrix(f.layout().view(std::span<const double>(solved.trajectory.state(k)), 0));
  };
  // 15 time constants after the start its memory is below 1e-6; five standard errors of independent units and columns
  const arma::mat end = at(240);
  CHECK(std::abs(arma::accu(end)) / n < 5 * std::sqrt(variance / n));
  CHECK(arma::accu(end % end) / n == Approx(variance).epsilon(5 * std::sqrt(2 / n)));
  for (const std::size_t lag : {4U, 16U}) {
    const double expected = std::pow(keep, static_cast<double>(lag));
    CHECK(std::abs(arma::accu(end % at(240 - lag)) / n / variance - expected) < 5 * std::sqrt(2 / n));
  }
}

TEST_CASE("euler_maruyama: strong and weak order 1 on one path of the noise") {
  constexpr double finest = 1.0 / 256, duration = 4;
  constexpr std::size_t columns = 256;
  const auto end = [&](std::int64_t parts) {
    RightHandSide f = ring(columns);
    set_paths(f, 11);
    const Solved solved = with_noise(f, duration, finest * static_cast<double>(parts), parts);
    return to_matrix(f.layout().view(std::span<const double>(solved.x), 0));
  };
  const arma::mat exact = end(1);
  const auto strong = [&](const arma::mat& x) { return arma::norm(arma::vectorise(x - exact)); };
  const auto weak = [&](const arma::mat& x) { return std::abs(arma::accu(x % x) - arma::accu(exact % exact)); };
  const arma::mat coarse = end(32), middle = end(16);
  // against a reference of step h the ratio for 32 h and 16 h is 31/15 where the order is 1; order 1/2 would give 1.6
  CHECK(strong(coarse) / strong(middle) == Approx(31.0 / 15).epsilon(0.1));
  CHECK(weak(coarse) / weak(middle) == Approx(31.0 / 15).epsilon(0.2));
}

TEST_CASE("euler_maruyama: a trial's numbers depend on its path alone") {
  constexpr std::size_t columns = 70;
  RightHandSide f = ring(columns);
  set_paths(f, 3, 100);
  const Solved together = with_noise(f, 20, 0.5);

  SECTION("not on the trials beside it") {
    RightHandSide single = ring(1);
    for (const std::size_t c : {0U, 41U, 69U}) {
      set_paths(single, 3, 100 + c);
      const Solved alone = with_noise(single, 20, 0.5);
      CHECK(arma::approx_equal(alone.end(single), together.end(f, c), "absdiff", 0));
    }
  }
  SECTION("not on groups of columns and threads") {
    const SolverKind& kind = solver_kind("euler_maruyama");
    for (const std::size_t threads : {1U, 3U}) {
      RightHandSide again = ring(columns);
      set_paths(again, 3, 100);
      State x(again.layout().size(), 0.0);
      make_reference_solver(kind, {.dt = 0.5, .threads = threads})->run(again, x, {0, 20}, nullptr, 0);
      CHECK(x == together.x);
    }
  }
  SECTION("not on recording, nor on where a segment ends") {
    RightHandSide again = ring(columns);
    set_paths(again, 3, 100);
    CHECK(with_noise(again, 20, 0.5, 1, 1.0).x == together.x);
    State x(again.layout().size(), 0.0);
    const auto solver = solver_kind("euler_maruyama").make({.dt = 0.5});
    solver->run(again, x, {0, 7.5}, nullptr, 0);
    solver->run(again, x, {7.5, 12.5}, nullptr, 0);
    CHECK(x == together.x);
  }
  SECTION("but on the seed and the path") {
    RightHandSide again = ring(columns);
    set_paths(again, 4, 100);
    CHECK(with_noise(again, 20, 0.5).x != together.x);
    set_paths(again, 3, 101);
    CHECK(with_noise(again, 20, 0.5).x != together.x);
  }
}

TEST_CASE("noise: all solvers but euler_maruyama refuse it") {
  for (const SolverKind& kind : solver_kinds()) {
    INFO(kind.name);
    RightHandSide f = ornstein_uhlenbeck(2, 1);
    set_paths(f, 1);
    if (kind.takes_noise) {
      CHECK_NOTHROW(solve(kind, f, {0, 1}, {.dt = 0.5}));
    } else {
      CHECK_THROWS_WITH(solve(kind, f, {0, 1}, {.dt = 0.5}), Contains("\"x\"") && Contains("euler_maruyama"));
    }
  }
}

TEST_CASE("noise: a circuit says what it cannot be") {
  Circuit c;
  CHECK_THROWS_WITH(c.add(Population{.name = "x", .units = 1, .noise = -1}), Contains("noise = -1"));
  CHECK_THROWS_WITH(c.add(Population{.name = "x", .units = 1, .noise = 1, .clamped = true}), Contains("has noise"));
  RightHandSide f = ornstein_uhlenbeck(2, 3);
  CHECK_THROWS_WITH(f.set_noise(1, std::vector<std::uint64_t>{1, 2}),
                    Contains("2 paths") && Contains("3, one a column"));
  CHECK_THROWS_WITH(with_noise(f, 1, 0.5), Contains("noise without a path"));
}
