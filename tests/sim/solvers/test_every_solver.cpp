// What every solver must do, of all that are registered: no solver is named here.

#include "support/solved.hpp"

#include <dynvert/models/error.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <string>

using namespace dynvert;
using namespace dynvert::testing;
using Catch::Matchers::Contains;

namespace {

template <typename Test>
void for_each_solver(const std::function<bool(const SolverKind&)>& which, const Test& test) {
  std::size_t tested = 0;
  for (const SolverKind& kind : solver_kinds()) {
    if (!which(kind)) continue;
    INFO(kind.name);
    test(kind);
    ++tested;
  }
  CHECK(tested > 0);
}

bool any(const SolverKind&) { return true; }
bool fixed_step(const SolverKind& kind) { return kind.fixed_step; }
bool adaptive(const SolverKind& kind) { return kind.adaptive; }
bool stepping(const SolverKind& kind) { return kind.fixed_step || kind.adaptive; }
bool has_trajectory(const SolverKind& kind) { return kind.has_trajectory; }

double distance(const arma::vec& a, const arma::vec& b) { return arma::abs(a - b).max(); }

}  // namespace

TEST_CASE("every solver: has a name and a summary, and either steps of an order or none") {
  std::set<std::string_view> names;
  for_each_solver(any, [&](const SolverKind& kind) {
    CHECK(names.insert(kind.name).second);
    CHECK(!kind.summary.empty());
    CHECK(&solver_kind(kind.name) == &kind);
    CHECK(!(kind.fixed_step && kind.adaptive));
    CHECK((kind.order > 0) == stepping(kind));
    CHECK((kind.scheme != nullptr) == kind.fixed_step);
    // reduced-order forms ask for these of fixed steps; a limit follows from the modes wherever from the spectrum
    CHECK(static_cast<bool>(kind.largest_stable_step) == kind.fixed_step);
    if (kind.largest_stable_step_of_spectrum) CHECK(static_cast<bool>(kind.largest_stable_step));
  });
}

TEST_CASE("every solver with fixed steps: converges with its order, with constant and with moving input") {
  const LinearExample example;
  for_each_solver(fixed_step, [&](const SolverKind& kind) {
    const auto constant = [&](double dt) {
      TestLoop loop = example.loop();
      return arma::norm(solve(kind, loop.f, {0, 4}, {.dt = dt}).end(loop.f) - example.closed_form(4));
    };
    const auto moving = [&](double dt) {
      DrivenExample driven;
      return std::abs(solve(kind, driven.f, {0, 4}, {.dt = dt}).x[0] - DrivenExample::closed_form(4));
    };
    for (const double dt : {0.05, 0.025}) {
      // the next term of the error expansion is smaller by about dt: some per cent here
      const auto order = Approx(kind.order).margin(0.1);
      CHECK(std::log2(constant(dt) / constant(dt / 2)) == order);
      CHECK(std::log2(moving(dt) / moving(dt / 2)) == order);
    }
  });
}

TEST_CASE("every adaptive solver: meets its tolerance, and follows it down") {
  const LinearExample example;
  for_each_solver(adaptive, [&](const SolverKind& kind) {
    std::size_t steps = 5;
    for (const double rtol : {1e-4, 1e-7, 1e-10}) {
      INFO(rtol);
      TestLoop loop = example.loop();
      const SolverSettings settings{.rtol = rtol, .atol = rtol};
      const Solved r = solve(kind, loop.f, {0, 20}, settings);
      // the controller bounds the error of a step; the loop is stable, so errors do not pile up beyond some steps'
      // worth
      CHECK(arma::norm(r.end(loop.f) - example.closed_form(20)) < 20 * rtol);
      CHECK(r.run.steps > steps);
      CHECK(r.run.evaluations >= r.run.steps);
      steps = r.run.steps;
      DrivenExample driven;
      CHECK(std::abs(solve(kind, driven.f, {0, 20}, settings).x[0] - DrivenExample::closed_form(20)) < 20 * rtol);
    }
  });
}

TEST_CASE("every solver without steps: is the closed form, or the steady state") {
  const LinearExample example(2, 3);
  for_each_solver([](const SolverKind& kind) { return !stepping(kind); },
                  [&](const SolverKind& kind) {
                    TestLoop loop = example.loop();
                    for (const double t : {0.3, 4.0, 40.0}) {
                      const Solved r = solve(kind, loop.f, {0, t});
                      for (arma::uword c = 0; c < 3; ++c) {
                        const arma::vec expected =
                            kind.has_trajectory ? example.closed_form(t, c) : example.steady_state(c);
                        // both ways round some ten sums of ten numbers of order one
                        CHECK(distance(r.end(loop.f, c), expected) < 1e-12);
                      }
                    }
                  });
}

