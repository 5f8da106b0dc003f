// Experiments without learning: loops over a grid, circuits of the user's own.

#include "support/configure.hpp"
#include "support/memory_recorder.hpp"

#include <dynvert/analysis/matrix_exponential.hpp>
#include <dynvert/models/circuit/input_signal.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/sim/experiment/experiment.hpp>

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

#include "support/loops.hpp"

using namespace dynvert;
using namespace dynvert::test;
using Catch::Matchers::Contains;

namespace {

const std::string grid = R"(
[experiment]
seed = 4
[network]
layers = [6, 5, 3]
init = { kind = "uniform", half_width = 0.8 }
[inversion]
samples = 2
onset = 2.0
alpha = [0.01, 0.2]
ratio = [0.5, 1.0, 4.0]
[dynamics]
solver = "exact"
dt = 0.5
duration = 30.0
tau_delta = 1.5
[record]
measures = ["settling_time", "spectral_abscissa", "residual", "angle_ndi"]
[[model]]
name = "DI"
credit = "sequential_inversion"
)";

const std::string pair = R"(
[experiment]
trials = 4
[dynamics]
solver = "dopri5"
dt = 0.25
duration = 20.0
rtol = 1e-10
atol = 1e-12
[[population]]
name = "E"
rate = "tanh"
initial_half_width = 0.5
[[population]]
name = "I"
units = 2
tau = 2.0
initial = [0.1, -0.2]
[[projection]]
source = "E"
target = "I"
kind = "matrix"
matrix = [[1.0], [0.5]]
[[projection]]
source = "I"
target = "E"
kind = "matrix"
matrix = [[-0.7, -0.3]]
[[input]]
population = "E"
amplitude = 0.8
start = 5.0
)";

MemoryRecorder run(const std::string& text, std::vector<std::string> sets = {}) {
  MemoryRecorder recorder;
  make_experiment(configure(text, sets))->run(recorder, {});
  return recorder;
}

arma::mat matrix(const MemoryRecorder& recorder, const std::string& name, arma::uword rows, arma::uword columns,
                 std::size_t index = 0) {
  const auto& v = recorder.data.at(name);
  return arma::mat(v.data() + index * rows * columns, columns, rows).t();
}

std::string fault(const std::string& text, std::vector<std::string> sets = {}) {
  try {
    static_cast<void>(configure(text, sets));
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("every point of a grid is the matrix exponential of its own loop") {
  const MemoryRecorder recorder = run(grid);
  const arma::mat W = matrix(recorder, "/models/DI/weights/W2", 3, 5);
  const arma::mat B = matrix(recorder, "/models/DI/weights/B2", 5, 3);
  CHECK(arma::approx_equal(B, -W.t(), "absdiff", 0));
  const auto& alpha = recorder.data.at("/models/DI/grid/alpha");
  const auto& tau_u = recorder.data.at("/models/DI/grid/tau_u");
  REQUIRE(alpha.size() == 12);
  CHECK(recorder.committed == 12);
  for (std::size_t k = 0; k < 12; ++k) {
    CAPTURE(k);
    CHECK(alpha[k] == (k < 6 ? 0.01 : 0.2));
    CHECK(tau_u[k] == 1.5 * std::vector<double>{0.5, 1, 4}[k / 2 % 3]);
    CHECK(recorder.data.at("/models/DI/grid/sample")[k] == static_cast<double>(k % 2));
    const arma::vec s = matrix(recorder, "/models/DI/trace/s_2", 1, 3, k).t();
    const arma::mat M = testing::loop_matrix(W, B, alpha[k], tau_u[k], 1.5);
    arma::vec input(8);
    input.head(3) = -s / tau_u[k];
    const arma::mat u = matrix(recorder, "/models/DI/trace/u_2", 61, 3, k);
    const arma::mat delta = matrix(recorder, "/models/DI/trace/delta_1", 61, 5, k);
    const arma::mat e = matrix(recorder, "/models/DI/trace/e", 61, 3, k);
    for (const arma::uword sample : {0U, 3U, 4U, 5U, 20U, 60U}) {
      const double t = 0.5 * static_cast<double>(sample) - 2;
      arma::vec expected(8);
      // x(t) = M^-1 (exp(M t) - 1) input, from zero
      if (t > 0) expected = arma::solve(M, (matrix_exponential(M * t) - arma::eye(8, 8)) * input);
      // the exponential of the augmented matrix and this one differ by rounding of norms of some tens
      CHECK(arma::norm(expected.head(3) - u.row(sample).t()) < 1e-11);
      CHECK(arma::norm(expected.tail(5) - delta.row(sample).t()) < 1e-11);
      CHECK(arma::norm(e.row(sample).t() - (t >= 0 ? s : arma::vec(3))) == 0);
    }
    const double abscissa = arma::real(arma::eig_gen(M)).max();
    CHECK(recorder.data.at("/models/DI/grid/spectral_abscissa_2")[k] == Approx(abscissa));
    const arma::vec steady = -arma::solve(M, input);
    const bool near = arma::norm(delta.row(60).t() - steady.tail(5)) <= 0.02 * arma::norm(steady.tail(5));
    CHECK(recorder.data.at("/models/DI/grid/converged_2")[k] == (near ? 1 : 0));
    // settling is counted from when the error appears
    const double settling = recorder.data.at("/models/DI/grid/settling_time_2")[k];
    CHECK((near ? settling > 0 && settling <= 28 : std::isnan(settling)));
  }
}

TEST_CASE("points of a grid do not depend on each other, on threads or on recording", "[threads]") {
  const std::vector<std::string> sets{"dynamics.solver=dopri5"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), sets.begin(), sets.end());
    return run(grid, more);
  };
  const auto all = with({});
  CHECK(all.bits() == with({"experiment.threads=3"}).bits());
  CHECK(all.bits("/trace/") == with({"record.trials=[1, 7]", "record.every=0"}).bits("/trace/"));
  const auto one = with({"inversion.alpha=[0.2]", "inversion.ratio=[4.0]"});
  const auto& credit = one.data.at("/models/DI/grid/credit_1");
  const auto& of_all = all.data.at("/models/DI/grid/credit_1");
  REQUIRE(credit.size() == 10);
  CHECK(std::equal(credit.begin(), credit.end(), of_all.end() - 10));
}

