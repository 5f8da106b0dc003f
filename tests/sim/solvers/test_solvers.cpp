#include "support/loops.hpp"

#include <dynvert/analysis/spectrum.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/sim/solvers/solver.hpp>
#include <dynvert/sim/solvers/solver_support.hpp>

#include <boost/numeric/odeint/util/is_resizeable.hpp>
#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace dynvert;
using namespace dynvert::testing;
using Catch::Matchers::Contains;

namespace {

struct Example {
  arma::mat W, B, s;
  double alpha = 0.1, tau_u = 1.5, tau_delta = 0.7;

  explicit Example(unsigned seed = 1, arma::uword columns = 1) {
    arma::arma_rng::set_seed(seed);
    W = arma::mat(4, 6, arma::fill::randn) * 0.3;
    B = -W.t() + arma::mat(6, 4, arma::fill::randn) * 0.05;
    s = arma::mat(4, columns, arma::fill::randn);
  }
  [[nodiscard]] TestLoop loop() const { return make_loop(W, B, alpha, s, tau_u, tau_delta); }

  /// Closed form from zero: x(t) = M^-1 (exp(M t) - I) c, the exponential by eigenvectors: a path of its own.
  [[nodiscard]] arma::vec closed_form(double t, arma::uword column = 0) const {
    const arma::mat M = loop_matrix(W, B, alpha, tau_u, tau_delta);
    arma::cx_vec lambda;
    arma::cx_mat V;
    arma::eig_gen(lambda, V, M);
    const arma::mat E = arma::real(V * arma::diagmat(arma::exp(lambda * t)) * arma::inv(V));
    const arma::vec c = arma::join_cols(arma::vec(-s.col(column) / tau_u), arma::vec(6));
    return arma::solve(M, (E - arma::eye(10, 10)) * c);
  }
};

struct Result {
  SolverRun run;
  State x;
  Trajectory trajectory;
};

Result solve(std::string_view solver, RightHandSide& f, double duration, SolverSettings settings = {},
             double interval = 0) {
  Result r;
  r.x.assign(f.layout().size(), 0.0);
  r.run = solver_kind(solver).make(settings)->run(f, r.x, {.start = 0, .duration = duration},
                                                  interval > 0 ? &r.trajectory : nullptr, interval);
  return r;
}

double error_of(std::string_view solver, const Example& example, double dt, double duration) {
  TestLoop loop = example.loop();
  const Result r = solve(solver, loop.f, duration, {.dt = dt});
  return arma::norm(loop.f.layout().gather(r.x, 0) - example.closed_form(duration));
}

}  // namespace

TEST_CASE("each fixed-step solver converges with its order") {
  const Example example;
  struct Case {
    std::string_view solver;
    double order;
  };
  for (const auto& [solver, order] : {Case{"euler", 1}, Case{"sequential_euler", 1}, Case{"rk4", 4}}) {
    CAPTURE(solver);
    for (const double dt : {0.05, 0.025}) {
      const double measured = std::log2(error_of(solver, example, dt, 4) / error_of(solver, example, dt / 2, 4));
      // the next term of the error expansion is smaller by about dt: some per cent here
      CHECK(measured == Approx(order).margin(0.1));
    }
  }
}

TEST_CASE("the adaptive solvers meet their tolerance, and follow it down") {
  const Example example;
  for (const std::string_view solver : {"dopri5", "rosenbrock4"}) {
    for (const double rtol : {1e-4, 1e-7, 1e-10}) {
      CAPTURE(solver, rtol);
      TestLoop loop = example.loop();
      const Result r = solve(solver, loop.f, 20, {.rtol = rtol, .atol = rtol});
      // the controller bounds the error of a step; the loop is stable, so errors do not pile up beyond some steps'
      // worth
      CHECK(arma::norm(loop.f.layout().gather(r.x, 0) - example.closed_form(20)) < 20 * rtol);
      CHECK(r.run.steps > 5);
      CHECK(r.run.evaluations >= r.run.steps);
    }
  }
}

TEST_CASE("exact is the closed form; exact, fixed_point and the long-time limit of the others agree") {
  const Example example(2, 3);
  TestLoop loop = example.loop();
  for (const double t : {0.3, 4.0, 40.0}) {
    const Result r = solve("exact", loop.f, t);
    for (arma::uword c = 0; c < 3; ++c) {
      CHECK(arma::approx_equal(loop.f.layout().gather(r.x, c), example.closed_form(t, c), "absdiff", 1e-12));
    }
  }
  // slowest mode: exp(-0.1/1.5 * 600) = 1e-17
  const Result steady = solve("fixed_point", loop.f, 600);
  for (const std::string_view solver : {"exact", "euler", "sequential_euler", "rk4", "dopri5", "rosenbrock4"}) {
    CAPTURE(solver);
    const Result r = solve(solver, loop.f, 600, {.dt = 0.1, .rtol = 1e-12, .atol = 1e-13});
    for (arma::uword c = 0; c < 3; ++c) {
      CHECK(arma::approx_equal(loop.f.layout().gather(r.x, c), loop.f.layout().gather(steady.x, c), "absdiff", 1e-10));
    }
  }
}

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

