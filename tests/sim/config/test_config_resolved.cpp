// The resolved text is the configuration: it reads back as the same values and the same text.

#include <dynvert/sim/config/keys.hpp>
#include <dynvert/sim/config/load.hpp>

#include <rapidcheck.h>
#include <catch2/catch.hpp>

#include <set>
#include <string>
#include <vector>

#include "support/config_vocabulary.hpp"

using namespace dynvert;

namespace {

Config parse(const std::string& text) {
  return parse_config(text, "/configs/test.toml", {}, {}, {}, test_vocabulary());
}

double between(double least, double greatest) {
  // all bits of the mantissa at work, so that a digit lost in the text is noticed
  const auto part = static_cast<double>(*rc::gen::inRange<std::int64_t>(0, std::int64_t{1} << 53)) / 9007199254740992.0;
  return least + part * (greatest - least);
}

std::size_t count(std::size_t least, std::size_t greatest) { return *rc::gen::inRange(least, greatest + 1); }

const std::string& one(const std::vector<std::string>& names) { return names[count(0, names.size() - 1)]; }
const std::string& one(const std::vector<Choice>& choices) { return choices[count(0, choices.size() - 1)].name; }

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
void add_loop_dynamics(const Vocabulary& vocabulary, const Choice* credit, DynamicsConfig& d) {
  d.transfer = one(vocabulary.transfers);
  const bool time = uses(find_choice(vocabulary.solvers, d.solver), "duration");
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

DynamicsConfig any_dynamics(const Vocabulary& vocabulary) {
  DynamicsConfig d;
  d.solver = one(vocabulary.solvers);
  const auto* solver = find_choice(vocabulary.solvers, d.solver);
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

FeedbackConfig any_feedback(const Vocabulary& vocabulary, const Choice* credit) {
  const bool loop = uses(credit, "dynamics");
  FeedbackConfig f;
  do {
    f.kind = one(vocabulary.feedback_kinds);
  } while ((!loop && f.kind == "optimised") || (!uses(credit, "product") && f.kind == "product"));
  const auto* kind = find_choice(vocabulary.feedback_kinds, f.kind);
  f.restabilise = loop && count(0, 1) == 1;
  // of a product, what its factors make use of
  if (uses(kind, "factor")) f.factor = one(vocabulary.feedback_factors);
  const auto* scaled = uses(kind, "factor") ? find_choice(vocabulary.feedback_kinds, f.factor) : kind;
  if (uses(scaled, "gain")) f.gain = between(1e-3, 100);
  if (uses(scaled, "half_width")) f.half_width = between(1e-3, 1);
  if (uses(kind, "margin") || f.restabilise) f.margin = between(-1, 0);
  if (uses(kind, "path")) f.path = "/data/" + std::to_string(count(0, 9)) + ".h5";
  if (uses(kind, "group")) f.group = "/models/" + std::to_string(count(0, 9));
  if (uses(kind, "snapshot")) f.snapshot = static_cast<int>(count(0, 9)) - 1;
  return f;
}

Config any_config(const Vocabulary& vocabulary) {
  Config c;
  c.title = any_text();
  c.seed = count(0, std::numeric_limits<std::int64_t>::max() - 1);
  c.trials = count(1, 100'000);
  c.threads = count(1, 64);
  const auto depth = count(2, 5);
  for (std::size_t l = 0; l <= depth; ++l) c.network.layers.push_back(count(1, 1000));
  for (std::size_t l = 1; l < depth; ++l) c.network.activation.push_back(one(vocabulary.activations));
  c.network.output = one(vocabulary.outputs);
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
  c.task.teacher_half_width = between(1e-3, 10);
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
  c.record.weights_every = count(0, 1000);
  c.record.evaluate_every = count(1, 1000);
  c.record.measures = some_of(vocabulary.measures);
  c.record.unsettled_limit = count(0, 100);
  c.record.compression = static_cast<int>(count(0, 9));
  c.record.commit_interval = between(0, 100);
  for (std::size_t i = count(1, 4); i > 0; --i) {
    ModelConfig m;
    m.name = "m" + std::to_string(i);
    m.credit = one(vocabulary.credits);
    const auto* credit = find_choice(vocabulary.credits, m.credit);
    if (uses(credit, "alpha")) m.alpha = between(0, 1);
    if (uses(credit, "dynamics")) {
      m.dynamics = any_dynamics(vocabulary);
      add_loop_dynamics(vocabulary, credit, m.dynamics);
      // relu's slope, by which this transfer divides, can be 0
      if (std::ranges::find(c.network.activation, "relu") != c.network.activation.end() &&
          m.dynamics.transfer == "linearised")
        m.dynamics.transfer = "linear";
    }
    if (uses(credit, "feedback")) m.feedback = any_feedback(vocabulary, credit);
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

Config any_inversion(const Vocabulary& vocabulary) {
  Config c = any_config(vocabulary);
  c.kind = ExperimentKind::inversion;
  c.task = {};
  c.learning = {};
  c.record.weights_every = 0;
  c.record.evaluate_every = 1;
  c.record.unsettled_limit = RecordConfig{}.unsettled_limit;
  c.record.trials.clear();
  c.record.every = count(1, 100);
  InversionConfig& inversion = c.inversion;
  inversion.signal = one(vocabulary.error_signals);
  const Choice* signal = find_choice(vocabulary.error_signals, inversion.signal);
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
  m.dynamics = any_dynamics(vocabulary);
  m.dynamics.on_divergence = "stop";
  // an error that has risen before the run ends
  if (uses(signal, "rise")) inversion.rise = m.dynamics.dt;
  if (uses(find_choice(vocabulary.solvers, m.dynamics.solver), "duration")) m.dynamics.duration = 100 * m.dynamics.dt;
  do {
    m.feedback = any_feedback(vocabulary, find_choice(vocabulary.credits, m.credit));
  } while (m.feedback.restabilise);
  c.models.push_back(m);
  return c;
}

Config any_circuit(const Vocabulary& vocabulary) {
  Config c;
  c.kind = ExperimentKind::circuit;
  c.title = any_text();
  c.seed = count(0, std::numeric_limits<std::int64_t>::max() - 1);
  c.trials = count(1, 1000);
  c.record.every = count(1, 100);
  do {
    c.circuit.dynamics = any_dynamics(vocabulary);
  } while (c.circuit.dynamics.solver == "fixed_point");
  DynamicsConfig& d = c.circuit.dynamics;
  d.tau_delta = d.tau_u = 1;
  for (const char* name : {"E", "I_2"}) {
    PopulationConfig p{
        .name = name, .units = 3, .tau = between(1e-3, 10), .leak = between(0, 2), .rate = one(vocabulary.outputs)};
    if (count(0, 1) == 1) p.initial = {between(-1, 1), between(-1, 1), between(-1, 1)};
    p.initial_half_width = between(0, 1);
    c.circuit.populations.push_back(p);
  }
  ProjectionConfig p{.name = "EI", .source = "E", .target = "I_2", .kind = one(vocabulary.projections)};
  const Choice* kind = find_choice(vocabulary.projections, p.kind);
  if (uses(kind, "weight")) p.weight = between(-2, 2);
  if (uses(kind, "half_width")) p.half_width = between(0, 2);
  if (uses(kind, "matrix")) p.matrix.assign(3, {between(-1, 1), between(-1, 1), between(-1, 1)});
  if (uses(kind, "path")) p.path = "/data/w.h5";
  if (uses(kind, "dataset")) p.dataset = "w";
  p.transmits = one(std::vector<std::string>{"rate", "state"});
  c.circuit.projections.push_back(p);
  c.circuit.projections.push_back({.name = "I_2_E", .source = "I_2", .target = "E", .weight = -1});
  InputConfig in{.population = "E", .shape = one(vocabulary.inputs), .amplitude = {between(-1, 1)}};
  const Choice* shape = find_choice(vocabulary.inputs, in.shape);
  if (uses(shape, "period")) in.period = between(1e-3, 10);
  if (uses(shape, "noise_tau")) in.noise_tau = between(1e-3, 10);
  c.circuit.inputs.push_back(in);
  return c;
}

}  // namespace

TEST_CASE("inversions and circuits read back from their resolved text, too") {
  const auto vocabulary = test_vocabulary();
  const auto reads_back = [&](Config config) {
    config.source = "/configs/test.toml";
    config.resolved = resolved_toml(config, vocabulary);
    const auto again = parse(config.resolved);
    if (!(again == config)) RC_LOG() << config.resolved << "\n--- read as\n" << again.resolved;
    RC_ASSERT(again == config);
  };
  CHECK(rc::check("inversions", [&] { reads_back(any_inversion(vocabulary)); }));
  CHECK(rc::check("circuits", [&] { reads_back(any_circuit(vocabulary)); }));
}

TEST_CASE("any configuration reads back from its resolved text") {
  const auto vocabulary = test_vocabulary();
  CHECK(rc::check("parse(resolved) == config", [&] {
    auto config = any_config(vocabulary);
    config.source = "/configs/test.toml";
    config.resolved = resolved_toml(config, vocabulary);
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

[model.feedback]
kind = "negative_transpose"
gain = 1.0
restabilise = false
)");
  auto again = parse(config.resolved);
  again.notes = config.notes;
  CHECK(again == config);
}

TEST_CASE("the defaults of the schema are those of the values") {
  Config config;
  DynamicsConfig dynamics;
  FeedbackConfig feedback;
  ModelConfig model;
  PhaseConfig phase;
  PopulationConfig population;
  ProjectionConfig projection;
  InputConfig input;
  const std::vector<std::pair<std::string, std::vector<Binding>>> tables{
      {"experiment", bindings(config)},
      {"task", bindings(config.task)},
      {"network", bindings(config.network)},
      {"network.init", bindings(config.network.init)},
      {"learning", bindings(config.learning)},
      {"dynamics", bindings(dynamics)},
      {"feedback", bindings(feedback)},
      {"record", bindings(config.record)},
      {"model", bindings(model)},
      {"dynamics.phases", bindings(phase)},
      {"inversion", bindings(config.inversion)},
      {"population", bindings(population)},
      {"projection", bindings(projection)},
      {"input", bindings(input)}};

  // keys whose default is a word, or depends on other keys
  const std::set<std::string> in_words{"task.inputs",        "task.outputs",        "task.teacher_half_width",
                                       "network.activation", "learning.clip_delta", "dynamics.phases.start",
                                       "projection.name",    "task.samples",        "task.test_samples",
                                       "task.scaling"};
  std::set<std::string> bound;
  for (const auto& [table, slots] : tables) {
    for (const auto& binding : slots) {
      const auto name = table + "." + std::string(binding.key);
      INFO(name);
      bound.insert(name);
      const auto* key = find_key(table, binding.key);
      REQUIRE(key != nullptr);
      if (key->default_text.starts_with("required") || in_words.contains(name)) continue;
      CHECK(toml_text(binding.slot) == key->default_text);
    }
  }
  for (const auto& key : config_schema()) {
    const auto name = std::string(key.table) + "." + std::string(key.name);
    INFO(name);
    CHECK((bound.contains(name) || key.type == KeyType::table || name == "experiment.epochs"));
  }
}