TEST_CASE("every solver: goes to the steady state") {
  const LinearExample example(2, 3);
  for_each_solver(any, [&](const SolverKind& kind) {
    TestLoop loop = example.loop();
    // slowest mode: exp(-0.1/1.5 * 600) = 1e-17
    const Solved r = solve(kind, loop.f, {0, 600}, {.dt = 0.1, .rtol = 1e-12, .atol = 1e-13});
    for (arma::uword c = 0; c < 3; ++c) CHECK(distance(r.end(loop.f, c), example.steady_state(c)) < 1e-10);
  });
}

TEST_CASE("every solver: the same run again has the same bits, of the same solver and of another") {
  const LinearExample example(3, 2);
  for_each_solver(any, [&](const SolverKind& kind) {
    TestLoop loop = example.loop();
    const auto solver = kind.make({});
    const auto run = [&](Solver& with) {
      State x(loop.f.layout().size());
      const SolverRun r = with.run(loop.f, x, {.start = 0, .duration = 30}, nullptr, 0);
      return std::pair(x, r.evaluations);
    };
    const auto first = run(*solver);
    CHECK(run(*solver) == first);
    CHECK(run(*kind.make({})) == first);
    // and after a run of another size in between
    TestLoop other = LinearExample(4, 5).loop();
    State x(other.f.layout().size());
    solver->run(other.f, x, {.start = 0, .duration = 1}, nullptr, 0);
    CHECK(run(*solver) == first);
  });
}

TEST_CASE("every solver: recording does not change the solution, whatever the interval") {
  const LinearExample example(3, 2);
  for_each_solver(has_trajectory, [&](const SolverKind& kind) {
    TestLoop loop = example.loop();
    const Solved reference = solve(kind, loop.f, {0, 30});
    for (const double interval : {0.5, 2.5, 30.0}) {
      const Solved recorded = solve(kind, loop.f, {0, 30}, {}, interval);
      CHECK(reference.x == recorded.x);
      CHECK(reference.run.evaluations == recorded.run.evaluations);
      REQUIRE(recorded.trajectory.samples() == static_cast<std::size_t>(30 / interval) + 1);
      const auto last = recorded.trajectory.state(recorded.trajectory.samples() - 1);
      for (std::size_t c = 0; c < 2; ++c) {
        CHECK(distance(loop.f.layout().gather(last, c), reference.end(loop.f, c)) < 1e-12);
      }
    }
  });
}

TEST_CASE("every solver whose samples lie between its steps: they lie on the closed form") {
  const LinearExample example(4, 2);
  const auto interpolates = [](const SolverKind& kind) { return kind.has_trajectory && !kind.fixed_step; };
  for_each_solver(interpolates, [&](const SolverKind& kind) {
    TestLoop loop = example.loop();
    const Solved r = solve(kind, loop.f, {0, 12}, {.rtol = 1e-9, .atol = 1e-9}, 0.3);
    for (std::size_t k = 0; k < r.trajectory.samples(); ++k) {
      CHECK(r.trajectory.time(k) == static_cast<double>(k) * 0.3);
      for (arma::uword c = 0; c < 2; ++c) {
        // dense output is of order 4 (3 for rosenbrock4) between steps: coarser than the steps themselves
        CHECK(distance(r.trajectory.layout().gather(r.trajectory.state(k), c),
                       example.closed_form(r.trajectory.time(k), c)) < 1e-6);
      }
    }
  });
}

TEST_CASE("every solver: a column is the same alone as among others") {
  const LinearExample example(6, 4);
  for_each_solver(any, [&](const SolverKind& kind) {
    TestLoop loop = example.loop();
    const Solved all = solve(kind, loop.f, {0, 30});
    for (std::size_t c = 0; c < 4; ++c) {
      RightHandSide single = loop.f;
      single.take_column(loop.f, c);
      const arma::vec alone = solve(kind, single, {0, 30}).end(single);
      // Steps that a column takes by itself have its bits. With fixed steps the last bits may depend on the company
      // (models/circuit/product.hpp): 60 steps of sums of ten numbers of order one in a stable loop.
      CHECK(distance(alone, all.end(loop.f, c)) <= (kind.adaptive ? 0 : 1e-13));
    }
  });
}

