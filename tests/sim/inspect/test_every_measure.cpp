// What every measure must do, of all that are registered: no measure is named here. Their definitions are held by
// tests/analysis/test_stability.cpp, tests/analysis/trial and tests/sim/solvers/test_stable_step.cpp.

#include "support/experiment_text.hpp"
#include "support/run_program.hpp"

#include <dynvert/analysis/stability_map.hpp>
#include <dynvert/analysis/trial/registry.hpp>
#include <dynvert/sim/hdf5/hdf5.hpp>
#include <dynvert/sim/record/run_reader.hpp>
#include <dynvert/sim/report/report_page.hpp>
#include <dynvert/sim/trial/loop_stability.hpp>
#include <dynvert/sim/trial/measures.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <set>

using namespace dynvert;
using namespace dynvert::test;
using Catch::Matchers::Contains;

namespace {

struct Drawn {
  Network network;
  Feedback feedback;
};

/// Random weights for a model; the feedback is minus the transposed path, disturbed: some loops are stable, some not.
Drawn draw(const CreditModel& model, unsigned seed) {
  arma::arma_rng::set_seed(seed);
  Drawn w{.network = Network({4, 6, 5, 3}, {"tanh", "tanh", "linear"}, true), .feedback = Feedback(4)};
  for (std::size_t l = 1; l <= w.network.depth(); ++l) w.network.W[l] = 0.5 * arma::randn(arma::size(w.network.W[l]));
  for (const FeedbackPath& path : model.feedback(w.network.depth())) {
    const arma::mat transposed = w.network.path(path.bottom, path.top).t();
    w.feedback[path.number] = -transposed + 0.3 * arma::randn(arma::size(transposed));
  }
  return w;
}

/// The units of every layer in another order.
Drawn permuted(const CreditModel& model, const Drawn& w) {
  std::vector<arma::uvec> order;
  for (const std::size_t units : w.network.units) order.push_back(arma::randperm(units));
  Drawn p = w;
  for (std::size_t l = 1; l <= w.network.depth(); ++l) {
    p.network.W[l] = w.network.W[l](order[l], order[l - 1]);
    p.network.b[l] = w.network.b[l].rows(order[l]);
  }
  for (const FeedbackPath& path : model.feedback(w.network.depth())) {
    p.feedback[path.number] = w.feedback[path.number](order[path.bottom], order[path.top]);
  }
  return p;
}

LoopParameters times(double factor) {
  return {.alpha = 0.3, .tau_delta = 0.7 * factor, .tau_u = 1.6 * factor, .tau_h = 2 * factor};
}

/// Calls back with each loop of a model at rest.
template <typename Use>
void for_each_loop(const CreditModel& model, const Drawn& w, const LoopParameters& parameters, const Use& use) {
  for (const Stage& stage : model.stages(w.network, parameters)) {
    if (stage.loops.empty()) continue;
    ReadyStage resting = at_rest(stage, w.network, w.feedback);
    for (const ControlLoop& loop : stage.loops) use(stage, resting, loop);
  }
}

/// Of all loops with these weights, one loop after the other.
std::vector<LoopStability> all_loops(const CreditModel& model, const Drawn& w, const LoopParameters& parameters) {
  return loops_at_rest(model.stages(w.network, parameters), w.network, w.feedback);
}

/// Calls back with every model that has loops and several draws of its weights.
template <typename Use>
void for_random_weights(const Use& use) {
  constexpr unsigned draws = 8;
  for (const CreditModel& model : credit_models()) {
    if (!model.stages) continue;
    for (unsigned seed = 1; seed <= draws; ++seed) {
      INFO(model.name << ", seed " << seed);
      use(model, draw(model, seed));
    }
  }
}

std::uint64_t bits(double value) { return std::bit_cast<std::uint64_t>(value); }

/// Equal up to rounding. Eigenvalues next to a double one, of which these loops have some, are known to the root of the
/// rounding only: 1e-8, times their condition.
void check_near(double value, double expected) {
  if (std::isnan(expected)) {
    CHECK(std::isnan(value));
  } else {
    CHECK(value == Approx(expected).epsilon(1e-6).margin(1e-7));
  }
}

std::string config_with(const std::string& measures) {
  return learning_text({.trials = 12,
                        .samples = 20,
                        .layers = "5, 4, 4, 3",
                        .network = "activation = \"tanh\"\ninit = { half_width = 0.5 }\n"}) +
         fmt::format("[record]\ntrials = [5, 7]\nweights_every = 5\nmeasures = [{}]\n", measures) +
         inversion_text("DI", "transfer = \"nonlinear\"\nalpha = 0.5\nduration = 30.0");
}

std::string simulate(const TemporaryFolder& folder, const std::string& name, bool measured) {
  std::vector<std::string> names;
  if (measured) {
    for (const TrialMeasure& measure : measures()) names.push_back('"' + measure.name + '"');
  }
  const std::string text = config_with(fmt::format("{}", fmt::join(names, ", ")));
  const Outcome run =
      dynvert_run({"simulate", write(folder, name + ".toml", text), "-o", folder / (name + ".h5"), "--quiet"});
  INFO(run.err);
  REQUIRE(run.code == 0);
  return folder / (name + ".h5");
}

}  // namespace

