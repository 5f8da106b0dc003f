#include "support/configure.hpp"
#include "support/experiment_text.hpp"
#include "support/memory_recorder.hpp"

#include <dynvert/models/error.hpp>
#include <dynvert/sim/experiment/learning_experiment.hpp>
#include <dynvert/sim/platform/parallel.hpp>
#include <dynvert/sim/trial/initial_network.hpp>
#include <dynvert/sim/trial/loss.hpp>

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace dynvert;
using namespace dynvert::test;
using Catch::Matchers::Contains;

namespace {

const std::string base = learning_text({.trials = 60,
                                        .samples = 50,
                                        .layers = "8, 6, 4",
                                        .rate = 0.02,
                                        .network = "init = { kind = \"uniform\", half_width = 0.3 }\n"}) +
                         R"([dynamics]
dt = 0.25
duration = 50.0
[record]
measures = ["angle_feedback", "angle_ndi", "angle_pbp", "angle_bp", "spectral_abscissa", "settling_time", "residual"]
)";

const std::string several = model_text("BP", "credit = 'backprop'") + model_text("PBP", "credit = 'pseudo_backprop'") +
                            model_text("FA", "credit = 'feedback_alignment'\nfeedback = { kind = 'random' }") +
                            model_text("NDI", "credit = 'sequential_inversion'\nsolver = 'fixed_point'") +
                            model_text("DI", "credit = 'sequential_inversion'\nsolver = 'sequential_euler'") +
                            model_text("D5", "credit = 'sequential_inversion'\nsolver = 'dopri5'");

MemoryRecorder run(const std::string& text, const std::vector<std::string>& sets = {}) {
  MemoryRecorder recorder;
  LearningExperiment(configure(text, sets)).run(recorder, {});
  return recorder;
}

}  // namespace

TEST_CASE("the same numbers, bit for bit, for any number of threads and on every run", "[threads]") {
  const auto one = run(base + several).bits();
  CHECK(one == run(base + several).bits());
  CHECK(one == run(base + several, {"experiment.threads=2"}).bits());
  CHECK(one == run(base + several, {"experiment.threads=5"}).bits());
  CHECK(one != run(base + several, {"experiment.seed=7"}).bits());
}

TEST_CASE("batches and evaluations on several threads of one model give the same bits", "[threads]") {
  // 150 columns are three groups, 600 samples five blocks; deep and nonlinear, so that loss is summed over samples
  const std::string text = base + model_text("DI",
                                             "credit = 'sequential_inversion'\nsolver = 'sequential_euler'\n"
                                             "transfer = 'nonlinear'");
  const auto bits = [&](const char* threads, const char* traced) {
    return run(text, {"experiment.trials=8", "task.kind=tanh_teacher", "task.samples=600", "network.activation=tanh",
                      "learning.batch=150", "learning.rate=1e-3", "dynamics.duration=20", "record.evaluate_every=1",
                      fmt::format("experiment.threads={}", threads), traced});
  };
  const MemoryRecorder one = bits("1", "record.trials=[]");
  CHECK(one.bits() == bits("2", "record.trials=[]").bits());
  CHECK(one.bits() == bits("7", "record.trials=[]").bits());
  CHECK(one.bits("/trace/") == bits("3", "record.trials=[2]").bits("/trace/"));
}

TEST_CASE("recording changes nothing but what is recorded") {
  const auto plain = run(base + several, {"record.unsettled_limit=0"}).bits("/trace/");
  CHECK(plain == run(base + several, {"record.trials=[0, 17, 59]"}).bits("/trace/"));
  CHECK(plain == run(base + several, {"record.every=1", "record.interval=0.5"}).bits("/trace/"));
  const MemoryRecorder without = run(base + several, {"record.measures=[]"});
  const auto with = run(base + several).bits();
  for (const auto& [name, values] : without.bits("/trace/")) CHECK(with.at(name) == values);
}

TEST_CASE("a model's numbers do not depend on the models beside it") {
  const auto together = run(base + several).bits();
  const auto alone =
      run(base + model_text("DI", "credit = 'sequential_inversion'\nsolver = 'sequential_euler'")).bits("/nse");
  for (const auto& [name, values] : alone) CHECK(together.at(name) == values);
}

TEST_CASE("the first trial changes nothing where that is asked") {
  const MemoryRecorder recorder = run(base + model_text("BP", "credit = 'backprop'"), {"learning.skip_first=true"});
  const auto& loss = recorder.data.at("/models/BP/eval/train_loss");
  REQUIRE(loss.size() == 61);
  CHECK(loss[0] == loss[1]);
  CHECK(loss[2] != loss[1]);
  CHECK(recorder.data.at("/models/BP/weights/snapshot") == std::vector<double>{0, 60});
  CHECK(recorder.status == "complete");
  CHECK(recorder.committed == 60);
}

