// angle_gradient, ratio_gradient and angle_gauss_newton in runs: of models whose change is known to be the gradient, or
// to tend to it.

#include "support/memory_recorder.hpp"

#include <dynvert/models/error.hpp>
#include <dynvert/sim/config/load.hpp>
#include <dynvert/sim/experiment/learning_experiment.hpp>
#include <dynvert/sim/registry.hpp>

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

using namespace dynvert;
using namespace dynvert::test;
using Catch::Matchers::Contains;

namespace {

MemoryRecorder run_of(const std::string& models, std::vector<std::string> sets = {}) {
  const std::string base = R"(
[experiment]
trials = 5
[task]
kind = "linear_teacher"
samples = 20
[network]
layers = [5, 4, 3]
bias = true
activation = "tanh"
init = { kind = "uniform", half_width = 0.5 }
[learning]
rate = 0.01
batch = 2
[dynamics]
dt = 0.1
duration = 20.0
[record]
measures = ["angle_gradient", "ratio_gradient", "angle_gauss_newton"]
)";
  MemoryRecorder recorder;
  const Config config = parse_config(base + models, "test.toml", sets, std::nullopt, std::nullopt, config_registry());
  LearningExperiment(config).run(recorder, {});
  return recorder;
}

std::string model_of(const std::string& name, const std::string& keys) {
  return fmt::format("[[model]]\nname = \"{}\"\n{}\n", name, keys);
}

std::string circuit_model(const std::string& name, const std::string& keys) {
  return model_of(name, fmt::format("circuit = \"{}/examples/circuits/{}.toml\"\n{}", DYNVERT_SOURCE_DIR, name, keys));
}

/// The largest value over the trials; NaN if there is one.
double largest(const MemoryRecorder& recorder, const std::string& model, const std::string& dataset) {
  const auto& values = recorder.data.at("/models/" + model + "/learning/" + dataset);
  REQUIRE(values.size() == 5);
  double most = values.front();
  for (const double v : values) most = std::isnan(v) || v > most ? v : most;
  return most;
}

}  // namespace

TEST_CASE("measures of gradients: backpropagation is gradient descent, of circuit files as of built-in models") {
  const MemoryRecorder run = run_of(model_of("BP", "credit = 'backprop'") + circuit_model("backprop", ""));
  for (const char* name : {"BP", "backprop"}) {
    for (const char* matrix : {"W1", "W2", "b1", "b2"}) {
      INFO(name << " " << matrix);
      // rounding, in degrees and relative
      CHECK(largest(run, name, fmt::format("angle_gradient_{}", matrix)) < 1e-10);
      CHECK(largest(run, name, fmt::format("ratio_gradient_{}", matrix)) == Approx(1).epsilon(1e-12));
    }
  }
  // a tanh at the output: the credit of the output layer lacks its slope
  const MemoryRecorder tanh = run_of(model_of("BP", "credit = 'backprop'"), {"network.output=tanh"});
  CHECK(largest(tanh, "BP", "angle_gradient_W2") > 1);
}

TEST_CASE(
    "measures of gradients: the contrastive change of equilibrium propagation tends to the gradient with beta^2") {
  const auto angle = [](double beta) {
    const MemoryRecorder run =
        run_of(circuit_model("equilibrium_propagation", fmt::format("solver = 'fixed_point'\nbeta = {}", beta)));
    CHECK(largest(run, "equilibrium_propagation", "ratio_gradient_W1") == Approx(1).epsilon(10 * beta));
    return largest(run, "equilibrium_propagation", "angle_gradient_W1");
  };
  const double coarse = angle(0.08), fine = angle(0.04);
  // the step itself depends on the weights; what is known is how it falls
  CHECK(coarse / fine == Approx(4).epsilon(0.2));
}

TEST_CASE(
    "measures of gradients: along the steps of a phase that has come to rest they are those of the steady state") {
  const auto angles = [](const char* dynamics) {
    const MemoryRecorder run =
        run_of(circuit_model("equilibrium_propagation", fmt::format("beta = 0.01\n{}", dynamics)));
    return std::vector{largest(run, "equilibrium_propagation", "ratio_gradient_W1"),
                       largest(run, "equilibrium_propagation", "ratio_gradient_W2")};
  };
  const auto steady = angles("solver = 'fixed_point'");
  for (const char* solver : {"euler", "sequential_euler", "heun", "rk4"}) {
    const auto steps = angles(fmt::format("solver = '{}'\nduration = 40.0", solver).c_str());
    for (std::size_t i = 0; i < 2; ++i) CHECK(steps[i] == Approx(steady[i]).epsilon(1e-6));
  }
}

TEST_CASE("measures of gradients: deep feedback control is at less than a right angle, and its readout settles") {
  const MemoryRecorder run = run_of(circuit_model("deep_feedback_control", "solver = 'rk4'"),
                                    {"dynamics.settle_tolerance=1e-9", "network.output=linear"});
  CHECK(largest(run, "deep_feedback_control", "angle_gradient_W2") < 90);
  CHECK(largest(run, "deep_feedback_control", "ratio_gradient_W2") > 0);
}

TEST_CASE("measures of gradients: what has none says so before the run, and measuring changes no number") {
  CHECK_THROWS_WITH(run_of(circuit_model("equilibrium_propagation", "solver = 'dopri5'")),
                    Contains("phase \"free\"") && Contains("a solver of fixed steps"));
  const std::string models = model_of("DI", "credit = 'sequential_inversion'\nsolver = 'sequential_euler'") +
                             circuit_model("equilibrium_propagation", "solver = 'rk4'") +
                             model_of("CW",
                                      "credit = 'concurrent_inversion'\nsolver = 'rk4'\nplasticity = 'continuous'\n"
                                      "tau_w = 10.0");
  const std::vector<std::string> one{"learning.batch=1"};
  const MemoryRecorder with = run_of(models, one);
  CHECK(std::isfinite(largest(with, "CW", "angle_gradient_W1")));
  const auto all = with.bits();
  for (const auto& [name, values] : run_of(models, {one.front(), "record.measures=[]"}).bits())
    CHECK(all.at(name) == values);
  // the first trial may change nothing
  const MemoryRecorder skips = run_of(model_of("BP", "credit = 'backprop'"), {"learning.skip_first=true"});
  CHECK(std::isnan(skips.data.at("/models/BP/learning/angle_gradient_W1")[0]));
  CHECK(std::isfinite(skips.data.at("/models/BP/learning/angle_gradient_W1")[1]));
}