TEST_CASE("a ramp is followed as by small steps, noise is the same for every solver and every point") {
  const auto end = [](const MemoryRecorder& recorder) { return matrix(recorder, "/models/DI/grid/credit_1", 12, 5); };
  const std::vector<std::string> accurate{"dynamics.solver=dopri5", "dynamics.rtol=1e-10", "dynamics.atol=1e-12",
                                          "dynamics.dt=0.05", "inversion.onset=2.0"};
  for (const std::string signal : {"ramp", "noise"}) {
    auto sets = accurate;
    sets.push_back("inversion.signal=" + signal);
    const MemoryRecorder a = run(grid, sets);
    sets[0] = "dynamics.solver=rk4";
    sets.erase(sets.begin() + 1, sets.begin() + 3);
    const MemoryRecorder b = run(grid, sets);
    // rk4 at 0.05, whose steps end at the knots of the noise: h^4 = 6e-6 times derivatives of order one over 120
    CHECK(arma::abs(end(a) - end(b)).max() < 1e-6);
    CHECK(a.data.at("/models/DI/trace/e") == b.data.at("/models/DI/trace/e"));
    if (signal == "ramp")
      CHECK(arma::abs(matrix(a, "/models/DI/trace/e", 601, 3).row(140) - 0.5 * matrix(a, "/models/DI/trace/s_2", 1, 3))
                .max() < 1e-14);
  }
}

TEST_CASE("a loop whose error fluctuates has no settling time, not one by chance, the loops below it have") {
  const std::vector<std::string> sets{"dynamics.solver=rk4",
                                      "inversion.signal=noise",
                                      "network.layers=[6, 5, 4, 3]",
                                      "record.measures=[\"settling_time\", \"overshoot\", \"amplification\", "
                                      "\"decay_rate\", \"residual\", \"spectral_abscissa\"]",
                                      "dynamics.dt=0.25",
                                      "dynamics.duration=400.0"};
  const MemoryRecorder recorder = run(grid, sets);
  const auto all = [&](const std::string& name, auto holds) {
    const auto& values = recorder.data.at("/models/DI/" + name);
    return values.size() == 12 && std::ranges::all_of(values, holds);
  };
  const auto is_nan = [](double v) { return std::isnan(v); };
  CHECK(all("grid/converged_3", [](double v) { return v == -3; }));
  for (const std::string name : {"settling_time", "overshoot", "amplification", "decay_rate"})
    CHECK(all("grid/" + name + "_3", is_nan));
  CHECK(all("trace/converged", [](double v) { return v == -3; }));
  CHECK(all("trace/settling_time", is_nan));
  // what does not follow the way to the steady state is known
  CHECK_FALSE(all("grid/residual_3", is_nan));
  CHECK_FALSE(all("grid/spectral_abscissa_3", is_nan));
  // driven by the credit signal that was read, which stands
  CHECK(all("grid/converged_2", [](double v) { return v == 0 || v == 1; }));
  CHECK(std::ranges::count(recorder.data.at("/models/DI/grid/converged_2"), 1.0) > 0);
}