TEST_CASE("every sample is shown once an epoch, batches are cut from the same order") {
  const MemoryRecorder recorder = run(base + model_text("BP", "credit = 'backprop'"), {"experiment.trials=100"});
  const auto& order = recorder.data.at("/task/order");
  REQUIRE(order.size() == 100);
  for (const std::ptrdiff_t epoch : {0, 50}) {
    std::vector<double> shown(order.begin() + epoch, order.begin() + epoch + 50);
    std::ranges::sort(shown);
    for (std::size_t i = 0; i < 50; ++i) CHECK(shown[i] == static_cast<double>(i));
  }
  CHECK_FALSE(std::equal(order.begin(), order.begin() + 50, order.begin() + 50));
  const MemoryRecorder batches =
      run(base + several, {"learning.batch=8", "experiment.trials=7", "learning.rate=0.001"});
  const auto& batched = batches.data.at("/task/order");
  REQUIRE(batched.size() == 56);
  CHECK(std::equal(batched.begin(), batched.begin() + 50, order.begin()));
  CHECK(std::all_of(batched.begin() + 50, batched.end(), [](double v) { return v == -1; }));
}

TEST_CASE("a batch changes the weights like its samples together") {
  // from the same weights the change of a batch is the sum of its samples' changes: here BP of two samples by hand
  const MemoryRecorder recorder =
      run(base + model_text("BP", "credit = 'backprop'"), {"learning.batch=2", "experiment.trials=1"});
  const auto matrix = [&](const std::string& name, arma::uword rows, arma::uword columns, std::size_t snapshot) {
    const auto& v = recorder.data.at("/models/BP/weights/" + name);
    return arma::mat(arma::mat(v.data() + snapshot * rows * columns, columns, rows).t());
  };
  const arma::mat W1 = matrix("W1", 6, 8, 0);
  const arma::mat W2 = matrix("W2", 4, 6, 0);
  arma::mat expected = W1;
  for (const std::size_t k : {0U, 1U}) {
    const auto sample = static_cast<std::size_t>(recorder.data.at("/task/order")[k]);
    const arma::vec x(recorder.data.at("/task/x").data() + 8 * sample, 8);
    const arma::vec t(recorder.data.at("/task/t").data() + 4 * sample, 4);
    expected += 0.02 * (W2.t() * (t - W2 * W1 * x)) * x.t();
  }
  CHECK(arma::approx_equal(matrix("W1", 6, 8, 1), expected, "absdiff", 1e-14));
}

TEST_CASE("a diverged trial ends the run with everything up to it, whatever the threads", "[threads]") {
  const std::string unstable = base + model_text("BP", "credit = 'backprop'") +
                               model_text("DI",
                                          "credit = 'sequential_inversion'\nsolver = 'euler'\n"
                                          "feedback = { kind = 'negative_transpose', gain = 40.0 }");
  std::vector<std::map<std::string, std::vector<std::uint64_t>>> results;
  for (const std::string threads : {"1", "2"}) {
    MemoryRecorder recorder;
    LearningExperiment experiment(
        configure(unstable, {"experiment.threads=" + threads, "dynamics.divergence_limit=1e4", "learning.rate=0.05"}));
    try {
      experiment.run(recorder, {});
      FAIL("did not diverge");
    } catch (const DivergenceError& error) {
      CHECK(error.data().model == "DI");
      CHECK(error.data().loop == "loop 2");
      CHECK(error.data().time > 0);
      CHECK_THAT(error.what(), Contains("model DI") && Contains("trial") && Contains("time") && Contains("Try:"));
      CHECK(recorder.committed == error.data().trial + 1);
      CHECK(recorder.data.at("/models/BP/learning/trial").size() == recorder.committed);
      CHECK(recorder.data.at("/models/DI/learning/converged_2").back() == -1);
      CHECK(recorder.data.at("/models/DI/trace/trial").back() == static_cast<double>(error.data().trial));
    }
    CHECK(recorder.status == "diverged");
    // a final snapshot belongs to runs that end at their end
    results.push_back(recorder.bits());
  }
  CHECK(results[0] == results[1]);
}

