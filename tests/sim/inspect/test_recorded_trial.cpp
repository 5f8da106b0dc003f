// Residual and spectrum of recorded trials, against what the run itself has measured.

#include "support/experiment_text.hpp"
#include "support/run_program.hpp"

#include <dynvert/models/error.hpp>
#include <dynvert/sim/inspect/recorded_trial.hpp>

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <cmath>
#include <map>

using namespace dynvert;
using namespace dynvert::test;
using Catch::Matchers::Contains;

namespace {

/// Every kind of loop and transfer, with trials too short to settle.
std::string all_kinds(const std::string& record) {
  return learning_text(
             {.trials = 6,
              .samples = 12,
              .layers = "5, 4, 3, 2",
              .rate = 0.05,
              .network = "activation = \"tanh\"\nbias = true\ninit = { kind = \"uniform\", half_width = 0.8 }\n",
              .task = "tanh_teacher"}) +
         R"([dynamics]
solver = "rk4"
dt = 0.1
duration = 8.0
tau_u = 1.5
[record]
trials = [0, 3, 5]
measures = ["residual", "spectral_abscissa"]
)" + record +
         R"(
[[model]]
name = "sequential"
credit = "sequential_inversion"
[[model]]
name = "nonlinear"
credit = "sequential_inversion"
transfer = "nonlinear"
[[model]]
name = "linearised"
credit = "sequential_inversion"
transfer = "linearised"
[[model]]
name = "single"
credit = "single_loop_inversion"
transfer = "nonlinear"
[[model]]
name = "repeated"
credit = "repeat_inversion"
[[model]]
name = "dynamic"
credit = "sequential_inversion"
transfer = "linearised"
forward = "dynamic"
forward_duration = 2.0
[[model]]
name = "concurrent"
credit = "concurrent_inversion"
transfer = "linearised"
[[model]]
name = "plastic"
credit = "concurrent_inversion"
plasticity = "continuous"
tau_w = 20.0
)";
}

std::string simulate(const TemporaryFolder& folder, const std::string& name, const std::string& config) {
  const std::string file = folder / (name + ".h5");
  const Outcome run = dynvert_run({"simulate", write(folder, name + ".toml", config), "-o", file, "--quiet"});
  INFO(run.err);
  REQUIRE(run.code == 0);
  return file;
}

struct Path {
  RecordedTrial::Way way;
  std::vector<double> time, value;
};

Path residual(const RecordedTrial& trial, std::size_t loop) {
  Path path{};
  path.way = trial.residual(loop, [&](double t, double v) {
    path.time.push_back(t);
    path.value.push_back(v);
  });
  return path;
}

std::vector<std::size_t> loops_of(const RecordedModel& model) {
  std::vector<std::size_t> numbers;
  for (const Stage& stage : model.stages()) {
    for (const ControlLoop& loop : stage.loops) numbers.push_back(loop.number);
  }
  return numbers;
}

}  // namespace

TEST_CASE("with the weights of the trial in the file, residual and spectrum are those that the run has measured") {
  const TemporaryFolder folder;
  const RunReader file(simulate(folder, "all", all_kinds("weights_every = 1")));
  const Config config = recorded_config(file);
  for (const ModelConfig& m : config.models) {
    RecordedModel model(file, config, m.name);
    REQUIRE_FALSE(loops_of(model).empty());
    for (std::size_t record = 0; record < 3; ++record) {
      const RecordedTrial trial(file, model, record);
      for (const std::size_t loop : loops_of(model)) {
        CAPTURE(m.name, trial.trial(), loop);
        const auto measured = [&](const char* name) {
          return file.value(fmt::format("/models/{}/learning/{}_{}", m.name, name, loop), trial.trial());
        };
        const Path path = residual(trial, loop);
        CHECK(path.way == RecordedTrial::Way::weights);
        // the same function of the same state: only rounding is between them
        CHECK(path.value.back() == Approx(measured("residual")).epsilon(1e-9));
        const auto spectrum = trial.spectrum(loop);
        if (m.name == "plastic") continue;  // measured with the weights of the trial's end
        CHECK(spectrum.snapshot.trials == trial.trial());
        CHECK(arma::real(spectrum.eigenvalues).max() == Approx(measured("spectral_abscissa")).epsilon(1e-9));
      }
    }
  }
}