TEST_CASE("an unstable point is marked and keeps the others from nothing") {
  const MemoryRecorder recorder = run(
      grid,
      {"dynamics.solver=rk4", "model.DI.feedback={ kind = \"random\", half_width = 3.0 }", "dynamics.duration=60.0"});
  const auto& flags = recorder.data.at("/models/DI/grid/converged_2");
  CHECK(std::ranges::count(flags, -1) > 0);
  CHECK(recorder.status == "complete");
  CHECK(std::get<std::int64_t>(recorder.attributes.at("/models/DI:diverged_trials")) == std::ranges::count(flags, -1));
  for (std::size_t k = 0; k < flags.size(); ++k) {
    CHECK(std::isnan(recorder.data.at("/models/DI/grid/credit_1")[5 * k]) == (flags[k] < 0));
    // why it diverged is known all the same
    if (flags[k] < 0) CHECK(recorder.data.at("/models/DI/grid/spectral_abscissa_2")[k] > 0);
    CHECK(std::isnan(recorder.data.at("/models/DI/grid/residual_2")[k]) == (flags[k] < 0));
  }
}

TEST_CASE("the steady states of a grid, a singular point is marked") {
  const MemoryRecorder recorder = run(grid, {"dynamics.solver=fixed_point", "network.layers=[6, 2, 3]",
                                             "inversion.alpha=[0.0, 0.1]", "record.measures=[\"residual\"]"});
  const auto& flags = recorder.data.at("/models/DI/grid/converged_2");
  // three outputs from two hidden units: without leak W B is singular
  for (std::size_t k = 0; k < 12; ++k) CHECK(flags[k] == (k < 6 ? -2 : 1));
  CHECK_FALSE(recorder.data.contains("/models/DI/trace/time"));
}

TEST_CASE("a user-defined circuit against its equations, at every switch and for every trial") {
  const MemoryRecorder recorder = run(pair);
  for (std::size_t trial = 0; trial < 4; ++trial) {
    const arma::mat E = matrix(recorder, "/models/circuit/trace/E", 81, 1, trial);
    const arma::mat I = matrix(recorder, "/models/circuit/trace/I", 81, 2, trial);
    CHECK(I(0, 0) == 0.1);
    CHECK(I(0, 1) == -0.2);
    CHECK(std::abs(E(0, 0)) <= 0.5);
    // classical Runge-Kutta by hand at h = 0.01, which divides the switch
    double e = E(0, 0);
    arma::vec i = I.row(0).t();
    const double h = 0.01;
    for (int k = 0; k < 2000; ++k) {
      const double input = k >= 500 ? 0.8 : 0;
      const auto slope = [&](double x, const arma::vec& y) {
        const arma::vec dy = (-y + std::tanh(x) * arma::vec{1, 0.5}) / 2;
        return std::pair{-x - 0.7 * y[0] - 0.3 * y[1] + input, dy};
      };
      const auto [e1, i1] = slope(e, i);
      const auto [e2, i2] = slope(e + h / 2 * e1, i + h / 2 * i1);
      const auto [e3, i3] = slope(e + h / 2 * e2, i + h / 2 * i2);
      const auto [e4, i4] = slope(e + h * e3, i + h * i3);
      e += h / 6 * (e1 + 2 * e2 + 2 * e3 + e4);
      i += h / 6 * (i1 + 2 * i2 + 2 * i3 + i4);
      if ((k + 1) % 25 != 0) continue;
      const arma::uword sample = static_cast<arma::uword>(k + 1) / 25;
      // h^4 = 1e-8 times a fifth derivative of order one over 120; dopri5 to 1e-10 a step
      CHECK(std::abs(e - E(sample, 0)) < 2e-9);
      CHECK(arma::norm(i - I.row(sample).t()) < 2e-9);
    }
    CHECK(recorder.data.at("/models/circuit/grid/end_E")[trial] == E(80, 0));
    CHECK(recorder.data.at("/models/circuit/grid/converged")[trial] == 1);
  }
  // trials differ in their starts, which are drawn
  CHECK(recorder.data.at("/models/circuit/trace/E")[0] != recorder.data.at("/models/circuit/trace/E")[81]);
  const auto& input = recorder.data.at("/models/circuit/trace/input_E");
  CHECK(input[19] == 0);
  CHECK(input[20] == 0.8);
  // [[-1, -0.7, -0.3], [g/2, -1/2, 0], [g/4, 0, -1/2]]: one eigenvalue -1/2, two of (s+1)(s+1/2) + 0.425 g = 0
  CHECK(recorder.data.at("/models/circuit/grid/spectral_abscissa")[0] < 0);
  CHECK(recorder.data.at("/models/circuit/grid/spectral_abscissa")[0] >= -0.75);
}