TEST_CASE("recording does not change the solution, whatever the interval") {
  const Example example(3, 2);
  for (const SolverKind& kind : solver_kinds()) {
    if (!kind.has_trajectory) continue;
    CAPTURE(kind.name);
    TestLoop loop = example.loop();
    const Result plain = solve(kind.name, loop.f, 30);
    for (const double interval : {0.5, 2.5, 30.0}) {
      const Result recorded = solve(kind.name, loop.f, 30, {}, interval);
      CHECK(plain.x == recorded.x);
      CHECK(plain.run.evaluations == recorded.run.evaluations);
      REQUIRE(recorded.trajectory.samples() == static_cast<std::size_t>(30 / interval) + 1);
      const auto last = recorded.trajectory.state(recorded.trajectory.samples() - 1);
      for (std::size_t c = 0; c < 2; ++c) {
        CHECK(
            arma::approx_equal(loop.f.layout().gather(last, c), loop.f.layout().gather(plain.x, c), "absdiff", 1e-12));
      }
    }
  }
}

TEST_CASE("samples of the adaptive and exact solvers lie on the closed form") {
  const Example example(4, 2);
  for (const std::string_view solver : {"exact", "dopri5", "rosenbrock4"}) {
    CAPTURE(solver);
    TestLoop loop = example.loop();
    const Result r = solve(solver, loop.f, 12, {.rtol = 1e-9, .atol = 1e-9}, 0.3);
    for (std::size_t k = 0; k < r.trajectory.samples(); ++k) {
      CHECK(r.trajectory.time(k) == static_cast<double>(k) * 0.3);
      for (arma::uword c = 0; c < 2; ++c) {
        // dense output is of order 4 (3 for rosenbrock4) between steps: coarser than the steps themselves
        CHECK(arma::approx_equal(r.trajectory.layout().gather(r.trajectory.state(k), c),
                                 example.closed_form(r.trajectory.time(k), c), "absdiff", 1e-6));
      }
    }
  }
}

TEST_CASE("a column that settles ends early, keeps its state, and does not disturb the others") {
  Example example(5, 3);
  example.alpha = 1;
  example.s.col(1).zeros();
  const double tolerance = 1e-6;
  for (const SolverKind& kind : solver_kinds()) {
    if (!kind.has_trajectory || kind.name == "exact") continue;
    CAPTURE(kind.name);
    TestLoop loop = example.loop();
    const SolverSettings settings{.dt = 0.1, .settle_tolerance = tolerance};
    const Result r = solve(kind.name, loop.f, 500, settings, 0.1);
    CHECK(r.run.columns[1].ending == Ending::settled);
    CHECK(r.run.columns[1].time <= 0.1);  // zero error: settled from the first step
    for (arma::uword c : {0U, 2U}) {
      CHECK(r.run.columns[c].ending == Ending::settled);
      CHECK(r.run.columns[c].time < 200);
      // alone, the column ends at the same time; one column sums in two chains, hence rounding
      Example single = example;
      single.s = example.s.col(c);
      TestLoop own = single.loop();
      const Result alone = solve(kind.name, own.f, 500, settings);
      CHECK(alone.run.columns[0].time == r.run.columns[c].time);
      CHECK(arma::approx_equal(own.f.layout().gather(alone.x, 0), loop.f.layout().gather(r.x, c), "absdiff", 1e-12));
      // |tau dx/dt| = |tau M (x - x_inf)|: the distance left is the tolerance times |M^-1|, of order 1 here
      CHECK(arma::norm(loop.f.layout().gather(r.x, c) -
                       arma::vec(-arma::solve(loop_matrix(example.W, example.B, 1, 1.5, 0.7),
                                              arma::join_cols(arma::vec(-example.s.col(c) / 1.5), arma::vec(6))))) <
            50 * tolerance);
      const auto ended = static_cast<std::size_t>(std::ceil(r.run.columns[c].time / 0.1)) + 1;
      CHECK(std::isnan(r.trajectory.layout().gather(r.trajectory.state(ended), c)[0]));
    }
    REQUIRE(r.trajectory.samples() == 5001);
  }
}

