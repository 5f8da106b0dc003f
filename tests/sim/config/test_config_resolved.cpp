// The resolved text is the configuration: it reads back as the same values and the same text.

#include <dynvert/sim/config/keys.hpp>
#include <dynvert/sim/config/load.hpp>

#include <rapidcheck.h>
#include <catch2/catch.hpp>

#include <set>
#include <string>
#include <vector>

#include "support/config_registry.hpp"

using namespace dynvert;

namespace {

Config parse(const std::string& text) { return parse_config(text, "/configs/test.toml", {}, {}, {}, test_registry()); }

double between(double least, double greatest) {
  // all bits of the mantissa at work, so that a digit lost in the text is noticed
  const auto part = static_cast<double>(*rc::gen::inRange<std::int64_t>(0, std::int64_t{1} << 53)) / 9007199254740992.0;
  return least + part * (greatest - least);
}

std::size_t count(std::size_t least, std::size_t greatest) { return *rc::gen::inRange(least, greatest + 1); }

const std::string& one(const std::vector<std::string>& names) { return names[count(0, names.size() - 1)]; }
const std::string& one(const std::vector<Choice>& choices) { return choices[count(0, choices.size() - 1)].name; }

std::vector<std::string> names_of(const std::vector<Choice>& choices) {
  std::vector<std::string> names;
  for (const Choice& choice : choices) names.push_back(choice.name);
  return names;
}

std::string any_text() {
  static const std::vector<std::string> pieces{"a", "Z", "0",  " ",  "\"", "\\", "#",
                                               "'", "=", "\n", "\t", "é",  "∂",  "]]"};
  std::string text;
  for (std::size_t i = count(0, 12); i > 0; --i) text += one(pieces);
  return text;
}

template <typename T>
std::vector<T> some_of(std::vector<T> values) {
  std::vector<T> chosen;
  for (auto& value : values)
    if (count(0, 1) == 1) chosen.push_back(std::move(value));
  return chosen;
}

/// What models with loops have beside what every run has.
void add_loop_dynamics(const ConfigRegistry& registry, const Choice* credit, DynamicsConfig& d) {
  d.transfer = one(registry.transfers);
  const bool time = uses(find_choice(registry.solvers, d.solver), "duration");
  if (uses(credit, "phases")) {
    d.tau_h = between(1e-3, 10);
    if (!time || count(0, 1) == 1) return;
    d.duration = DynamicsConfig{}.duration;
    double end = 0;
    for (std::size_t i = count(1, 3); i > 0; --i) {
      const double start = end + static_cast<double>(count(0, 2)) * d.dt;
      d.phases.push_back({start, static_cast<double>(count(1, 99)) * d.dt, count(0, 1) == 1, true});
      end = start + d.phases.back().duration;
    }
    return;
  }
  if (count(0, 1) == 1) return;
  d.forward = "dynamic";
  d.tau_h = between(1e-3, 10);
  if (time) d.forward_duration = static_cast<double>(count(1, 999)) * d.dt;
}

DynamicsConfig any_dynamics(const ConfigRegistry& registry) {
  DynamicsConfig d;
  d.solver = one(registry.solvers);
  const auto* solver = find_choice(registry.solvers, d.solver);
  if (uses(solver, "dt")) d.dt = between(1e-3, 1);
  if (uses(solver, "duration")) d.duration = static_cast<double>(count(1, 999)) * d.dt;
  if (uses(solver, "settle_tolerance")) d.settle_tolerance = between(0, 0.1);
  if (uses(solver, "rtol")) d.rtol = between(1e-12, 1e-2);
  if (uses(solver, "atol")) d.atol = between(1e-300, 1e-2);
  if (uses(solver, "max_steps")) d.max_steps = count(1000, 1'000'000'000);
  d.tau_delta = between(1e-3, 10);
  d.tau_u = between(1e-3, 10);
  d.on_divergence = one(std::vector<std::string>{"stop", "skip"});
  d.divergence_limit = between(1, 1e9);
  return d;
}

FeedbackConfig any_feedback(const ConfigRegistry& registry, const Choice* credit) {
  const bool loop = uses(credit, "dynamics");
  FeedbackConfig f;
  do {
    f.kind = one(registry.feedback_kinds);
  } while ((!loop && f.kind == "optimised") || (!credit->spans_layers && f.kind == "product"));
  const auto* kind = find_choice(registry.feedback_kinds, f.kind);
  f.restabilise = loop && count(0, 1) == 1;
  // of a product, what its factors make use of
  if (uses(kind, "factor")) f.factor = one(registry.feedback_factors);
  const auto* scaled = uses(kind, "factor") ? find_choice(registry.feedback_kinds, f.factor) : kind;
  if (uses(scaled, "gain")) f.gain = between(1e-3, 100);
  if (uses(scaled, "half_width")) f.half_width = between(1e-3, 1);
  if (uses(kind, "margin") || f.restabilise) f.margin = between(-1, 0);
  if (uses(kind, "path")) f.path = "/data/" + std::to_string(count(0, 9)) + ".h5";
  if (uses(kind, "group")) f.group = "/models/" + std::to_string(count(0, 9));
  if (uses(kind, "snapshot")) f.snapshot = static_cast<int>(count(0, 9)) - 1;
  return f;
}

Config any_config(const ConfigRegistry& registry) {
  Config c;
  c.title = any_text();
  c.seed = count(0, std::numeric_limits<std::int64_t>::max() - 1);
  c.trials = count(1, 100'000);
  c.threads = count(1, 64);
  const auto depth = count(2, 5);
  for (std::size_t l = 0; l <= depth; ++l) c.network.layers.push_back(count(1, 1000));
  for (std::size_t l = 1; l < depth; ++l) c.network.activation.push_back(one(registry.activations));
  c.network.output = one(registry.outputs);
  c.network.bias = count(0, 1) == 1;
  if (count(0, 1) == 1) {
    c.network.init.half_width = between(0, 1);
  } else {
    c.network.init.kind = "file";
    c.network.init.path = "/data/a \"b\" é.h5";
    c.network.init.group = "/g";
  }
  c.task.kind = "linear_teacher";
  c.task.inputs = c.network.layers.front();
  c.task.outputs = c.network.layers.back();
  c.task.samples = count(100, 10'000);
  c.task.parameters = {{"teacher_half_width", between(1e-3, 10)}};
  c.learning.rate = between(0, 1);
  c.learning.decay = between(0, 1e-3);
  c.learning.batch = count(1, 100);
  if (count(0, 1) == 1) c.learning.clip_delta = between(1e-3, 1e6);
  c.learning.normalise_updates = count(0, 1) == 1;
  c.learning.skip_first = count(0, 1) == 1;
  if (count(0, 1) == 1) {
    c.record.every = count(0, 1000);
  } else {
    std::set<std::size_t> trials;
    for (std::size_t i = count(0, 5); i > 0; --i) trials.insert(count(0, c.trials - 1));
    c.record.trials.assign(trials.begin(), trials.end());
  }
  c.record.populations = some_of<std::string>({"delta_1", "u_2"});
  if (count(0, 1) == 1) c.record.population = {{.name = "u_2", .units = {0}}};
  c.record.weights_every = count(0, 1000);
  c.record.evaluate_every = count(1, 1000);
  c.record.measures = some_of(names_of(registry.measures));
  c.record.unsettled_limit = count(0, 100);
  c.record.compression = static_cast<int>(count(0, 9));
  c.record.commit_interval = between(0, 100);
  for (std::size_t i = count(1, 4); i > 0; --i) {
    ModelConfig m;
    m.name = "m" + std::to_string(i);
    m.credit = one(registry.credits);
    const auto* credit = find_choice(registry.credits, m.credit);
    if (uses(credit, "alpha")) m.alpha = between(0, 1);
    if (uses(credit, "dynamics")) {
      m.dynamics = any_dynamics(registry);
      add_loop_dynamics(registry, credit, m.dynamics);
      // relu's slope, by which this transfer divides, can be 0
      if (std::ranges::find(c.network.activation, "relu") != c.network.activation.end() &&
          m.dynamics.transfer == "linearised")
        m.dynamics.transfer = "linear";
    }
    if (uses(credit, "feedback")) m.feedback = any_feedback(registry, credit);
    c.models.push_back(m);
  }
  return c;
}

/// A list of numbers from an interval.
std::vector<double> some_numbers(double least, double greatest) {
  std::vector<double> numbers;
  for (std::size_t i = count(0, 4); i > 0; --i) numbers.push_back(between(least, greatest));
  return numbers;
}

Config any_inversion(const ConfigRegistry& registry) {
  Config c = any_config(registry);
  c.kind = ExperimentKind::inversion;
  c.task = {};
  c.learning = {};
  c.record.weights_every = 0;
  c.record.evaluate_every = 1;
  c.record.unsettled_limit = RecordConfig{}.unsettled_limit;
  c.record.trials.clear();
  c.record.every = count(1, 100);
  InversionConfig& inversion = c.inversion;
  inversion.signal = one(registry.error_signals);
  const Choice* signal = find_choice(registry.error_signals, inversion.signal);
  inversion.samples = count(1, 1000);
  inversion.amplitude = between(1e-3, 10);
  if (uses(signal, "noise")) inversion.noise = between(0, 1);
  if (uses(signal, "noise_tau")) inversion.noise_tau = between(1e-3, 10);
  inversion.alpha = some_numbers(0, 1);
  inversion.ratio = some_numbers(1e-3, 10);
  c.trials = std::max<std::size_t>(1, inversion.alpha.size()) * std::max<std::size_t>(1, inversion.ratio.size()) *
             inversion.samples;
  c.models.clear();
  ModelConfig m;
  m.name = "m";
  m.credit = one(std::vector<std::string>{"sequential_inversion", "single_loop_inversion"});
  m.alpha = between(0, 1);
  m.dynamics = any_dynamics(registry);
  m.dynamics.on_divergence = "stop";
  // an error that has risen before the run ends
  if (uses(signal, "rise")) inversion.rise = m.dynamics.dt;
  if (uses(find_choice(registry.solvers, m.dynamics.solver), "duration")) m.dynamics.duration = 100 * m.dynamics.dt;
  do {
    m.feedback = any_feedback(registry, find_choice(registry.credits, m.credit));
  } while (m.feedback.restabilise);
  c.models.push_back(m);
  return c;
}

Config any_circuit(const ConfigRegistry& registry) {
  Config c;
  c.kind = ExperimentKind::circuit;
  c.title = any_text();
  c.seed = count(0, std::numeric_limits<std::int64_t>::max() - 1);
  c.trials = count(1, 1000);
  c.record.every = count(1, 100);
  do {
    c.circuit.dynamics = any_dynamics(registry);
  } while (c.circuit.dynamics.solver == "fixed_point");
  DynamicsConfig& d = c.circuit.dynamics;
  d.tau_delta = d.tau_u = 1;
  for (const char* name : {"E", "I_2"}) {
    PopulationConfig p{
        .name = name, .units = 3, .tau = between(1e-3, 10), .leak = between(0, 2), .rate = one(registry.outputs)};
    if (count(0, 1) == 1) p.initial = {between(-1, 1), between(-1, 1), between(-1, 1)};
    p.initial_half_width = between(0, 1);
    c.circuit.populations.push_back(p);
  }
  ProjectionConfig p{.name = "EI", .source = "E", .target = "I_2", .kind = one(registry.projections)};
  const Choice* kind = find_choice(registry.projections, p.kind);
  if (uses(kind, "weight")) p.weight = between(-2, 2);
  if (uses(kind, "half_width")) p.half_width = between(0, 2);
  if (uses(kind, "matrix")) p.matrix.assign(3, {between(-1, 1), between(-1, 1), between(-1, 1)});
  if (uses(kind, "path")) p.path = "/data/w.h5";
  if (uses(kind, "dataset")) p.dataset = "w";
  p.transmits = one(std::vector<std::string>{"rate", "state"});
  c.circuit.projections.push_back(p);
  c.circuit.projections.push_back({.name = "I_2_E", .source = "I_2", .target = "E", .weight = -1});
  InputConfig in{.name = "drive", .population = "E", .shape = one(registry.inputs), .amplitude = {between(-1, 1)}};
  const Choice* shape = find_choice(registry.inputs, in.shape);
  if (uses(shape, "rise")) in.parameters = {{"rise", 0.0}};
  if (uses(shape, "period")) in.parameters = {{"period", between(1e-3, 10)}};
  if (uses(shape, "noise_tau")) in.parameters = {{"noise_tau", between(1e-3, 10)}};
  c.circuit.inputs.push_back(in);
  return c;
}

}  // namespace

TEST_CASE("inversions and circuits read back from their resolved text, too") {
  const auto registry = test_registry();
  const auto reads_back = [&](Config config) {
    config.source = "/configs/test.toml";
    config.resolved = resolved_toml(config, registry);
    const auto again = parse(config.resolved);
    if (!(again == config)) RC_LOG() << config.resolved << "\n--- read as\n" << again.resolved;
    RC_ASSERT(again == config);
  };
  CHECK(rc::check("inversions", [&] { reads_back(any_inversion(registry)); }));
  CHECK(rc::check("circuits", [&] { reads_back(any_circuit(registry)); }));
}

TEST_CASE("any configuration reads back from its resolved text") {
  const auto registry = test_registry();
  CHECK(rc::check("parse(resolved) == config", [&] {
    auto config = any_config(registry);
    config.source = "/configs/test.toml";
    config.resolved = resolved_toml(config, registry);
    const auto again = parse(config.resolved);
    if (!(again == config)) RC_LOG() << config.resolved << "\n--- read as\n" << again.resolved;
    RC_ASSERT(again == config);
  }));
}

TEST_CASE("what a file leaves open is written out") {
  const auto config = parse(R"(
[experiment]
epochs = 2
[task]
kind = "linear_teacher"
[network]
layers = [3, 2, 2, 1]
init = { kind = "file", path = "w.h5" }
[learning]
rate = 1
[dynamics]
solver = "exact"
rtol = 1e-3
[record]
trials = [7, 0]
[[model]]
name = "BP"
credit = "backprop"
[[model]]
name = "DI"
credit = "sequential_inversion"
)");
  CHECK(config.notes.size() == 1);
  CHECK(config.resolved == R"([experiment]
title = ""
seed = 0
trials = 4000
threads = 1
fast = "auto"
reproducible = false

[task]
kind = "linear_teacher"
inputs = 3
outputs = 1
samples = 2000
teacher_half_width = 1.0

[network]
layers = [3, 2, 2, 1]
activation = ["linear", "linear"]
output = "linear"
bias = false

[network.init]
kind = "file"
path = "/configs/w.h5"
group = "/"
snapshot = -1

[learning]
rate = 1.0
decay = 0.0
batch = 1
normalise_updates = false
skip_first = false
precision = "double"

[record]
trials = [0, 7]
interval = 0.0
populations = []
weights_every = 0
evaluate_every = 1
measures = []
unsettled_limit = 10
compression = 0
commit_interval = 2.0

[[model]]
name = "BP"
credit = "backprop"

[[model]]
name = "DI"
credit = "sequential_inversion"
alpha = 0.01
solver = "exact"
dt = 0.5
duration = 499.5
tau_delta = 1.0
tau_u = 1.0
forward = "instantaneous"
transfer = "linear"
on_divergence = "stop"
divergence_limit = 1000000.0
settling_band = 0.02

[model.feedback]
kind = "negative_transpose"
gain = 1.0
restabilise = false
)");
  auto again = parse(config.resolved);
  again.notes = config.notes;
  CHECK(again == config);
}

TEST_CASE("every key of every table is one entry with a meaning, and names do not clash") {
  const auto registry = test_registry();
  std::set<std::string> names;
  for (const KeyTable& table : key_tables(registry)) {
    for (const auto& [key, text] : table.keys) {
      const auto name = std::string(table.name) + "." + std::string(key.name);
      INFO(name);
      CHECK(names.insert(name).second);
      CHECK_FALSE(key.meaning.empty());
      CHECK((!text.empty() && (key.type == KeyType::boolean || !allowed_text(key).empty())));
    }
  }
  // [[model]] has its keys and those of [dynamics] side by side
  for (const KeyTable& table : key_tables(registry))
    for (const auto& [key, text] : table.keys)
      if (table.name == "model") CHECK_FALSE(names.contains("dynamics." + std::string(key.name)));
}

TEST_CASE("a part's own keys are read, checked, written out and passed on") {
  auto registry = test_registry();
  registry.solvers[1].parameters = {
      {.name = "relaxation", .default_value = 0.5, .min = 0, .max = 1, .meaning = "of a step"},
      {.name = "order", .default_value = 2, .min = 1, .max = 4},
      {.name = "mode", .default_value = "fast", .choices = {"fast", "exact"}}};
  registry.credits[3].parameters = {{.name = "k_p", .default_value = 2.0, .required = true}};
  const std::string text = R"(
[experiment]
trials = 1
[task]
kind = "linear_teacher"
[network]
layers = [3, 2, 1]
[learning]
rate = 1
[dynamics]
relaxation = 0.25
[[model]]
name = "A"
credit = "sequential_inversion"
solver = "sequential_euler"
mode = "exact"
k_p = 3
[[model]]
name = "B"
credit = "single_loop_inversion"
)";
  const auto parse = [&](const std::vector<std::string>& sets) {
    return parse_config(text, "/configs/test.toml", sets, {}, {}, registry);
  };
  const Config config = parse({});
  REQUIRE(config.models.size() == 2);
  CHECK(config.models[0].dynamics.parameters ==
        ParameterValues{{"relaxation", 0.25}, {"order", std::int64_t{2}}, {"mode", "exact"}});
  CHECK(config.models[0].parameters.real("k_p") == 3);
  CHECK(config.models[1].dynamics.parameters.empty());
  CHECK(config.models[1].parameters.empty());
  CHECK(config.notes.empty());
  CHECK_THAT(config.resolved, Catch::Contains("k_p = 3.0\nsolver = \"sequential_euler\"") &&
                                  Catch::Contains("relaxation = 0.25\norder = 2\nmode = \"exact\"\n"));
  const Config again = parse_config(config.resolved, "/configs/test.toml", {}, {}, {}, registry);
  CHECK(again.models == config.models);
  CHECK(again.resolved == config.resolved);

  const auto fault = [&](const std::string& set) -> std::string {
    try {
      static_cast<void>(parse({set}));
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "accepted";
  };
  CHECK_THAT(fault("model.A.order=5"), Catch::Contains("model.A.order: found the integer 5; allowed: 1 to 4"));
  CHECK_THAT(fault("model.A.mode=fats"), Catch::Contains("did you mean \"fast\"?"));
  CHECK_THAT(fault("model.A.relaxatoin=1"), Catch::Contains("did you mean \"relaxation\"?"));
  CHECK_THAT(fault("model.A.relaxation=2"), Catch::Contains("at least 0, at most 1"));
  // keys of the file, which had an effect before the solver was changed
  const Config other = parse({"model.A.solver=rk4"});
  REQUIRE_FALSE(other.notes.empty());
  CHECK_THAT(other.notes.front(), Catch::Contains("mode does not apply with solver = \"rk4\", and is left out"));
  CHECK_THAT(fault("model.B.k_p=1"), Catch::Contains("does not apply with credit = \"single_loop_inversion\""));
  CHECK_THAT(fault("model.B.credit=sequential_inversion"), Catch::Contains("model.B.k_p: is missing"));
}
