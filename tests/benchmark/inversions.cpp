// Single loops of several sizes to the end of their trial, 999 steps of sequential Euler, and to their steady state.

#include "baseline.hpp"
#include "fast.hpp"
#include "sections.hpp"

namespace dynvert::benchmarks {

namespace {

/// Errors that are inverted together in the batched rows.
std::size_t batch_of(const Size& size) { return size.rows * size.columns > 50'000 ? 16 : 128; }

struct Bars {
  Bar plain = {}, fast = {}, batched = {};
};

Bars bars_of(const Size& size, bool nonlinear) {
  const std::string name = size.name();
  if (name == "10x20")
    return nonlinear ? Bars{at_least(5), {}, at_least(10)} : Bars{at_least(6), at_least(20), at_least(12)};
  if (nonlinear) return {};
  if (name == "10x1000") return {.fast = at_least(100)};
  if (name == "250x30") return {.fast = at_least(25)};
  if (name == "250x500") return {.fast = at_least(4)};
  return {.fast = at_least(2.5)};
}

using Make = std::unique_ptr<Solver> (*)(std::string_view solver, const SolverSettings&);

std::unique_ptr<Solver> make_plain(std::string_view solver, const SolverSettings& settings) {
  return solver_kind(solver).make(settings);
}

/// Each iteration takes weights and errors anew, as the trials of an experiment do.
Body inversion(Size size, Transfer transfer, std::size_t trials, Make make, std::string_view solver_name) {
  return [=](benchmark::State& state) {
    const LoopProblem problem(size, transfer, trials);
    LoopRun run(problem);
    const auto solver = make(solver_name, {.dt = dt});
    for (auto _ : state) {
      problem.enter(run.f, run.x);
      const SolverRun result = solver->run(run.f, run.x, {.start = 0, .duration = duration}, nullptr, dt);
      if (result.diverged() != nullptr) state.SkipWithError("the loop diverged");
      benchmark::DoNotOptimize(run.x.data());
    }
  };
}

Body baseline(Size size, bool nonlinear) {
  return [=](benchmark::State& state) {
    const LoopProblem problem(size, nonlinear ? Transfer::nonlinear : Transfer::linear);
    LoopBaseline loop;
    for (auto _ : state)
      benchmark::DoNotOptimize(loop.invert(problem.W(), problem.B(), problem.s().memptr(), nonlinear).memptr());
  };
}

}  // namespace

void add_inversions(Table& table) {
  for (const Size& size : sizes) {
    for (const bool nonlinear : {false, true}) {
      const std::string title = "inversion " + size.name() + (nonlinear ? ", tanh: " : ", linear: ");
      const Transfer transfer = nonlinear ? Transfer::nonlinear : Transfer::linear;
      const Bars bars = bars_of(size, nonlinear);
      const std::string reference = title + "baseline";
      const std::size_t batch = batch_of(size);
      const std::string columns = " (a batch of " + std::to_string(batch) + ")";
      constexpr auto solver = "sequential_euler";
      table.add({.name = reference}, baseline(size, nonlinear));
      table.add({.name = title + "plain", .against = reference, .bar = bars.plain},
                inversion(size, transfer, 1, make_plain, solver));
      table.add({.name = title + "plain, batched" + columns, .against = reference, .bar = bars.batched, .items = batch},
                inversion(size, transfer, batch, make_plain, solver));
      table.add({.name = title + "fast", .against = reference, .bar = bars.fast},
                inversion(size, transfer, 1, make_fast, solver));
      table.add({.name = title + "fast, batched" + columns, .against = reference, .items = batch},
                inversion(size, transfer, batch, make_fast, solver));
      table.add({.name = title + "steady state", .against = reference},
                inversion(size, transfer, 1, make_fast, "fixed_point"));
      table.add({.name = title + "steady state, batched" + columns, .against = reference, .items = batch},
                inversion(size, transfer, batch, make_fast, "fixed_point"));
    }
  }
}

}  // namespace dynvert::benchmarks
