// Keys that --set, --seed and --threads change: what they reach, and that an error names its text as the place.

#include <dynvert/sim/config/load.hpp>

#include <catch2/catch.hpp>

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "support/config_text.hpp"

using namespace dynvert;
using namespace dynvert::test;

TEST_CASE("keys are changed one by one with --set") {
  CHECK(parse(base, {"dynamics.dt=0.25"}).models[2].dynamics.dt == 0.25);
  CHECK(parse(base, {"model.DI.alpha=0.1"}).models[2].alpha == 0.1);
  CHECK(parse(base, {"model.DI.solver=euler"}).models[2].dynamics.solver == "euler");
  CHECK(parse(base, {"model.DI.solver=\"euler\""}).models[2].dynamics.solver == "euler");
  CHECK(parse(base, {"model.DI.feedback.gain=5"}).models[2].feedback.gain == 5);
  CHECK(parse(base, {"model.DI.feedback={kind=\"random\"}"}).models[2].feedback.kind == "random");
  CHECK(parse(base, {"network.init.half_width=0.3"}).network.init.half_width == 0.3);
  CHECK(parse(base, {"record.trials=[1, 2]"}).record.trials == std::vector<std::size_t>{1, 2});
  CHECK(parse(base, {"experiment.title=two words"}).title == "two words");
  CHECK(parse(base, {"experiment.title=a \"quoted\" \\ one"}).title == "a \"quoted\" \\ one");
  CHECK(parse(base, {" experiment.title = x=y"}).title == "x=y");
  CHECK(parse(base, {"experiment.title="}).title.empty());
  CHECK(parse(base, {"experiment.title=a\nb = 1"}).title == "a\nb = 1");
  CHECK(parse(base, {"experiment.seed=1", "experiment.seed=2"}).seed == 2);
  CHECK(parse(base, {"learning.clip_delta=10"}).learning.clip_delta == 10);

  const auto config =
      parse_config(base, "x.toml", std::vector<std::string>{"experiment.seed=1"}, 5, 2, test_registry());
  CHECK(config.seed == 5);
  CHECK(config.threads == 2);
}

TEST_CASE("an error of a --set names its text as the place") {
  struct SetCase {
    std::string set, key, fault, allowed, nearest;
  };
  const std::vector<SetCase> cases{
      {"dynamics.dtt=1", "dynamics.dtt", "unknown key", "solver, dt", "dt"},
      {"dynamics.dt=0.5x", "dynamics.dt", "found the string \"0.5x\"", "a real number", ""},
      {"dynamics.dt=-1", "dynamics.dt", "found the integer -1", "above 0", ""},
      {"dynamics.dt=nan", "dynamics.dt", "found the real nan", "a finite real", ""},
      {"model.DJ.alpha=0.1", "model.DJ", "no model has the name \"DJ\"", "BP, FA, DI", "DI"},
      {"model.DI=0.1", "model.DI", "none of its keys", "model.DI.KEY=value", ""},
      {"model.DI.sovler=rk4", "model.DI.sovler", "unknown key", "name, credit", "solver"},
      {"model.BP.alpha=0.1", "model.BP.alpha", "does not apply with credit = \"backprop\"", "leave it out", ""},
      {"dynamic.dt=0.5", "dynamic", "unknown table", "experiment, task", "dynamics"},
      {"network.layers.x=1", "network.layers", "found a table", "a list of integers", ""},
      {"dt=0.5", "", "not of the form", "dynamics.dt=0.25", ""},
      {"dynamics.dt", "", "not of the form", "dynamics.dt=0.25", ""},
      {"dynamics..dt=1", "", "not of the form", "dynamics.dt=0.25", ""},
      {"=1", "", "not of the form", "dynamics.dt=0.25", ""},
      {"", "", "not of the form", "dynamics.dt=0.25", ""},
      {"experiment.title=\xff", "experiment.title", "not UTF-8", "UTF-8", ""},
  };
  for (const auto& c : cases) {
    const auto fault = fault_of(base, {c.set});
    INFO(fault.message);
    CHECK(fault.data.file == "--set " + c.set);
    CHECK(fault.data.line == 0);
    CHECK(fault.data.key == c.key);
    CHECK(contains(fault.data.fault, c.fault));
    CHECK(contains(fault.data.allowed, c.allowed));
    CHECK(fault.data.nearest == c.nearest);
  }
  // a table that is none is the fault of the file, whatever is set in it
  CHECK(contains(fault_of("task = 3\n", {"task.samples=5"}).message, "test.toml:1: task: found the integer 3"));
  const auto message = [](std::optional<std::uint64_t> seed, std::optional<std::size_t> threads) -> std::string {
    try {
      static_cast<void>(parse_config(base, "x.toml", {}, seed, threads, test_registry()));
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "accepted";
  };
  CHECK(message(std::numeric_limits<std::uint64_t>::max(), {}) ==
        "--seed 18446744073709551615: experiment.seed: is too large; allowed: 0 to 9223372036854775807");
  CHECK(message({}, 0) == "--threads 0: experiment.threads: found the integer 0; allowed: 1 to 1024");
}

TEST_CASE("a --set reaches populations, projections and inputs by their names, and nothing else") {
  const std::string text = R"([experiment]
title = "circuit"
[[population]]
name = "E"
units = 2
[[projection]]
source = "E"
target = "E"
[[input]]
population = "E"
[[input]]
population = "E"
[[input]]
population = "E"
shape = "sine"
[[input]]
name = "pulse"
population = "E"
duration = 10.0
)";
  const auto plain = parse(text);
  const auto names = [](const Config& config) {
    std::vector<std::string> result;
    for (const InputConfig& input : config.circuit.inputs) result.push_back(input.name);
    return result;
  };
  CHECK(names(plain) == std::vector<std::string>{"E_step", "E_step_2", "E_sine", "pulse"});
  CHECK(plain.circuit.inputs[2].parameters.real("period") == 1);
  const auto changed = parse(text, {"input.E_step_2.amplitude=9", "input.E_sine.period=4", "input.pulse.duration=5",
                                    "population.E.tau=2", "projection.E_E.weight=0.5"});
  CHECK(changed.circuit.inputs[0].amplitude == std::vector<double>{1});
  CHECK(changed.circuit.inputs[1].amplitude == std::vector<double>{9});
  CHECK(changed.circuit.inputs[2].parameters.real("period") == 4);
  CHECK(changed.circuit.inputs[3].duration == 5);
  CHECK(changed.circuit.populations[0].tau == 2);
  CHECK(changed.circuit.projections[0].weight == 0.5);
  // an input keeps the name that reached it, and others theirs, when its shape changes
  const auto reshaped = parse(text, {"input.E_step.shape=ramp", "input.E_step.rise=2", "input.E_step_2.start=1"});
  CHECK(names(reshaped) == names(plain));
  CHECK(reshaped.circuit.inputs[0].parameters.real("rise") == 2);
  CHECK(parse(plain.resolved).resolved == plain.resolved);

  struct SetCase {
    std::string set, key, fault, nearest;
  };
  for (const SetCase& c : std::vector<SetCase>{
           {"input.amplitude=9", "input.amplitude", "no input has the name", "input.E_step.amplitude"},
           {"input.foo=1", "input.foo", "no input has the name", ""},
           {"input.E_stp.amplitude=9", "input.E_stp", "no input has the name", "E_step"},
           {"input.E_step=9", "input.E_step", "names an input, but none of its keys", ""},
           {"input.E_step.amplitud=9", "input[1].amplitud", "unknown key", "amplitude"},
           {"input.E_step.period=2", "input[1].period", "does not apply with shape = \"step\"", ""},
           {"input.E_step_2.name=pulse", "input[4].name", "is taken already", ""},
           {"population.tau=2", "population.tau", "no population has the name", "population.E.tau"},
           {"projection.weight=2", "projection.weight", "no projection has the name", "projection.E_E.weight"},
           {"model.DI.alpha=1", "model.DI", "no model has the name", ""},
           {"learning.rate=1", "learning", "does not apply with [[population]]", ""},
           {"dynamics.phases.duration=5", "dynamics.phases", "found a table", ""}}) {
    const auto fault = fault_of(text, {c.set});
    INFO(fault.message);
    CHECK(fault.data.key == c.key);
    CHECK(contains(fault.data.fault, c.fault));
    CHECK(fault.data.nearest == c.nearest);
  }
  CHECK(contains(fault_of(base, {"input.E_step.amplitude=9"}).message, "no input has a name"));
  CHECK(fault_of(base, {"model.solver=rk4"}).data.nearest == "model.BP.solver");
}