TEST_CASE("a circuit agrees with itself under every solver") {
  const auto end = [&](const std::string& solver, double dt) {
    return matrix(run(pair, {"dynamics.rtol=1e-06", "dynamics.solver=" + solver, fmt::format("dynamics.dt={}", dt)}),
                  "/models/circuit/grid/end_I", 4, 2);
  };
  const auto fixed = [&](const std::string& solver, double dt) {
    std::string text = pair;
    text.erase(text.find("rtol"), std::string("rtol = 1e-10\natol = 1e-12\n").size());
    return matrix(run(text, {"dynamics.solver=" + solver, fmt::format("dynamics.dt={}", dt)}),
                  "/models/circuit/grid/end_I", 4, 2);
  };
  const arma::mat reference = end("dopri5", 0.25);
  CHECK(arma::abs(reference - end("rosenbrock4", 0.25)).max() < 1e-5);
  CHECK(arma::abs(reference - fixed("rk4", 0.05)).max() < 1e-5);
  // first order: an error of the size of the step, damped by then
  CHECK(arma::abs(reference - fixed("euler", 0.01)).max() < 1e-2);
  CHECK(arma::abs(reference - fixed("sequential_euler", 0.01)).max() < 1e-2);
}

TEST_CASE("a circuit that explodes ends the run, or does not, as asked") {
  const std::string text = R"(
[experiment]
trials = 2
[dynamics]
dt = 0.5
duration = 100.0
[[population]]
name = "X"
initial_half_width = 1.0
[[projection]]
source = "X"
target = "X"
weight = 2.0
)";
  CHECK_THROWS_WITH(run(text), Contains("trial 0: X left the allowed range at time"));
  const MemoryRecorder recorder = run(text, {"dynamics.on_divergence=skip"});
  CHECK(recorder.data.at("/models/circuit/grid/converged") == std::vector<double>{-1, -1});
  CHECK(recorder.status == "complete");
}

TEST_CASE("a step limit is a failure of the trial: it stops the run or is counted, and never passes in silence") {
  // a population a million times faster than the others: dopri5 would need some 3e8 steps
  const std::string stiff = R"(
[experiment]
trials = 2
[dynamics]
solver = "dopri5"
dt = 1.0
duration = 100.0
max_steps = 2000
[[population]]
name = "F"
tau = 1e-6
[[population]]
name = "S"
initial = 1.0
[[projection]]
source = "S"
target = "F"
transmits = "state"
[[projection]]
source = "F"
target = "S"
weight = -0.5
)";
  CHECK_THROWS_WITH(run(stiff), Contains("trial 0, circuit") && Contains("max_steps = 2000") &&
                                    Contains("rosenbrock4") && Contains("larger max_steps"));
  const auto counted = [](const std::string& text, std::vector<std::string> sets) {
    MemoryRecorder recorder;
    const auto experiment = make_experiment(configure(text, sets));
    experiment->run(recorder, {});
    const auto failed = experiment->failed_trials();
    CHECK(recorder.status == "complete");
    REQUIRE(failed.size() == 1);
    CHECK_THAT(failed[0].first, Contains("trial 0") && Contains("max_steps"));
    return std::pair{failed[0].count, std::move(recorder)};
  };
  const auto [circuits, circuit] = counted(stiff, {"dynamics.on_divergence=skip"});
  CHECK(circuits == 2);
  CHECK(circuit.data.at("/models/circuit/grid/converged") == std::vector<double>{-1, -1});
  CHECK(std::get<std::int64_t>(circuit.attributes.at("/models/circuit:diverged_trials")) == 2);
  // an inversion is always counted, whichever of a batch's columns it was
  const auto [inversions, inversion] = counted(grid, {"dynamics.solver=dopri5", "dynamics.max_steps=5"});
  CHECK(inversions == 12);
  CHECK(inversion.data.at("/models/DI/grid/converged_2") == std::vector<double>(12, -1));
}

