#include "support/configure.hpp"
#include "support/experiment_text.hpp"
#include "support/memory_recorder.hpp"

#include <dynvert/models/error.hpp>
#include <dynvert/models/network/network.hpp>
#include <dynvert/sim/experiment/learning_experiment.hpp>

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

using namespace dynvert;
using namespace dynvert::test;
using Catch::Matchers::Contains;

namespace {

const std::string base = learning_text({.trials = 12,
                                        .samples = 10,
                                        .layers = "5, 3, 6",
                                        .rate = 0.02,
                                        .network = "init = { kind = \"uniform\", half_width = 0.3 }\n"}) +
                         R"([dynamics]
duration = 50.0
[record]
trials = [0]
measures = ["angle_ndi", "spectral_abscissa", "residual"]
)";

/// A way to make every trial of a model fail.
struct Failure {
  Fault fault;
  std::string keys;  ///< of the model
  std::vector<std::string> sets;
  std::string words;  ///< of the message
};

const Failure failures[] = {
    {Fault::diverged, "solver = 'euler'\ndt = 0.5\nfeedback = { gain = 1e6 }", {}, "diverged at time"},
    {Fault::step_limit, "solver = 'dopri5'\nmax_steps = 3", {}, "max_steps = 3"},
    {Fault::singular, "solver = 'fixed_point'\nalpha = 0.0", {}, "singular"},
    {Fault::not_stabilised,
     "solver = 'rk4'\ndt = 0.5\nfeedback = { kind = 'random', restabilise = true, margin = -1e5 }",
     {},
     "could not be brought below"},
    {Fault::update, "solver = 'rk4'\ndt = 0.5", {"learning.rate=1e300"}, "would not be finite"},
};

Config failing(const Failure& failure, const std::string& on_divergence) {
  return configure(base + inversion_text("DI", fmt::format("on_divergence = \"{}\"\n{}", on_divergence, failure.keys)),
                   failure.sets);
}

bool all_finite(const std::vector<double>& values) {
  return std::ranges::all_of(values, [](double v) { return std::isfinite(v); });
}

}  // namespace

TEST_CASE("each numerical fault is named per trial, changes no weights, and ends the run only where that is asked") {
  for (const Failure& failure : failures) {
    CAPTURE(static_cast<int>(failure.fault), failure.keys);
    const auto code = static_cast<double>(failure.fault);
    {
      MemoryRecorder recorder;
      LearningExperiment experiment(failing(failure, "skip"));
      CHECK(experiment.run(recorder, {}) == RunStatus::complete);
      const auto& faults = recorder.data.at("/models/DI/learning/fault");
      REQUIRE(faults.size() == 12);
      CHECK(std::ranges::count(faults, code) == 12);
      CHECK(std::ranges::count(recorder.data.at("/models/DI/learning/converged_2"), -1.0) == 12);
      for (const std::string name : {"W1", "W2"}) {
        const auto& W = recorder.data.at("/models/DI/weights/" + name);
        CHECK(all_finite(W));
        const auto half = W.begin() + static_cast<std::ptrdiff_t>(W.size() / 2);
        CHECK(std::equal(W.begin(), half, half));
      }
      const auto failed = experiment.failed_trials();
      REQUIRE(failed.size() == 1);
      CHECK(failed[0].count == 12);
      CHECK_THAT(failed[0].first, Contains("trial 0") && Contains(failure.words));
      CHECK(std::get<std::int64_t>(recorder.attributes.at("/models/DI:diverged_trials")) == 12);
    }
    MemoryRecorder recorder;
    LearningExperiment experiment(failing(failure, "stop"));
    try {
      experiment.run(recorder, {});
      FAIL("went on");
    } catch (const NumericalError& error) {
      CHECK_THAT(error.what(), Contains("model DI") && Contains("trial 0") && Contains("Try:"));
    }
    CHECK(recorder.status == "diverged");
    CHECK(recorder.data.at("/models/DI/learning/fault") == std::vector<double>{code});
  }
}

TEST_CASE("the advice names the likely cause: weights that learning has made too large, not the loops that then fail") {
  const auto said = [](const std::string& keys, double rate) -> std::string {
    MemoryRecorder recorder;
    const std::vector<std::string> sets{"experiment.trials=300", fmt::format("learning.rate={}", rate)};
    try {
      LearningExperiment(configure(base + model_text("M", keys), sets)).run(recorder, {});
    } catch (const NumericalError& error) {
      return error.what();
    }
    return "did not fail";
  };
  for (const std::string credit : {"backprop", "feedback_alignment", "pseudo_backprop"}) {
    const std::string message = said("credit = '" + credit + "'\n", 50);
    CAPTURE(message);
    CHECK_THAT(message, Contains("smaller learning.rate") && Contains("has grown from"));
    // what these models refuse
    for (const std::string key : {"alpha", "dt", "solver", "feedback of kind", "time 0"})
      CHECK_THAT(message, !Contains(key));
  }
  const std::string loops = "credit = 'sequential_inversion'\nsolver = 'sequential_euler'\ndt = 0.5\n";
  CHECK_THAT(said(loops, 50), Contains("smaller learning.rate") && Contains("has grown from"));
  // loops that are unstable with the weights that they start from: learning has no part in it
  const std::string unstable =
      said("credit = 'sequential_inversion'\nsolver = 'euler'\ndt = 0.5\nfeedback = { gain = 1e6 }\n", 1e-3);
  CHECK_THAT(unstable, Contains("larger alpha") && !Contains("learning.rate"));
}