TEST_CASE("what --unset names is left out: keys, tables and models") {
  const auto without = [](const std::vector<std::string>& unsets, const std::vector<std::string>& sets = {}) {
    return parse_config(base, "x.toml", sets, {}, {}, test_registry(), unsets);
  };
  CHECK(without({"experiment.title"}).title.empty());
  CHECK(without({"network.init.half_width"}).network.init.half_width == InitConfig{}.half_width);
  CHECK(without({"network.init"}).network.init.half_width == InitConfig{}.half_width);
  const Config fewer = without({"model.BP"});
  CHECK(fewer.models.size() == parse(base).models.size() - 1);
  CHECK(fewer.models.front().name != "BP");
  // before what is set
  CHECK(without({"experiment.seed"}, {"experiment.seed=9"}).seed == 9);
  const auto fault = [&](const std::string& key) -> ConfigError::Data {
    try {
      static_cast<void>(without({key}));
    } catch (const ConfigError& error) {
      return error.data();
    }
    return {};
  };
  CHECK(fault("experiment.sede").nearest == "seed");
  CHECK(fault("model.DJ").nearest == "DI");
  CHECK(fault("model.DI.alfa").fault == "is not in the file");
  CHECK(fault("").file == "--unset ");
  CHECK(fault("learning.rate").fault == "is missing");
}

TEST_CASE("a key of the file that a --set makes idle is left out with a note") {
  const std::string text = base + "\n[[model]]\nname = \"E\"\ncredit = \"sequential_inversion\"\nalpha = 0.5\n";
  const Config config = parse(text, {"model.E.credit=backprop"});
  REQUIRE(config.models.back().credit == "backprop");
  REQUIRE_FALSE(config.notes.empty());
  CHECK_THAT(config.notes.front(),
             Catch::Contains("model.E.alpha does not apply with credit = \"backprop\", and is left "
                             "out"));
  // what was idle before is an error still
  CHECK_THROWS_WITH(parse(text + "[model.feedback]\npath = \"x\"\n", {"experiment.seed=3"}),
                    Catch::Contains("model.E.feedback.path: does not apply"));
}
