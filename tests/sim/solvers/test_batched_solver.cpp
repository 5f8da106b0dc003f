// Large batches run in groups of columns: as if each group were a batch of its own, on any number of threads.

#include <dynvert/models/error.hpp>
#include <dynvert/models/random.hpp>
#include <dynvert/sim/solvers/batched_solver.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "support/loops.hpp"

using namespace dynvert;

namespace {

constexpr Segment segment{.start = 1, .duration = 30};

/// A tanh loop of 150 trials with errors and leaks of their own.
RightHandSide batch_of_loops(std::size_t units, std::size_t columns) {
  RandomStream random(5, "groups");
  const arma::mat W = random.normal(units, 2 * units) / std::sqrt(8.0 * static_cast<double>(units));
  RightHandSide f = testing::make_loop(W, -W.t(), 0.05, random.normal(units, columns), 1, 1, "tanh").f;
  for (std::size_t c = 0; c < columns; ++c) f.leak(0)[c] = 0.02 + 1e-3 * static_cast<double>(c);
  return f;
}

struct Outcome {
  State x;
  SolverRun run;
  Trajectory trajectory;
};

Outcome run(const std::string& solver, SolverSettings settings, std::size_t threads, RightHandSide f, bool traced) {
  Outcome outcome{.x = State(f.layout().size()), .run = {}, .trajectory = {}};
  settings.threads = threads;
  outcome.run = make_reference_solver(solver_kind(solver), settings)
                    ->run(f, outcome.x, segment, traced ? &outcome.trajectory : nullptr, 3);
  return outcome;
}

void check_same(const Outcome& a, const Outcome& b) {
  CHECK(a.x == b.x);
  CHECK(a.run.steps == b.run.steps);
  CHECK(a.run.evaluations == b.run.evaluations);
  REQUIRE(a.run.columns.size() == b.run.columns.size());
  for (std::size_t c = 0; c < a.run.columns.size(); ++c) {
    CHECK(a.run.columns[c].ending == b.run.columns[c].ending);
    CHECK(a.run.columns[c].time == b.run.columns[c].time);
    CHECK(a.run.columns[c].steps == b.run.columns[c].steps);
  }
}

}  // namespace

TEST_CASE("groups of columns: the same bits for any number of threads, traced or not", "[threads]") {
  const std::string solver = GENERATE("sequential_euler", "rk4", "dopri5");
  // products by the kernels, and by BLAS
  const std::size_t units = GENERATE(std::size_t{6}, std::size_t{130});
  if (solver == "dopri5" && units == 130) return;
  const RightHandSide f = batch_of_loops(units, 150);
  const SolverSettings settings{.dt = 0.5};
  const Outcome one = run(solver, settings, 1, f, false);
  check_same(run(solver, settings, 2, f, false), one);
  check_same(run(solver, settings, 8, f, false), one);
  const Outcome traced = run(solver, settings, 3, f, true);
  check_same(traced, one);
  REQUIRE(traced.trajectory.samples() == 11);
  CHECK(std::ranges::equal(traced.trajectory.state(10), one.x));
}

TEST_CASE("a group of columns is a batch of its own") {
  const RightHandSide f = batch_of_loops(130, 150);
  const Outcome all = run("sequential_euler", {.dt = 0.5}, 2, f, true);
  for (std::size_t g = 0; g < 3; ++g) {
    RightHandSide part = f;
    std::vector<std::size_t> columns(50);
    std::iota(columns.begin(), columns.end(), 50 * g);
    part.keep_columns(columns);
    const Outcome own = run("sequential_euler", {.dt = 0.5}, 1, part, true);
    for (std::size_t c = 0; c < columns.size(); ++c) {
      CHECK(arma::approx_equal(part.layout().gather(own.x, c), f.layout().gather(all.x, columns[c]), "absdiff", 0));
      for (const std::size_t k : {std::size_t{0}, std::size_t{4}}) {
        CHECK(arma::approx_equal(part.layout().gather(own.trajectory.state(k), c),
                                 f.layout().gather(all.trajectory.state(k), columns[c]), "absdiff", 0));
      }
    }
  }
}

TEST_CASE("columns that settle or diverge do so by themselves, in whatever group they are") {
  RightHandSide f = batch_of_loops(6, 150);
  // a leak that makes u grow
  f.leak(0)[70] = -5;
  const SolverSettings settings{.dt = 0.5, .settle_tolerance = 1e-2};
  const Outcome two = run("sequential_euler", settings, 2, f, true);
  check_same(two, run("sequential_euler", settings, 1, f, false));
  CHECK(two.run.columns[70].ending == Ending::diverged);
  CHECK(std::ranges::count(two.run.columns, Ending::diverged, &ColumnEnd::ending) == 1);
  CHECK(std::ranges::count(two.run.columns, Ending::settled, &ColumnEnd::ending) > 0);
  // after its end a column is NaN in the trajectory, and its state the one that it ended with
  CHECK(f.layout().gather(two.trajectory.state(10), 70).has_nan());
  CHECK(f.layout().gather(two.x, 70).is_finite());
}

TEST_CASE("of several groups that fail the first is told") {
  RightHandSide f = batch_of_loops(6, 150);
  f.leak(0)[120] = -5;
  f.leak(0)[20] = 4;
  const auto message = [&](std::size_t threads) -> std::string {
    try {
      (void)run("dopri5", {.dt = 0.5, .rtol = 1e-10, .atol = 1e-12, .max_steps = 20}, threads, f, false);
    } catch (const NumericalError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(message(1) == message(3));
  CHECK_FALSE(message(1).empty());
}
