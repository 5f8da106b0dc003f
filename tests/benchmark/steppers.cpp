// The solvers on Boost.Odeint beside loops written by hand that call the same right-hand side as often.

#include "problem.hpp"
#include "sections.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace dynvert::benchmarks {

namespace {

void euler(RightHandSide& f, State& x) {
  State slope(x.size());
  for (std::size_t k = 0; k < steps; ++k) {
    f(x, slope, static_cast<double>(k) * dt);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += dt * slope[i];
  }
}

void rk4(RightHandSide& f, State& x) {
  State k1(x.size()), k2(x.size()), k3(x.size()), k4(x.size()), y(x.size());
  for (std::size_t k = 0; k < steps; ++k) {
    const double t = static_cast<double>(k) * dt;
    f(x, k1, t);
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] + dt / 2 * k1[i];
    f(y, k2, t + dt / 2);
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] + dt / 2 * k2[i];
    f(y, k3, t + dt / 2);
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] + dt * k3[i];
    f(y, k4, t + dt);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += dt / 6 * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]);
  }
}

/// Dormand & Prince 5(4) (Hairer, Norsett & Wanner, Solving Ordinary Differential Equations I, table II.5.2) with a
/// given number of equal steps, first same as last, and the estimate of the error.
double dopri5(RightHandSide& f, State& x, std::size_t count) {
  constexpr std::array<std::array<double, 6>, 6> a{
      {{1.0 / 5},
       {3.0 / 40, 9.0 / 40},
       {44.0 / 45, -56.0 / 15, 32.0 / 9},
       {19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
       {9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
       {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84}}};
  constexpr std::array<double, 7> e{71.0 / 57600,      0,          -71.0 / 16695, 71.0 / 1920,
                                    -17253.0 / 339200, 22.0 / 525, -1.0 / 40};
  constexpr std::array<double, 6> c{1.0 / 5, 3.0 / 10, 4.0 / 5, 8.0 / 9, 1, 1};
  std::array<State, 7> k;
  for (State& slope : k) slope.resize(x.size());
  State y(x.size());
  const std::size_t n = x.size();
  const double h = duration / static_cast<double>(count);
  double largest = 0;
  f(x, k[0], 0);
  for (std::size_t step = 0; step < count; ++step) {
    const double t = static_cast<double>(step) * h;
    for (std::size_t i = 0; i < n; ++i) y[i] = x[i] + h * a[0][0] * k[0][i];
    f(y, k[1], t + c[0] * h);
    for (std::size_t i = 0; i < n; ++i) y[i] = x[i] + h * (a[1][0] * k[0][i] + a[1][1] * k[1][i]);
    f(y, k[2], t + c[1] * h);
    for (std::size_t i = 0; i < n; ++i) y[i] = x[i] + h * (a[2][0] * k[0][i] + a[2][1] * k[1][i] + a[2][2] * k[2][i]);
    f(y, k[3], t + c[2] * h);
    for (std::size_t i = 0; i < n; ++i)
      y[i] = x[i] + h * (a[3][0] * k[0][i] + a[3][1] * k[1][i] + a[3][2] * k[2][i] + a[3][3] * k[3][i]);
    f(y, k[4], t + c[3] * h);
    for (std::size_t i = 0; i < n; ++i)
      y[i] = x[i] +
             h * (a[4][0] * k[0][i] + a[4][1] * k[1][i] + a[4][2] * k[2][i] + a[4][3] * k[3][i] + a[4][4] * k[4][i]);
    f(y, k[5], t + c[4] * h);
    for (std::size_t i = 0; i < n; ++i)
      y[i] = x[i] +
             h * (a[5][0] * k[0][i] + a[5][2] * k[2][i] + a[5][3] * k[3][i] + a[5][4] * k[4][i] + a[5][5] * k[5][i]);
    f(y, k[6], t + c[5] * h);
    double error = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double d =
          h * (e[0] * k[0][i] + e[2] * k[2][i] + e[3] * k[3][i] + e[4] * k[4][i] + e[5] * k[5][i] + e[6] * k[6][i]);
      const double scale = 1e-9 + 1e-6 * (std::abs(x[i]) + h * std::abs(k[0][i]));
      error = std::max(error, std::abs(d) / scale);
    }
    largest = std::max(largest, error);
    std::swap(x, y);
    std::swap(k[0], k[6]);
  }
  return largest;
}

SolverRun solve(Solver& solver, LoopRun& run) {
  std::ranges::fill(run.x, 0.0);
  return solver.run(run.f, run.x, {.start = 0, .duration = duration}, nullptr, dt);
}

Body by_solver(Size size, std::string_view name) {
  return [=](benchmark::State& state) {
    LoopRun run{LoopProblem(size, Transfer::linear)};
    const auto solver = solver_kind(name).make({.dt = dt});
    for (auto _ : state) {
      benchmark::DoNotOptimize(solve(*solver, run));
      benchmark::DoNotOptimize(run.x.data());
    }
  };
}

Body by_hand(Size size, std::string_view name) {
  return [=](benchmark::State& state) {
    LoopRun run{LoopProblem(size, Transfer::linear)};
    // as many steps as calls of the right-hand side make the same number, rejected steps included
    const std::size_t calls = name == "dopri5" ? solve(*solver_kind(name).make({.dt = dt}), run).evaluations : 0;
    for (auto _ : state) {
      std::ranges::fill(run.x, 0.0);
      if (name == "euler") euler(run.f, run.x);
      if (name == "rk4") rk4(run.f, run.x);
      if (name == "dopri5") benchmark::DoNotOptimize(dopri5(run.f, run.x, calls / 6));
      benchmark::DoNotOptimize(run.x.data());
    }
  };
}

}  // namespace

void add_steppers(Table& table) {
  for (const Size& size : {Size{10, 20}, Size{10, 1000}}) {
    for (const char* name : {"euler", "rk4", "dopri5"}) {
      const std::string title = "solver " + std::string(name) + ", " + size.name() + ", linear";
      table.add({.name = title + ": loop by hand"}, by_hand(size, name));
      table.add({.name = title, .against = title + ": loop by hand", .bar = at_most(1.1)}, by_solver(size, name));
    }
  }
}

}  // namespace dynvert::benchmarks