TEST_CASE("divergence ends a column at the step at which it happens, with and without recording") {
  arma::arma_rng::set_seed(6);
  const arma::mat W(3, 3, arma::fill::eye);
  const arma::mat s = arma::mat{{1, 0, 1}, {1, 0, 1}, {1, 0, 1}};
  for (const SolverKind& kind : solver_kinds()) {
    if (!kind.has_trajectory) continue;
    CAPTURE(kind.name);
    TestLoop loop = make_loop(W, 2 * W, 0.0, s);  // positive feedback
    const SolverSettings settings{.dt = 0.5, .divergence_limit = 1e4};
    const Result plain = solve(kind.name, loop.f, 100, settings);
    REQUIRE(plain.run.columns[0].ending == Ending::diverged);
    CHECK(plain.run.columns[1].ending == Ending::finished);
    CHECK(plain.run.columns[2].ending == Ending::diverged);
    const Result recorded = solve(kind.name, loop.f, 100, settings, 0.5);
    REQUIRE(recorded.run.columns[0].ending == Ending::diverged);
    CHECK(recorded.trajectory.samples() == 201);
    CHECK(recorded.run.columns[0].population < 2);
    if (kind.name == "exact") continue;  // looks at its samples only
    CHECK(plain.run.columns[0].time == recorded.run.columns[0].time);
    CHECK(plain.x == recorded.x);
    if (!kind.fixed_step) continue;
    // the first sample beyond the limit is the one at the time that is reported
    const auto k = static_cast<std::size_t>(std::lround(plain.run.columns[0].time / 0.5));
    CHECK(arma::abs(recorded.trajectory.layout().gather(recorded.trajectory.state(k), 0)).max() > 1e4);
    CHECK(arma::abs(recorded.trajectory.layout().gather(recorded.trajectory.state(k - 1), 0)).max() <= 1e4);
    CHECK(std::isnan(recorded.trajectory.layout().gather(recorded.trajectory.state(k + 1), 0)[0]));
  }
}

// The four traps of Boost.Odeint.

TEST_CASE("trap: a state type that is not resizable leaves steppers with empty temporaries") {
  STATIC_REQUIRE(boost::numeric::odeint::is_resizeable<State>::value);
  // and a stepper that has seen one size serves another
  const auto solver = solver_kind("rk4").make({.dt = 0.1});
  for (const arma::uword columns : {1U, 4U, 2U}) {
    const Example example(7, columns);
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
    const Result r = solve(solver, f, 5);
    REQUIRE(r.run.columns[0].ending == Ending::diverged);
    CHECK(r.run.columns[0].time == Approx(2).margin(1e-6));
    CHECK(r.run.columns[0].time <= 2);
  }
}

TEST_CASE("trap: a stepper must not carry a stale derivative over a switch of the input") {
  Circuit c;
  const auto p = c.add(Population{.name = "x", .units = 1});
  for (const SolverKind& kind : solver_kinds()) {
    if (!kind.has_trajectory) continue;
    CAPTURE(kind.name);
    RightHandSide f(c, 1);
    const auto solver = kind.make({.dt = 1e-3, .rtol = 1e-10, .atol = 1e-12});
    State x(f.layout().size());
    double expected = 0;
    double start = 0;
    for (const double level : {1.0, -50.0, 3.0}) {
      f.input(p)(0, 0) = level;
      solver->run(f, x, {.start = start, .duration = 0.25}, nullptr, 0);
      start += 0.25;
      expected = level + (expected - level) * std::exp(-0.25);
      // first order at dt = 1e-3 has an error of 0.25/2 * 1e-3 * |x''| = 1.3e-4 * 50; a stale derivative costs dt * 50
      // = 0.05
      CHECK(x[0] == Approx(expected).margin(kind.fixed_step && kind.name != "rk4" ? 0.01 : 1e-8));
    }
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

TEST_CASE("solvers refuse what they cannot do") {
  const Example example;
  TestLoop tanh = make_loop(example.W, example.B, 0.1, example.s, 1, 1, "tanh");
  CHECK_THROWS_WITH(solve("exact", tanh.f, 1), Contains("not linear"));
  TestLoop loop = example.loop();
  CHECK_THROWS_WITH(solve("rk4", loop.f, 1.3), Contains("no whole multiple") && Contains("1 or 1.5"));
  CHECK_THROWS_WITH(solve("rk5", loop.f, 1), Contains("rk4") && Contains("dopri5"));
  CHECK_THROWS_WITH(solve("fixed_point", loop.f, 1, {}, 0.5), Contains("trajectory"));
}

TEST_CASE("fixed_point finds the steady state of a nonlinear loop by Newton") {
  const Example example(8, 2);
  TestLoop loop = make_loop(example.W, example.B, 0.3, example.s * 0.3, 1.5, 0.7, "tanh");
  const Result newton = solve("fixed_point", loop.f, 1);
  const Result integrated = solve("dopri5", loop.f, 400, {.rtol = 1e-12, .atol = 1e-13});
  for (std::size_t c = 0; c < 2; ++c) {
    CHECK(arma::approx_equal(loop.f.layout().gather(newton.x, c), loop.f.layout().gather(integrated.x, c), "absdiff",
                             1e-10));
  }
  CHECK(newton.run.steps <= 15);
  // alpha = 0 and n_l > n_{l-1}: no unique steady state
  TestLoop expanding = make_loop(example.W.t(), example.B.t(), 0.0, arma::mat(6, 1, arma::fill::ones));
  CHECK_THROWS_WITH(solve("fixed_point", expanding.f, 1), Contains("singular") && Contains("alpha > 0"));
}