TEST_CASE("every measure: has a name of its own, and words for people") {
  std::set<std::string> names;
  for (const TrialMeasure& measure : measures()) {
    INFO(measure.name);
    CHECK(names.insert(measure.name).second);
    CHECK(measure.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789") == std::string::npos);
    CHECK(!measure.label.empty());
    CHECK(!measure.units.empty());
    CHECK(!measure.description.empty());
    CHECK(measure.value);
  }
  // each stability measure is a trial's, too
  for (const LoopMeasure& measure : stability_measures()) CHECK(names.contains(measure.name));
  CHECK(names.size() == trial_measures().size() + stability_measures().size());
}

TEST_CASE("every stability measure: the same each time, and it leaves the circuit alone") {
  for_random_weights([](const CreditModel& model, const Drawn& w) {
    for_each_loop(model, w, times(1), [](const Stage&, ReadyStage& resting, const ControlLoop& loop) {
      const State before = resting.x;
      const LoopStability first = loop_stability(LinearisedLoop({&resting.f, &resting.x, &loop}));
      // whatever was asked for before
      for (std::size_t i = first.values.size(); i-- > 0;) {
        const LoopMeasure& measure = stability_measures()[i];
        INFO(measure.name);
        CHECK(bits(measure.value(LinearisedLoop({&resting.f, &resting.x, &loop}))) == bits(first.values[i]));
      }
      CHECK(resting.x == before);
    });
  });
}

TEST_CASE("every stability measure: NaN only of a loop that is not stable, and then that is found") {
  for_random_weights([](const CreditModel& model, const Drawn& w) {
    for (const LoopStability& loop : all_loops(model, w, times(1))) {
      const auto found = findings(loop, {});
      const bool unstable = std::ranges::any_of(found, &Finding::unstable);
      for (std::size_t i = 0; i < loop.values.size(); ++i) {
        const LoopMeasure& measure = stability_measures()[i];
        INFO(measure.name);
        if (std::isnan(loop.values[i])) CHECK(unstable);
        if (measure.unstable_above && loop.values[i] > *measure.unstable_above) CHECK(unstable);
      }
    }
  });
}

TEST_CASE("every stability measure: does not depend on the order of units, and has the units that it says") {
  const double factor = 2;
  for_random_weights([&](const CreditModel& model, const Drawn& w) {
    const auto plain = all_loops(model, w, times(1));
    const auto other_order = all_loops(model, permuted(model, w), times(1));
    const auto slower = all_loops(model, w, times(factor));
    REQUIRE(!plain.empty());
    for (std::size_t k = 0; k < plain.size(); ++k) {
      for (std::size_t i = 0; i < plain[k].values.size(); ++i) {
        const LoopMeasure& measure = stability_measures()[i];
        INFO(measure.name << ", loop " << plain[k].loop);
        const double value = plain[k].values[i];
        check_near(other_order[k].values[i], value);
        const double scale = measure.units == "time" ? factor : measure.units == "1/time" ? 1 / factor : 1;
        check_near(slower[k].values[i], scale * value);
      }
    }
  });
}

TEST_CASE("every stability measure: by the reduced form alone, in a map and in a trial as for the circuit") {
  std::size_t mapped = 0;
  for_random_weights([&](const CreditModel& model, const Drawn& w) {
    for_each_loop(model, w, times(1), [&](const Stage& stage, ReadyStage& resting, const ControlLoop& loop) {
      const LinearisedLoop whole({&resting.f, &resting.x, &loop});
      REQUIRE(whole.modes());
      const LinearisedLoop reduced(*whole.modes(), whole.controller());
      const double alpha = resting.f.leak(loop.controller, 0);
      const double tau_u = resting.f.tau(loop.controller, 0);
      const auto maps =
          stability_maps(stability_measures(), *whole.modes(), whole.controller(), 1.0, {{alpha}}, {{tau_u}});
      const StageResult result{.stage = &stage, .f = &resting.f, .x = &resting.x};
      const Activity activity;
      const Credit credit(w.network.depth() + 1);
      const auto paths = model.feedback(w.network.depth());
      const TrialView trial(w.network, paths, w.feedback, activity, credit, {&result, 1});
      for (const LoopMeasure& measure : stability_measures()) {
        INFO(measure.name);
        const double value = measure.value(whole);
        CHECK(bits(of_trial(measure).value(trial, loop.number)) == bits(value));
        if (!measure.needs_circuit) CHECK(bits(measure.value(reduced)) == bits(value));
        const auto map = std::ranges::find(maps, &measure, &StabilityMap::measure);
        CHECK((map != maps.end()) == in_map(measure));
        if (map == maps.end()) continue;
        CHECK(bits(map->values.at(0)) == bits(value));
        ++mapped;
      }
    });
  });
  CHECK(mapped > 0);
}

TEST_CASE("every stability measure that ignores the leak: does") {
  for_random_weights([](const CreditModel& model, const Drawn& w) {
    LoopParameters more = times(1);
    more.alpha *= 2;
    const auto plain = all_loops(model, w, times(1));
    const auto leaky = all_loops(model, w, more);
    for (std::size_t i = 0; i < stability_measures().size(); ++i) {
      if (stability_measures()[i].depends_on_leak) continue;
      INFO(stability_measures()[i].name);
      for (std::size_t k = 0; k < plain.size(); ++k) check_near(leaky[k].values[i], plain[k].values[i]);
    }
  });
}

TEST_CASE("every measure: shows in a run, in inspect, as JSON, in maps and in the report, recording changes nothing") {
  const TemporaryFolder folder;
  const std::string path = simulate(folder, "measured", true);
  const RunReader file(path);
  const RunReader plain(simulate(folder, "plain", false));

  // the same weights, trajectories and errors
  for (const std::string group : {"learning", "eval", "weights", "trace"}) {
    for (const std::string& name : plain.children("/models/DI/" + group)) {
      const std::string dataset = fmt::format("/models/DI/{}/{}", group, name);
      const auto before = plain.rows(dataset, 0, plain.shape(dataset).front()).values;
      const auto after = file.rows(dataset, 0, file.shape(dataset).front()).values;
      INFO(dataset);
      CHECK(std::ranges::equal(before, after, {}, bits, bits));
    }
  }

  const auto json = nlohmann::json::parse(dynvert_run({"inspect", path, "--model", "DI", "--json"}).out)["models"][0];
  const auto trial =
      nlohmann::json::parse(dynvert_run({"inspect", path, "--model", "DI", "--trial", "5", "--json"}).out);
  const auto& computed = trial["models"][0]["trial"]["computed"];
  const std::string overview = dynvert_run({"inspect", path}).out;
  const std::string stability = dynvert_run({"inspect", path, "--model", "DI"}).out;
  const std::string of_trial = dynvert_run({"inspect", path, "--model", "DI", "--trial", "5"}).out;
  const auto number = [](const nlohmann::json& value) {
    return value.is_number() ? value.get<double>() : value.is_null() ? arma::datum::nan : arma::datum::inf;
  };
  for (const TrialMeasure& measure : measures()) {
    INFO(measure.name);
    // what learns is as it was recorded: a trial that is run again changes no weights
    const bool of_matrix = measure.of == TrialMeasure::Of::matrix;
    std::size_t columns = 0;
    for (std::size_t l = 1; l <= 3; ++l) {
      const std::string name = fmt::format("{}_{}{}", measure.name, of_matrix ? "W" : "", l);
      if (!file.has("/models/DI/learning/" + name)) continue;
      ++columns;
      if (of_matrix) continue;
      // run again from the snapshot of that trial, by the same operations: as recorded
      REQUIRE(computed["measures"].contains(name));
      check_near(number(computed["measures"][name]), file.value("/models/DI/learning/" + name, 5));
      CHECK_THAT(stability, Contains(name));
    }
    CHECK(columns > 0);
    if (!of_matrix) CHECK_THAT(of_trial, Contains(measure.label));
    if (measure.summary != OverTrials::nothing) {
      const MeasureSummary summary{.measure = &measure, .value = std::nullopt, .median = std::nullopt};
      CHECK_THAT(overview, Contains(summary.measure->label));
      CHECK(json.contains(fmt::format("{}_{}", summary.statistic(), measure.name)));
    }
  }

  const std::string map = folder / "map.h5";
  REQUIRE(dynvert_run({"inspect", path, "--map", "alpha=0.1:1", "--points", "2", "-o", map}).code == 0);
  const h5::File maps = h5::open_file(map);
  const auto report = nlohmann::json::parse(report_json(read_report(file, {})));
  const auto& loop = report["models"][0]["trials"][0]["loops"][0];
  const auto& at_rest = json["stability"][0]["loops"][0];
  REQUIRE(loop["spectrum"]["stability"].size() == stability_measures().size());
  for (std::size_t i = 0; i < stability_measures().size(); ++i) {
    const LoopMeasure& measure = stability_measures()[i];
    INFO(measure.name);
    CHECK_THAT(stability, Contains(measure.label));
    CHECK(at_rest.contains(measure.name));
    CHECK(h5::has(maps, fmt::format("/maps/DI/{}_{}", measure.name, at_rest["loop"].get<int>())) == in_map(measure));
    CHECK(report["stability"][i]["name"] == measure.name);
    // the report's trial 5 is the one that was run again: its loops at the recorded end of the trajectory
    const std::string name = fmt::format("{}_{}", measure.name, loop["number"].get<int>());
    check_near(number(loop["spectrum"]["stability"][i]), number(computed["measures"][name]));
  }
}