TEST_CASE("every solver: a segment ends exactly where it should, and asks for inputs within it") {
  for_each_solver(any, [&](const SolverKind& kind) {
    constexpr Segment segment{.start = 0.7, .duration = 1.3};
    TestLoop loop = LinearExample().loop();
    const Solved r = solve(kind, loop.f, segment, {.dt = 0.1});
    CHECK(r.run.columns[0].time == (kind.has_trajectory ? segment.start + segment.duration : segment.start));
    if (!stepping(kind)) return;
    DrivenExample driven;
    double first = 1e9, last = -1e9;
    driven.f.set_drive(0, [&](double t, std::span<const std::size_t>, MatrixView input) {
      first = std::min(first, t);
      last = std::max(last, t);
      input(0, 0) = std::sin(t);
    });
    State x(driven.f.layout().size());
    x[0] = DrivenExample::closed_form(segment.start);
    kind.make({.dt = 0.001, .rtol = 1e-9, .atol = 1e-9})->run(driven.f, x, segment, nullptr, 0);
    CHECK(first == segment.start);
    CHECK(last <= (segment.start + segment.duration) * (1 + 1e-15));
    // at order 1 the error is about dt/2 max |x''| times the duration
    CHECK(x[0] == Approx(DrivenExample::closed_form(2.0)).margin(kind.fixed_step ? 1e-3 : 1e-8));
  });
}

TEST_CASE("every solver with fixed steps: two segments are one, bit for bit") {
  for_each_solver(fixed_step, [&](const SolverKind& kind) {
    TestLoop loop = LinearExample(7, 2).loop();
    const SolverSettings settings{.dt = 0.25};
    const Solved whole = solve(kind, loop.f, {0, 10}, settings);
    Solved parts = solve(kind, loop.f, {0, 4}, settings);
    kind.make(settings)->run(loop.f, parts.x, {.start = 4, .duration = 6}, nullptr, 0);
    CHECK(parts.x == whole.x);
  });
}

TEST_CASE("every solver with steps: takes max_steps and not one more") {
  for_each_solver(stepping, [&](const SolverKind& kind) {
    DrivenExample driven;
    const SolverSettings settings{.dt = 0.1};
    const Solved r = solve(kind, driven.f, {0, 5}, settings);
    SolverSettings enough = settings, too_few = settings;
    enough.max_steps = r.run.steps;
    too_few.max_steps = r.run.steps - 1;
    CHECK(solve(kind, driven.f, {0, 5}, enough).x == r.x);
    CHECK_THROWS_WITH(solve(kind, driven.f, {0, 5}, too_few),
                      Contains("max_steps = " + std::to_string(too_few.max_steps)));
    CHECK_THROWS_AS(solve(kind, driven.f, {0, 5}, too_few), NumericalError);
  });
}

TEST_CASE("every solver that settles: a column ends early, keeps its state, and does not disturb the others") {
  LinearExample example(5, 3);
  example.alpha = 1;
  example.s.col(1).zeros();
  const double tolerance = 1e-6;
  for_each_solver([](const SolverKind& kind) { return kind.can_settle; },
                  [&](const SolverKind& kind) {
                    TestLoop loop = example.loop();
                    const SolverSettings settings{.dt = 0.1, .settle_tolerance = tolerance};
                    const Solved r = solve(kind, loop.f, {0, 500}, settings, 0.1);
                    CHECK(r.run.columns[1].ending == Ending::settled);
                    CHECK(r.run.columns[1].time <= 0.1);  // zero error: settled from the first step
                    for (const arma::uword c : {0U, 2U}) {
                      CHECK(r.run.columns[c].ending == Ending::settled);
                      CHECK(r.run.columns[c].time < 200);
                      // alone, the column ends at the same time; one column sums in two chains, hence rounding
                      LinearExample single = example;
                      single.s = example.s.col(c);
                      TestLoop own = single.loop();
                      const Solved alone = solve(kind, own.f, {0, 500}, settings);
                      CHECK(alone.run.columns[0].time == r.run.columns[c].time);
                      CHECK(distance(alone.end(own.f), r.end(loop.f, c)) < 1e-12);
                      // |tau dx/dt| = |tau M (x - x_inf)|: the distance left is the tolerance times |M^-1|, of order 1
                      CHECK(arma::norm(r.end(loop.f, c) - example.steady_state(c)) < 50 * tolerance);
                      const auto ended = static_cast<std::size_t>(std::ceil(r.run.columns[c].time / 0.1)) + 1;
                      CHECK(std::isnan(r.trajectory.layout().gather(r.trajectory.state(ended), c)[0]));
                    }
                    REQUIRE(r.trajectory.samples() == 5001);
                  });
}

