// What is particular to one solver. What all must do is in test_every_solver.cpp.

#include "support/solved.hpp"

#include <boost/numeric/odeint/util/is_resizeable.hpp>
#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace dynvert;
using namespace dynvert::testing;
using Catch::Matchers::Contains;

TEST_CASE("sequential Euler is stable where Euler is not, as the eigenvalues of the loop say") {
  // One unit each, tau = 1: M has eigenvalues -(1+alpha)/2 +- i w; Euler multiplies by 1 + dt lambda, sequential Euler
  // by the eigenvalues of [[1 - dt alpha, dt w], [dt b (1 - dt alpha), 1 - dt + dt^2 w b]].
  const double dt = 0.5;
  const double alpha = 0.01;
  for (const double w : {0.5, 1.2, 1.5, 3.0, 3.4, 3.8, 5.0}) {
    CAPTURE(w);
    const arma::mat W(1, 1, arma::fill::value(w));
    const arma::mat s(1, 1, arma::fill::ones);
    const auto stays_bounded = [&](std::string_view solver) {
      TestLoop loop = make_loop(W, -W, alpha, s);
      return solve(solver, loop.f, 2000, {.dt = dt}).run.diverged() == nullptr;
    };
    const auto radius = [](const arma::mat& map) { return arma::abs(arma::cx_vec(arma::eig_gen(map))).max(); };
    const arma::mat euler = arma::eye(2, 2) + dt * loop_matrix(W, -W, alpha);
    const arma::mat sequential{{1 - dt * alpha, dt * w}, {-dt * w * (1 - dt * alpha), 1 - dt - dt * dt * w * w}};
    CHECK(stays_bounded("euler") == (radius(euler) < 1));
    CHECK(stays_bounded("sequential_euler") == (radius(sequential) < 1));
  }
  TestLoop loop = make_loop(arma::mat(1, 1, arma::fill::value(2.0)), arma::mat(1, 1, arma::fill::value(-2.0)), alpha,
                            arma::mat(1, 1, arma::fill::ones));
  CHECK(solve("euler", loop.f, 2000).run.diverged() != nullptr);
  CHECK(solve("sequential_euler", loop.f, 2000).run.diverged() == nullptr);
}

// Traps of Boost.Odeint. Another, a derivative that is stale after a switch of the input, every solver is tested for.

TEST_CASE("trap: a state type that is not resizable leaves steppers with empty temporaries") {
  STATIC_REQUIRE(boost::numeric::odeint::is_resizeable<State>::value);
  // and a stepper that has seen one size serves another
  const auto solver = solver_kind("rk4").make({.dt = 0.1});
  for (const arma::uword columns : {1U, 4U, 2U}) {
    const LinearExample example(7, columns);
    TestLoop loop = example.loop();
    State x(loop.f.layout().size());
    solver->run(loop.f, x, {.start = 0, .duration = 1}, nullptr, 0);
    // rk4 at 0.1: error some dt^4
    CHECK(arma::approx_equal(loop.f.layout().gather(x, columns - 1), example.closed_form(1, columns - 1), "absdiff",
                             1e-5));
  }
}

TEST_CASE("trap: a controlled stepper takes a step whose error is NaN for a success") {
  Circuit c;
  const auto p = c.add(Population{.name = "x", .units = 1, .leak = 0});
  for (const std::string_view solver : {"dopri5", "rosenbrock4"}) {
    CAPTURE(solver);
    RightHandSide f(c, 1);
    // the input is not a number from t = 2 on
    f.set_drive(p, [](double t, std::span<const std::size_t>, MatrixView input) {
      input(0, 0) = t < 2 ? 1 : std::numeric_limits<double>::quiet_NaN();
    });
    const Solved r = solve(solver, f, 5);
    REQUIRE(r.run.columns[0].ending == Ending::diverged);
    CHECK(r.run.columns[0].time == Approx(2).margin(1e-6));
    CHECK(r.run.columns[0].time <= 2);
  }
}

TEST_CASE("trap: an adaptive integration has no step limit unless it is given one") {
  Circuit c;
  const auto p = c.add(Population{.name = "x", .units = 1});
  RightHandSide f(c, 1);
  f.set_drive(p, [](double t, std::span<const std::size_t>, MatrixView input) { input(0, 0) = std::sin(1000 * t); });
  for (const std::string_view solver : {"dopri5", "rosenbrock4"}) {
    CHECK_THROWS_WITH(solve(solver, f, 1e6, {.max_steps = 500}), Contains("max_steps = 500") && Contains("time"));
  }
  CHECK_THROWS_WITH(solve("euler", f, 1e6, {.max_steps = 500}), Contains("max_steps = 500"));
}

TEST_CASE("an unknown solver names those there are") {
  CHECK_THROWS_WITH(solver_kind("rk5"), Contains("rk4") && Contains("dopri5"));
}

TEST_CASE("fixed_point finds the steady state of a nonlinear loop by Newton") {
  const LinearExample example(8, 2);
  TestLoop loop = make_loop(example.W, example.B, 0.3, example.s * 0.3, 1.5, 0.7, "tanh");
  const Solved newton = solve("fixed_point", loop.f, 1);
  const Solved integrated = solve("dopri5", loop.f, 400, {.rtol = 1e-12, .atol = 1e-13});
  for (std::size_t c = 0; c < 2; ++c) {
    CHECK(arma::approx_equal(loop.f.layout().gather(newton.x, c), loop.f.layout().gather(integrated.x, c), "absdiff",
                             1e-10));
  }
  CHECK(newton.run.steps <= 15);
  // alpha = 0 and n_l > n_{l-1}: no unique steady state
  TestLoop expanding = make_loop(example.W.t(), example.B.t(), 0.0, arma::mat(6, 1, arma::fill::ones));
  CHECK_THROWS_WITH(solve("fixed_point", expanding.f, 1), Contains("singular") && Contains("alpha > 0"));
}
