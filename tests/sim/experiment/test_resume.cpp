#include "support/configure.hpp"
#include "support/experiment_text.hpp"
#include "support/memory_recorder.hpp"

#include <dynvert/models/error.hpp>
#include <dynvert/sim/config/difference.hpp>
#include <dynvert/sim/experiment/learning_experiment.hpp>

#include <catch2/catch.hpp>

using namespace dynvert;
using namespace dynvert::test;

namespace {

const std::string base =
    learning_text(
        {.trials = 60,
         .samples = 50,
         .layers = "8, 6, 5, 4",
         .rate = 0.02,
         .network = "activation = \"tanh\"\nbias = true\ninit = { kind = \"uniform\", half_width = 0.3 }\n"}) +
    R"([dynamics]
dt = 0.25
duration = 20.0
[record]
trials = [0, 29, 31, 59]
weights_every = 7
evaluate_every = 3
measures = ["angle_ndi", "settling_time", "spectral_abscissa"]
)";

const std::string models =
    model_text("BP", "credit = 'backprop'") +
    model_text("FA", "credit = 'feedback_alignment'\nfeedback = { kind = 'random' }") +
    model_text("NDI", "credit = 'sequential_inversion'\nsolver = 'fixed_point'") +
    model_text("DI", "credit = 'sequential_inversion'\nsolver = 'sequential_euler'\nalpha = 0.5") +
    model_text("D5", "credit = 'sequential_inversion'\nforward = 'dynamic'\ntransfer = 'nonlinear'") +
    model_text("RE",
               "credit = 'sequential_inversion'\nsolver = 'sequential_euler'\n"
               "feedback = { kind = 'random', restabilise = true }") +
    model_text("SL", "credit = 'single_loop_inversion'\nsolver = 'rk4'\nfeedback = { kind = 'optimised' }") +
    model_text("RL", "credit = 'repeat_inversion'\nfeedback = { kind = 'product' }") +
    model_text("SK",
               "credit = 'sequential_inversion'\nsolver = 'euler'\non_divergence = 'skip'\n"
               "divergence_limit = 1e4\nfeedback = { kind = 'negative_transpose', gain = 40.0 }");

const std::string plastic =
    model_text("CC", "credit = 'concurrent_inversion'\nplasticity = 'continuous'\ntau_w = 50.0");

Config config_with(const std::vector<std::string>& sets, const std::string& more = "") {
  return configure(base + models + more, sets);
}

/// Runs, and stops after the first block that ends at or after trial `stop`.
RunStatus run(MemoryRecorder& recorder, const Config& config, std::size_t stop) {
  std::atomic<bool> stopped = stop == 0;
  RunControl control{.progress = [&](const ProgressReport& r) { stopped = r.trials_done >= stop; }, .stop = &stopped};
  return LearningExperiment(config).run(recorder, control);
}

}  // namespace

TEST_CASE("a run that is resumed ends with the same bits as one that was never stopped") {
  const bool batches = GENERATE(false, true);
  const Config config = batches ? config_with({"learning.batch=8", "learning.rate=0.003"}) : config_with({}, plastic);
  MemoryRecorder whole;
  REQUIRE(run(whole, config, 1000) == RunStatus::complete);
  const auto expected = whole.bits("/state/");
  MemoryRecorder recorder;
  int interruptions = 0;
  for (const std::size_t stop : {0U, 1U, 2U, 7U, 14U, 30U, 31U, 1000U}) {
    if (interruptions > 0) recorder.continued = recorder.committed;
    const RunStatus status = run(recorder, config, stop);
    recorder.specs.clear();
    if (status == RunStatus::complete) break;
    CHECK(recorder.status == "interrupted");
    ++interruptions;
  }
  CHECK(interruptions >= 5);
  CHECK(recorder.status == "complete");
  CHECK(recorder.committed == 60);
  CHECK(recorder.states.empty());
  const auto found = recorder.bits("/state/");
  for (const auto& [name, values] : expected) {
    CAPTURE(name);
    CHECK(found.at(name) == values);
  }
  CHECK(recorder.attributes == whole.attributes);
}

TEST_CASE("a run does not go on with other samples") {
  MemoryRecorder recorder;
  CHECK(run(recorder, config_with({}), 5) == RunStatus::interrupted);
  recorder.continued = recorder.committed;
  recorder.specs.clear();
  recorder.data.at("/task/t")[3] += 1e-15;
  CHECK_THROWS_AS(run(recorder, config_with({}), 1000), ValueError);
}

TEST_CASE("the difference of two configurations is named key by key") {
  const Config a = config_with({});
  CHECK(config_differences(a.resolved, a.resolved).empty());
  CHECK(config_differences(
            a.resolved,
            config_with({"experiment.title=other", "experiment.threads=2", "record.commit_interval=0.5"}).resolved)
            .empty());
  const Config b = config_with(
      {"model.DI.alpha=0.25", "experiment.seed=3", "record.trials=[1]", "model.RE.feedback.kind=negative_transpose"});
  const auto differences = config_differences(a.resolved, b.resolved);
  std::vector<std::string> keys;
  for (const auto& d : differences) keys.push_back(d.key);
  CHECK(keys == std::vector<std::string>{"experiment.seed", "model.DI.alpha", "model.RE.feedback.gain",
                                         "model.RE.feedback.half_width", "model.RE.feedback.kind", "record.trials"});
  CHECK(differences[1] == ConfigDifference{"model.DI.alpha", "0.5", "0.25"});
  CHECK(differences[2] == ConfigDifference{"model.RE.feedback.gain", "", "1.0"});
  const auto gone = config_differences(a.resolved, a.resolved.substr(0, a.resolved.rfind("[[model]]")));
  REQUIRE_FALSE(gone.empty());
  for (const auto& d : gone) CHECK(d.key.substr(0, 9) == "model.SK.");
}

TEST_CASE("runs without learning are gone on with, too") {
  // long trajectories make small batches: several of them
  const std::string inversion = R"(
[experiment]
seed = 3
[inversion]
samples = 40
alpha = [0.1, 1.0]
ratio = [0.5, 2.0]
[network]
layers = [8, 6, 4]
[record]
trials = [3, 77]
populations = ["u_2"]
[[model]]
name = "DI"
credit = "sequential_inversion"
solver = "euler"
dt = 0.5
duration = 20000.0
feedback = { gain = 25.0 }
)";
  const Config config = configure(inversion);
  MemoryRecorder whole;
  REQUIRE(make_experiment(config)->run(whole, {}) == RunStatus::complete);
  MemoryRecorder recorder;
  int interruptions = 0;
  while (recorder.status != "complete" && interruptions < 100) {
    if (recorder.status == "interrupted") recorder.continued = recorder.committed;
    recorder.specs.clear();
    std::atomic<bool> stop = false;
    // between blocks: one that is stopped on its way is given up, and on a slow machine each would be
    const auto progress = [&](const ProgressReport& report) { stop = !report.time.has_value(); };
    const RunControl control{.progress = progress, .stop = &stop};
    interruptions += make_experiment(config)->run(recorder, control) == RunStatus::interrupted ? 1 : 0;
  }
  CHECK(interruptions > 2);
  CHECK(interruptions < 100);
  const auto found = recorder.bits("/state/");
  for (const auto& [name, values] : whole.bits("/state/")) CHECK(found.at(name) == values);
  CHECK(recorder.attributes == whole.attributes);
}