TEST_CASE("with on_divergence = skip such trials change no weights and are counted") {
  const MemoryRecorder recorder =
      run(base + model_text("DI",
                            "credit = 'sequential_inversion'\nsolver = 'euler'\non_divergence = 'skip'\n"
                            "divergence_limit = 1e4\nfeedback = { kind = 'negative_transpose', gain = 40.0 }"));
  CHECK(recorder.status == "complete");
  const auto& converged = recorder.data.at("/models/DI/learning/converged_2");
  const auto diverged = std::ranges::count(converged, -1.0);
  CHECK(diverged > 0);
  CHECK(std::get<std::int64_t>(recorder.attributes.at("/models/DI:diverged_trials")) == diverged);
  const auto& loss = recorder.data.at("/models/DI/eval/train_loss");
  for (std::size_t k = 0; k < converged.size(); ++k) {
    if (converged[k] == -1) CHECK(loss[k + 1] == loss[k]);
    CHECK(std::isfinite(loss[k + 1]));
  }
  // unasked traces of diverged trials, up to the limit, NaN from the end of the trial on
  CHECK(recorder.data.at("/models/DI/trace/trial").size() ==
        std::min<std::size_t>(10, static_cast<std::size_t>(diverged)));
  CHECK(std::isnan(recorder.data.at("/models/DI/trace/u_2").back()));
}

TEST_CASE("optimised feedback is stable, unstable feedback is restabilised, once, and the event is recorded") {
  const std::string inversion = "credit = 'sequential_inversion'\nsolver = 'sequential_euler'\nfeedback = ";
  const MemoryRecorder recorder =
      run(base + model_text("OPT", inversion + "{ kind = 'optimised', restabilise = true }") +
          model_text("RND", inversion + "{ kind = 'random', restabilise = true }"));
  for (const std::string name : {"OPT", "RND"}) {
    for (const double a : recorder.data.at("/models/" + name + "/learning/spectral_abscissa_2")) CHECK(a < 0);
  }
  const auto& quiet = recorder.data.at("/models/OPT/learning/restabilised_2");
  CHECK(std::ranges::count(quiet, 1.0) == 0);
  // random feedback: half of the eigenvalues of W B are on the wrong side at the start
  const auto& events = recorder.data.at("/models/RND/learning/restabilised_2");
  CHECK(events[0] == 1);
  CHECK(std::ranges::count(events, 1.0) < 5);
  // a snapshot holds the new B, beside that of the start
  const auto& snapshots = recorder.data.at("/models/RND/weights/snapshot");
  CHECK(std::ranges::count(snapshots, 0.0) == 2);
  const auto& B = recorder.data.at("/models/RND/weights/B2");
  CHECK_FALSE(std::equal(B.begin(), B.begin() + 24, B.begin() + 24));
}

TEST_CASE("Ctrl-C between blocks: the run is interrupted and complete up to there") {
  MemoryRecorder recorder;
  std::atomic<bool> stop = false;
  RunControl control{.progress = [&](const ProgressReport& r) { stop = r.trials_done >= 5; }, .stop = &stop};
  LearningExperiment experiment(configure(base + several, {"experiment.trials=1000000"}));
  CHECK(experiment.run(recorder, control) == RunStatus::interrupted);
  CHECK(recorder.status == "interrupted");
  CHECK(recorder.committed >= 5);
  for (const auto* name : {"BP", "DI", "D5"}) {
    CHECK(recorder.data.at(fmt::format("/models/{}/learning/trial", name)).size() == recorder.committed);
    CHECK(recorder.data.at(fmt::format("/models/{}/weights/snapshot", name)).back() ==
          static_cast<double>(recorder.committed));
  }
  CHECK(recorder.data.at("/task/order").size() == recorder.committed);
}

TEST_CASE("the triangular factor gives the loss over all samples to full precision") {
  for (const bool bias : {false, true}) {
    for (const std::string g : {"linear", "tanh"}) {
      Config config = configure(base + several);
      config.network.bias = bias;
      config.network.activation = {g};
      const Dataset data = task_kind("linear_teacher").make(config).train;
      Network network = initial_network(config);
      network.b[1].randu();
      network.b[2].randu();
      if (!bias) {
        network.b[1].zeros();
        network.b[2].zeros();
      }
      Activity activity;
      arma::mat x, t;
      forward(network, data.x.view(0, data.samples(), x), data.t.view(0, data.samples(), t), activity);
      const double expected = arma::accu(arma::square(activity.e));
      CHECK(LossEvaluator(data, network).loss(network) == Approx(expected).epsilon(1e-13));
    }
  }
}

TEST_CASE("which failure is reported does not depend on time", "[threads]") {
  for (const std::size_t threads : {1U, 2U, 7U}) {
    std::vector<int> seen(20);
    try {
      parallel_for(20, threads, [&](std::size_t i) {
        seen[i] = 1;
        if (i % 3 == 2) throw ValueError(fmt::format("{}", i), "fails", "nothing");
      });
      FAIL("no exception");
    } catch (const ValueError& error) {
      CHECK(error.object() == "2");
    }
    CHECK(std::accumulate(seen.begin(), seen.end(), 0) == 20);
  }
}