TEST_CASE("every solver: divergence ends a column at the step at which it happens, with and without recording") {
  const arma::mat W(3, 3, arma::fill::eye);
  const arma::mat s{{1, 0, 1}, {1, 0, 1}, {1, 0, 1}};
  for_each_solver(has_trajectory, [&](const SolverKind& kind) {
    TestLoop loop = make_loop(W, 2 * W, 0.0, s);  // positive feedback
    const SolverSettings settings{.dt = 0.5, .divergence_limit = 1e4};
    const Solved silent = solve(kind, loop.f, {0, 100}, settings);
    REQUIRE(silent.run.columns[0].ending == Ending::diverged);
    CHECK(silent.run.columns[1].ending == Ending::finished);
    CHECK(silent.run.columns[2].ending == Ending::diverged);
    CHECK(silent.run.diverged() == silent.run.columns.data());
    const Solved recorded = solve(kind, loop.f, {0, 100}, settings, 0.5);
    REQUIRE(recorded.run.columns[0].ending == Ending::diverged);
    CHECK(recorded.trajectory.samples() == 201);
    CHECK(recorded.run.columns[0].population < 2);
    if (!stepping(kind)) return;  // looks at its samples only
    CHECK(silent.run.columns[0].time == recorded.run.columns[0].time);
    CHECK(silent.x == recorded.x);
    if (!kind.fixed_step) return;
    // the first sample beyond the limit is the one at the time that is reported
    const auto k = static_cast<std::size_t>(std::lround(silent.run.columns[0].time / 0.5));
    const auto sample = [&](std::size_t at) {
      return recorded.trajectory.layout().gather(recorded.trajectory.state(at), 0);
    };
    CHECK(arma::abs(sample(k)).max() > 1e4);
    CHECK(arma::abs(sample(k - 1)).max() <= 1e4);
    CHECK(std::isnan(sample(k + 1)[0]));
  });
}

TEST_CASE("every solver: does not carry a stale derivative over a switch of the input") {
  Circuit c;
  const auto p = c.add(Population{.name = "x", .units = 1});
  for_each_solver(has_trajectory, [&](const SolverKind& kind) {
    RightHandSide f(c, 1);
    constexpr double dt = 1e-3;
    const auto solver = kind.make({.dt = dt, .rtol = 1e-10, .atol = 1e-12});
    State x(f.layout().size());
    double expected = 0;
    double start = 0;
    for (const double level : {1.0, -50.0, 3.0}) {
      f.input(p)(0, 0) = level;
      solver->run(f, x, {.start = start, .duration = 0.25}, nullptr, 0);
      start += 0.25;
      expected = level + (expected - level) * std::exp(-0.25);
      // a step of order p is off by about 0.25/(p + 1)! dt^p 50; a stale derivative costs dt * 50 = 0.05
      const double margin = kind.fixed_step ? 10 * std::pow(dt, kind.order) : 1e-8;
      CHECK(x[0] == Approx(expected).margin(margin));
    }
  });
}

TEST_CASE("every solver: refuses a circuit or a step that it cannot take") {
  const LinearExample example;
  for_each_solver(any, [&](const SolverKind& kind) {
    TestLoop tanh = make_loop(example.W, example.B, 0.1, example.s, 1, 1, "tanh");
    if (kind.linear_only) {
      CHECK_THROWS_WITH(solve(kind, tanh.f, {0, 1}), Contains("not linear"));
    } else {
      CHECK_NOTHROW(solve(kind, tanh.f, {0, 1}));
    }
    TestLoop loop = example.loop();
    if (!kind.has_trajectory) CHECK_THROWS_WITH(solve(kind, loop.f, {0, 1}, {}, 0.5), Contains("trajectory"));
    if (kind.fixed_step) {
      CHECK_THROWS_WITH(solve(kind, loop.f, {0, 1.3}), Contains("not a whole multiple") && Contains("1 or 1.5"));
    }
  });
}
