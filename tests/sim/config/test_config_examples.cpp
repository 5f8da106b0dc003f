// The examples load, and hold what they say they hold.

#include <dynvert/sim/config/load.hpp>
#include <dynvert/sim/registry.hpp>

#include <catch2/catch.hpp>

#include <map>
#include <string>

using namespace dynvert;

namespace {

Config example(const std::string& name) {
  return load_config(std::string(DYNVERT_SOURCE_DIR) + "/examples/" + name, {}, {}, {}, config_registry());
}

}  // namespace

TEST_CASE("linear_regression.toml holds the ten models of figure 3a-f") {
  const auto config = example("linear_regression.toml");
  CHECK(config.notes.empty());
  CHECK(config.trials == 2000);
  CHECK(config.task.samples == 2000);
  CHECK(config.network.layers == std::vector<std::size_t>{30, 20, 10});
  CHECK(config.learning.clip_delta == 10);
  CHECK(config.learning.skip_first);
  CHECK(config.record.measures.size() == 7);

  std::map<std::string, ModelConfig> models;
  std::string names;
  for (const auto& model : config.models) {
    models[model.name] = model;
    names += model.name + " ";
  }
  CHECK(names == "BP FA FA_2 PBP NDI NDI_2 NDI_3 DI DI_2 DI_3 ");
  CHECK(models["FA"].feedback.kind == "random");
  CHECK(models["FA"].feedback.half_width == 0.5);
  CHECK(models["FA_2"].feedback.gain == 50);
  for (const char* name : {"DI", "DI_2", "DI_3"}) {
    const auto& dynamics = models[name].dynamics;
    CHECK(dynamics.solver == "sequential_euler");
    CHECK(dynamics.dt == 0.5);
    CHECK(dynamics.duration == 999 * 0.5);
    CHECK(dynamics.settle_tolerance == 0);
    CHECK(models[std::string("N") + name].dynamics.solver == "fixed_point");
  }
  for (const char* prefix : {"", "N"}) {
    const auto with = [&](const char* name) { return models[std::string(prefix) + name]; };
    CHECK(with("DI").alpha == 0.01);
    CHECK(with("DI_2").alpha == 0.001);
    CHECK(with("DI_3").alpha == 0.01);
    CHECK(with("DI").feedback.kind == "negative_transpose");
    CHECK(with("DI_2").feedback.kind == "negative_transpose");
    CHECK(with("DI_3").feedback.kind == "optimised");
    CHECK(with("DI_3").feedback.restabilise);
  }
}

TEST_CASE("smallest.toml is a whole configuration") {
  const auto config = example("smallest.toml");
  REQUIRE(config.models.size() == 1);
  CHECK(config.models[0].credit == "sequential_inversion");
  CHECK(config.models[0].dynamics == DynamicsConfig{});
  CHECK(config.network.activation == std::vector<std::string>{"linear"});
  CHECK(config.task.inputs == 30);
  CHECK(config.task.outputs == 10);
}

TEST_CASE("the MNIST examples hold the models of figure 4, and their short forms the same ones") {
  const std::string expected = "BP FA PBP NDI NDI_2 DI DI_2 DI_tanh ";
  for (const std::string task : {"mnist_classification", "mnist_autoencoder"}) {
    const auto full = example(task + ".toml"), brief = example(task + "_short.toml");
    INFO(task);
    CHECK(full.notes.empty());
    CHECK(full.task.kind == task);
    std::string names;
    for (const auto& model : full.models) names += model.name + " ";
    CHECK(names == expected);
    auto models = brief.models;
    for (std::size_t m = 0; m < models.size(); ++m) models[m].dynamics.duration = full.models[m].dynamics.duration;
    CHECK(full.models == models);
    CHECK(full.network == brief.network);
    CHECK(full.learning == brief.learning);
    CHECK(brief.trials < full.trials / 100);
    CHECK(full.models[5].dynamics.duration == 999 * 0.5);
    CHECK(full.models[7].dynamics.transfer == "nonlinear");
  }
  const auto classification = example("mnist_classification.toml");
  CHECK(classification.trials == 15 * 60'000);
  CHECK(classification.task.samples == 60'000);
  CHECK(classification.task.test_samples == 10'000);
  CHECK(classification.network.layers == std::vector<std::size_t>{784, 1000, 10});
  CHECK(classification.learning.decay == 1e-6);
  CHECK(example("mnist_autoencoder.toml").trials == 20 * 600);
  CHECK(example("digits.toml").notes.empty());
}
