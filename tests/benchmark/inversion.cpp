// One inversion of 10x20, 999 sequential-Euler steps, beside its yardstick in the same run: the same arithmetic with
// one BLAS call a product. And the whole of examples/linear_regression.toml, file included.

#include <dynvert/sim/command_line.hpp>
#include <dynvert/sim/solver.hpp>
#include <dynvert/sim/version.hpp>

#include <benchmark/benchmark.h>
#include <cblas.h>

#include <filesystem>
#include <sstream>

namespace {

using namespace dynvert;

constexpr int m = 10;
constexpr int n = 20;
constexpr int steps = 999;
constexpr double dt = 0.5;
constexpr double alpha = 0.01;

struct Problem {
  arma::mat W, B;
  arma::vec s;
  Problem() {
    use_one_blas_thread();
    arma::arma_rng::set_seed(1);
    W = arma::mat(m, n, arma::fill::randu) - 0.5;
    B = -W.t();
    s = arma::vec(m, arma::fill::randn);
  }
};

void yardstick(benchmark::State& state) {
  const Problem p;
  arma::vec u(m);
  arma::vec delta(n);
  arma::vec product(n);
  for (auto _ : state) {
    u.zeros();
    delta.zeros();
    for (int k = 0; k < steps; ++k) {
      cblas_dgemv(CblasColMajor, CblasNoTrans, m, n, 1, p.W.memptr(), m, delta.memptr(), 1, 0, product.memptr(), 1);
      for (arma::uword i = 0; i < m; ++i) u[i] += dt * (-alpha * u[i] + product[i] - p.s[i]);
      cblas_dgemv(CblasColMajor, CblasNoTrans, n, m, 1, p.B.memptr(), n, u.memptr(), 1, 0, product.memptr(), 1);
      for (arma::uword i = 0; i < n; ++i) delta[i] += dt * (product[i] - delta[i]);
    }
    benchmark::DoNotOptimize(delta.memptr());
  }
}
BENCHMARK(yardstick)->Name("inversion 10x20, yardstick: two dgemv a step")->Unit(benchmark::kMicrosecond);

void inversion(benchmark::State& state, const char* name, bool recorded) {
  const Problem p;
  Circuit circuit;
  const auto u = circuit.add(Population{.name = "u_2", .units = m, .tau = 1, .leak = alpha});
  const auto delta = circuit.add(Population{.name = "delta_1", .units = n});
  circuit.add(Projection{.name = "W2", .source = delta, .target = u, .weights = p.W});
  circuit.add(Projection{.name = "B2", .source = u, .target = delta, .weights = p.B});
  RightHandSide f(circuit, 1);
  assign(f.input(u), -p.s);
  const auto solver = solver_kind(name).make({.dt = dt});
  Trajectory trajectory;
  for (auto _ : state) {
    State x(f.layout().size());
    solver->run(f, x, {.start = 0, .duration = steps * dt}, recorded ? &trajectory : nullptr, dt);
    benchmark::DoNotOptimize(x.data());
  }
}
BENCHMARK_CAPTURE(inversion, sequential, "sequential_euler", false)
    ->Name("inversion 10x20, sequential_euler")
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(inversion, recorded, "sequential_euler", true)
    ->Name("inversion 10x20, sequential_euler, every step kept")
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(inversion, dopri5, "dopri5", false)->Name("inversion 10x20, dopri5")->Unit(benchmark::kMicrosecond);

void linear_regression(benchmark::State& state) {
  const auto output = (std::filesystem::temp_directory_path() / "dynvert-benchmark.h5").string();
  std::ostringstream out;
  std::ostringstream err;
  SimulateArguments arguments;
  arguments.config.path = DYNVERT_SOURCE_DIR "/examples/linear_regression.toml";
  arguments.config.threads = 1;
  arguments.output = output;
  arguments.overwrite = true;
  arguments.quiet = true;
  arguments.command = "benchmark";
  for (auto _ : state) {
    if (simulate(arguments, out, err) != exit_done) state.SkipWithError(err.str().c_str());
  }
  std::filesystem::remove(output);
}
BENCHMARK(linear_regression)
    ->Name("examples/linear_regression.toml: 10 models, 2,000 trials, all measures, file written")
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime()
    ->Repetitions(3);

}  // namespace
