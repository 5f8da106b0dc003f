// The resolved text is the configuration: it reads back as the same values and the same text.

#include <dynvert/sim/config_keys.hpp>
#include <dynvert/sim/config_load.hpp>

#include <rapidcheck.h>
#include <catch2/catch.hpp>

#include <set>
#include <string>
#include <vector>

#include "config_vocabulary.hpp"

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
  if (uses(kind, "gain")) f.gain = between(1e-3, 100);
  if (uses(kind, "half_width")) f.half_width = between(1e-3, 1);
  if (uses(kind, "margin") || f.restabilise) f.margin = between(-1, 0);
  if (uses(kind, "path")) f.path = "/data/" + std::to_string(count(0, 9)) + ".h5";
  if (uses(kind, "group")) f.group = "/models/" + std::to_string(count(0, 9));
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
  for (std::size_t i = count(1, 4); i > 0; --i) {
    ModelConfig m;
    m.name = "m" + std::to_string(i);
    m.credit = one(vocabulary.credits);
    const auto* credit = find_choice(vocabulary.credits, m.credit);
    if (uses(credit, "alpha")) m.alpha = between(0, 1);
    if (uses(credit, "dynamics")) m.dynamics = any_dynamics(vocabulary);
    if (uses(credit, "feedback")) m.feedback = any_feedback(vocabulary, credit);
    c.models.push_back(m);
  }
  return c;
}

}  // namespace

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

[learning]
rate = 1.0
decay = 0.0
batch = 1
normalise_updates = false
skip_first = false

[record]
trials = [0, 7]
interval = 0.0
populations = []
weights_every = 0
evaluate_every = 1
measures = []
unsettled_limit = 10
compression = 0

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
  const std::vector<std::pair<std::string, std::vector<Binding>>> tables{
      {"experiment", bindings(config)},
      {"task", bindings(config.task)},
      {"network", bindings(config.network)},
      {"network.init", bindings(config.network.init)},
      {"learning", bindings(config.learning)},
      {"dynamics", bindings(dynamics)},
      {"feedback", bindings(feedback)},
      {"record", bindings(config.record)},
      {"model", bindings(model)}};

  // keys whose default is a word, or depends on other keys
  const std::set<std::string> in_words{"task.inputs", "task.outputs", "network.activation", "learning.clip_delta"};
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