TEST_CASE("what an inversion or a circuit cannot have is refused where it stands") {
  CHECK_THAT(fault(grid + "[learning]\nrate = 0.1\n"), Contains("learning: does not apply with [inversion]"));
  CHECK_THAT(fault(grid, {"model.DI.credit=backprop"}), Contains("no loops") && Contains("single_loop_inversion"));
  CHECK_THAT(fault(grid, {"model.DI.credit=concurrent_inversion"}), Contains("no loops"));
  CHECK_THAT(fault(grid, {"inversion.onset=30.0"}), Contains("inversion.onset") && Contains("ends at 30"));
  CHECK_THAT(fault(grid, {"inversion.signal=ramp", "inversion.rise=29.0"}), Contains("inversion.rise"));
  CHECK_THAT(fault(grid, {"inversion.onset=0.3"}), Contains("not a whole number of 0.5"));
  CHECK_THAT(fault(grid, {"inversion.rise=3.0"}), Contains("does not apply with signal = \"step\""));
  CHECK_THAT(fault(grid, {"inversion.alpha=[-1.0]"}), Contains("inversion.alpha") && Contains("at least 0"));
  CHECK_THAT(fault(grid, {"inversion.feedback=[\"random\"]", "feedback.kind=file"}), Contains("inversion.feedback"));
  CHECK_THAT(fault(grid, {"experiment.trials=5"}), Contains("experiment.trials: does not apply with [inversion]"));
  CHECK_THAT(fault(pair, {"projection.E_I.matrix=[[1.0]]"}),
             Contains("found 1 rows of 1 numbers") && Contains("2 rows"));
  CHECK_THAT(fault(pair, {"projection.E_I.matrix=[[1.0], [1.0, 2.0]]"}), Contains("row 2 has 2 numbers"));
  CHECK_THAT(fault(pair, {"projection.E_I.source=F"}), Contains("no population has the name \"F\""));
  CHECK_THAT(fault(pair, {"projection.E_I.follows=E"}), Contains("does not apply with transmits = \"rate\""));
  CHECK_THAT(fault(pair, {"population.I.name=trial"}), Contains("dataset that every file has"));
  CHECK_THAT(fault(pair, {"population.I.initial=[1.0, 2.0, 3.0]"}), Contains("one number, or one for each of 2 units"));
  CHECK_THAT(fault(pair, {"dynamics.tau_u=2.0"}), Contains("dynamics.tau_u: does not apply with [[population]]"));
  CHECK_THAT(fault(pair + "[[input]]\npopulation = \"E\"\nstart = 20.0\n"), Contains("the run ends at 20"));
  CHECK_THAT(fault(pair + "[[input]]\npopulation = \"E\"\nstart = 0.1\n"), Contains("not a whole number of 0.25"));
  CHECK_THROWS_WITH(run(pair, {"dynamics.solver=exact", "dynamics.rtol=1e-6"}), Contains("does not apply"));
  // the solver is `exact` here: refused before anything is written
  CHECK_THROWS_WITH(run(grid, {"inversion.signal=noise"}), Contains("dynamics.solver") && Contains("constant"));
  CHECK_THROWS_WITH(run(grid, {"network.activation=tanh", "model.DI.transfer=nonlinear"}),
                    Contains("dynamics.solver") && Contains("linear circuits"));
  CHECK(fault(grid).empty());
  CHECK(fault(pair).empty());
}

TEST_CASE("Ornstein-Uhlenbeck: moments and correlation of the knots") {
  RandomStream random(5, "test");
  const std::size_t units = 2000;
  const arma::mat xi = ornstein_uhlenbeck(random, units, 200, 0.5, 2.0);
  // 2000 independent processes: a mean of squares has a standard error of sqrt(2/2000) = 0.032; four of them
  for (const arma::uword k : {0U, 1U, 50U, 199U}) {
    CHECK(std::abs(arma::mean(xi.col(k))) < 4 / std::sqrt(2000.0));
    CHECK(arma::mean(arma::square(xi.col(k))) == Approx(1).margin(4 * 0.032));
  }
  for (const arma::uword lag : {1U, 4U, 12U}) {
    CHECK(arma::mean(xi.col(100) % xi.col(100 + lag)) ==
          Approx(std::exp(-0.25 * static_cast<double>(lag))).margin(4 * 0.032));
  }
}