TEST_CASE("without learning each trial has its own parameters, and the weights are those of all") {
  const TemporaryFolder folder;
  const RunReader file(simulate(folder, "grid", R"([network]
layers = [5, 4, 3, 2]
activation = "tanh"
init = { kind = "uniform", half_width = 0.8 }
[inversion]
samples = 2
onset = 1.0
alpha = [0.01, 0.3]
ratio = [0.5, 2.0]
[dynamics]
solver = "rk4"
dt = 0.1
duration = 8.0
[record]
every = 1
measures = ["residual", "spectral_abscissa"]
[[model]]
name = "sequential"
credit = "sequential_inversion"
transfer = "nonlinear"
[[model]]
name = "single"
credit = "single_loop_inversion"
)"));
  const Config config = recorded_config(file);
  for (const ModelConfig& m : config.models) {
    RecordedModel model(file, config, m.name);
    for (std::size_t record = 0; record < 8; ++record) {
      const RecordedTrial trial(file, model, record);
      for (const std::size_t loop : loops_of(model)) {
        CAPTURE(m.name, record, loop);
        const auto measured = [&](const char* name) {
          return file.value(fmt::format("/models/{}/grid/{}_{}", m.name, name, loop), record);
        };
        const Path path = residual(trial, loop);
        CHECK(path.way == RecordedTrial::Way::weights);
        CHECK(path.value.back() == Approx(measured("residual")).epsilon(1e-9));
        CHECK(arma::real(trial.spectrum(loop).eigenvalues).max() ==
              Approx(measured("spectral_abscissa")).epsilon(1e-9));
      }
    }
  }
}

TEST_CASE("at the start nothing is inverted: a linear loop's residual is 1") {
  const TemporaryFolder folder;
  const RunReader file(simulate(folder, "all", all_kinds("weights_every = 1")));
  const Config config = recorded_config(file);
  RecordedModel model(file, config, "sequential");
  const Path path = residual(RecordedTrial(file, model, 1), 3);
  CHECK(path.value.front() == Approx(1).epsilon(1e-14));
}

TEST_CASE("without them, differences of the recorded u converge to it with the fourth order of the interval") {
  const TemporaryFolder folder;
  const RunReader exact(simulate(folder, "exact", all_kinds("weights_every = 1\ninterval = 0.1")));
  const auto worst = [&](const std::string& model_name, const std::string& interval) {
    const RunReader file(simulate(folder, model_name + interval, all_kinds("interval = " + interval)));
    const Config config = recorded_config(file), exact_config = recorded_config(exact);
    RecordedModel model(file, config, model_name), exact_model(exact, exact_config, model_name);
    const RecordedTrial trial(file, model, 1);
    CHECK(trial.snapshot().trials == 0);
    const Path path = residual(trial, 3), truth = residual(RecordedTrial(exact, exact_model, 1), 3);
    CHECK(path.way == RecordedTrial::Way::differences);
    // at the times of the coarsest samples, away from the ends, next to which the order is the second
    constexpr std::size_t coarsest = 4, reach = 2;
    const std::size_t stride = (truth.value.size() - 1) / (path.value.size() - 1);
    double most = 0;
    for (std::size_t k = reach * coarsest; k + reach * coarsest < truth.value.size(); k += coarsest) {
      REQUIRE(path.time[k / stride] == Approx(truth.time[k]));
      most = std::max(most, std::abs(path.value[k / stride] - truth.value[k]));
    }
    return most;
  };
  for (const std::string model : {"sequential", "nonlinear", "concurrent"}) {
    const double coarse = worst(model, "0.4");
    const double fine = worst(model, "0.2");
    CAPTURE(model, coarse, fine);
    CHECK(fine < 1e-3);
    // 2^4 = 16 in the limit of small intervals
    CHECK(coarse / fine > 10);
  }
}

TEST_CASE("what the file does not hold is said") {
  const TemporaryFolder folder;
  const RunReader file(simulate(folder, "part", all_kinds("populations = [\"delta_2\"]")));
  const Config config = recorded_config(file);
  const auto ignore = [](double, double) {};
  {
    RecordedModel model(file, config, "sequential");
    const RecordedTrial trial(file, model, 1);
    CHECK_THROWS_WITH(trial.residual(3, ignore), Contains("u_3 was not recorded"));
    CHECK_THROWS_WITH(trial.residual(7, ignore), Contains("no loop 7"));
    CHECK(trial.spectrum(3).eigenvalues.n_elem == 5);  // linear: it takes no state
  }
  {
    RecordedModel model(file, config, "nonlinear");
    CHECK_THROWS_WITH(RecordedTrial(file, model, 1).spectrum(3), Contains("was not recorded"));
  }
  {
    RecordedModel model(file, config, "concurrent");
    CHECK_THROWS_WITH(RecordedTrial(file, model, 1).residual(3, ignore), Contains("u_3 was not recorded"));
  }
  CHECK_THROWS_AS(RecordedModel(file, config, "missing"), ValueError);
}