TEST_CASE("targets that are not finite, or too large, change no weights") {
  for (const std::string keys : {"solver = 'rk4'\ndt = 0.5", "forward = 'dynamic'"}) {
    MemoryRecorder recorder;
    LearningExperiment(failing({Fault::not_finite, keys, {"task.teacher_half_width=1e308"}, ""}, "skip"))
        .run(recorder, {});
    const auto& faults = recorder.data.at("/models/DI/learning/fault");
    CHECK(std::ranges::count(faults, 2.0) > 0);
    CHECK(std::ranges::count(faults, 0.0) == 0);
    CHECK(all_finite(recorder.data.at("/models/DI/weights/W1")));
  }
}

TEST_CASE("weights learn from finite numbers only") {
  const std::size_t depth = 2;
  const double inf = std::numeric_limits<double>::infinity();
  Activity activity;
  activity.h = {arma::mat(3, 2, arma::fill::ones), arma::mat(4, 2, arma::fill::ones), arma::mat(2, 2)};
  Credit credit = {arma::mat(), arma::mat(4, 2, arma::fill::ones), arma::mat(2, 2, arma::fill::ones)};
  const LearningRule rule{.eta = 0.1, .lambda = 0, .clip_delta = inf, .normalise_updates = false};
  CHECK(can_learn(rule, activity, credit));
  for (const double bad : {inf, -inf, std::nan(""), 1e300}) {
    for (std::size_t l = 1; l <= depth; ++l) {
      Credit other = credit;
      other[l](1, 1) = bad;
      CHECK_FALSE(can_learn(rule, activity, other));
      Activity shown = activity;
      shown.h[l - 1](1, 1) = bad;
      CHECK_FALSE(can_learn(rule, shown, credit));
    }
  }
  // what is clipped before the weights change is no harm
  credit[1](0, 0) = 1e300;
  CHECK_FALSE(can_learn(rule, activity, credit));
  LearningRule clipped = rule;
  clipped.clip_delta = 1;
  CHECK(can_learn(clipped, activity, credit));
}

TEST_CASE("a gradient too small to be normalised changes nothing") {
  Network network({3, 4, 2}, {"linear", "linear"}, true);
  const LearningRule rule{
      .eta = 0.1, .lambda = 0, .clip_delta = std::numeric_limits<double>::infinity(), .normalise_updates = true};
  Activity activity;
  activity.h = {arma::mat(3, 1, arma::fill::ones), arma::mat(4, 1, arma::fill::ones), arma::mat(2, 1)};
  Credit credit = {arma::mat(), arma::mat(4, 1, arma::fill::zeros), arma::mat(2, 1, arma::fill::zeros)};
  credit[1](0, 0) = 5e-324;
  learn(rule, activity, credit, network);
  for (std::size_t l = 1; l <= 2; ++l) {
    CHECK(network.W[l].is_zero());
    CHECK(network.b[l].is_zero());
  }
}

TEST_CASE("a loop without a steady state is named as such, trial by trial, and only such a loop") {
  // One unit each, relu, positive feedback w b > alpha. -alpha u + w relu(b u) = s needs u (w b - alpha) = s where
  // b u > 0, and -alpha u = s elsewhere: both have a solution of their own sign if s has the sign of b, and neither
  // else.
  const auto text = [](int seed) {
    return learning_text({.trials = 30,
                          .layers = "1, 1, 1",
                          .rate = 0,
                          .network = "activation = \"relu\"\ninit = { kind = \"uniform\", half_width = 1.0 }\n",
                          .experiment = fmt::format("seed = {}\n", seed)}) +
           inversion_text("NDI", R"(solver = "fixed_point"
transfer = "nonlinear"
alpha = 0.01
feedback = { kind = "random" }
on_divergence = "skip")");
  };
  int loops = 0;
  for (int seed = 0; seed < 20; ++seed) {
    MemoryRecorder recorder;
    LearningExperiment(configure(text(seed))).run(recorder, {});
    const auto first = [&](const char* name) {
      return recorder.data.at(std::string("/models/NDI/weights/") + name)[0];
    };
    const double W1 = first("W1"), w = first("W2"), b = first("B2");
    if (w * b < 0.05) continue;
    ++loops;
    for (std::size_t k = 0; k < 30; ++k) {
      const auto sample = static_cast<std::size_t>(recorder.data.at("/task/order")[k]);
      const double e =
          recorder.data.at("/task/t")[sample] - w * std::max(0.0, W1 * recorder.data.at("/task/x")[sample]);
      CAPTURE(seed, k, w, b, e);
      CHECK(recorder.data.at("/models/NDI/learning/fault")[k] == (e * b > 0 ? 0 : 4));
      CHECK(recorder.data.at("/models/NDI/learning/converged_2")[k] == (e * b > 0 ? 1 : -1));
    }
  }
  CHECK(loops > 3);
}
