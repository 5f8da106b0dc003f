// What states trials of a circuit file begin with, and carry over to later ones; readouts that are averaged.

#include <dynvert/models/random.hpp>
#include <dynvert/sim/experiment/learning_experiment.hpp>
#include <dynvert/sim/solvers/solver.hpp>

#include <fmt/format.h>

#include <atomic>
#include <cmath>

#include "support/circuit_trials.hpp"
#include "support/memory_recorder.hpp"

using namespace dynvert;
using namespace dynvert::test;

namespace {

constexpr double dt = 0.125;
const AroundCircuit euler{.keys = "solver = \"euler\"\ndt = 0.125\nduration = 1.0\n"};

/// An experiment with one circuit file.
Config experiment(const std::string& circuit, const std::string& sets, std::size_t samples = 10,
                  const std::string& learning = "") {
  const TemporaryFolder folder;
  write_text(folder / "own.toml", "version = 1\n" + circuit);
  return configure(learning_text({.trials = 24, .samples = samples, .layers = "4, 5, 3"}) + learning +
                       "[dynamics]\nsolver = \"euler\"\ndt = 0.125\nduration = 1.0\n" + sets +
                       model_text("A", "circuit = \"own.toml\"") + model_text("B", "circuit = \"own.toml\""),
                   {}, folder / "test.toml");
}

using Bits = std::map<std::string, std::vector<std::uint64_t>>;

Bits bits_of(const Config& config) {
  MemoryRecorder recorder;
  REQUIRE(LearningExperiment(config).run(recorder, {}) == RunStatus::complete);
  return recorder.bits("/state/");
}

/// The same, stopped after every block and resumed.
Bits bits_with_interruptions(const Config& config) {
  MemoryRecorder recorder;
  int interruptions = 0;
  while (recorder.status != "complete" && interruptions < 100) {
    if (recorder.status == "interrupted") recorder.continued = recorder.committed;
    recorder.specs.clear();
    std::atomic<bool> stop = false;
    const RunControl control{.progress = [&](const ProgressReport&) { stop = true; }, .stop = &stop};
    interruptions += LearningExperiment(config).run(recorder, control) == RunStatus::interrupted ? 1 : 0;
  }
  CHECK(interruptions > 2);
  return recorder.bits("/state/");
}

}  // namespace

// --- [initial] -----------------------------------------------------------------------------------------------------

TEST_CASE("initial: states are drawn by seed, trial, sample, population and unit alone") {
  const std::string text = R"toml(
[circuit]
equations = '''
dx/dt = -x + M*input
size x = 3
dy/dt = -y
size y = 200
dz/dt = -z + x
'''
[initial]
x = { kind = "uniform", half_width = 0.1 }
y = { kind = "normal", standard_deviation = 2.0 }
z = "0.5*x + 1"
)toml";
  CircuitTrials three(text, euler), one(text, euler);
  const arma::mat input = shown(1, 4, 3), target = shown(2, 3, 3);
  three.run(input, target);
  const auto start = [](const CircuitTrials& of, const char* name) { return of.path(0, name).front(); };
  const arma::mat x = start(three, "x"), y = start(three, "y");
  // the definition
  CHECK(apart(x.col(1),
              RandomStream(three.circuit().plan().run().seed, "initial x, trial 0, sample 1").uniform(3, 1, 0.1)) == 0);
  CHECK(apart(start(three, "z"), 0.5 * x + 1) == 0);
  CHECK(arma::abs(x).max() <= 0.1);
  // mean and standard deviation of 600 numbers: within 4 of their own standard deviations, 2/sqrt(600), 2/sqrt(1200)
  CHECK(std::abs(arma::mean(arma::vectorise(y))) < 0.33);
  CHECK(arma::stddev(arma::vectorise(y)) == Approx(2).margin(0.24));
  // company does not matter
  one.run(input.col(0), target.col(0));
  CHECK(apart(start(one, "x"), x.col(0)) == 0);
  // the next trial has others
  one.learn(input.col(0), target.col(0));
  CHECK(apart(start(one, "x"), x.col(0)) == 0);
  one.learn(input.col(0), target.col(0));
  CHECK(apart(start(one, "x"), x.col(0)) > 1e-4);
}

// --- averaged readouts ---------------------------------------------------------------------------------------------

TEST_CASE("readout: the average over its phase is the integral of the trajectory") {
  const std::string solver = GENERATE("euler", "rk4", "dopri5");
  CAPTURE(solver);
  CircuitTrials trials(R"toml(
[circuit]
equations = '''
size x = 3
dx/dt = -x + M*input
'''
[readout]
y = "x .* x"
phase = "second"
at = "average"
[[phase]]
name = "first"
duration = 1.0
[[phase]]
name = "second"
duration = 2.0
)toml",
                       {.keys = "solver = \"" + solver + "\"\ndt = 0.125\n"});
  const arma::mat input = shown(3, 4, 2), target = shown(4, 3, 2);
  trials.run(input, target);
  const arma::mat y = target - trials.runner().activity().e, v = trials.matrix("M") * input;
  if (solver == "euler") {
    // left ends
    arma::mat mean(3, 2);
    const auto path = trials.path(1, "x");
    REQUIRE(path.size() == 17);
    for (std::size_t k = 0; k < 16; ++k) mean += path[k] % path[k] / 16;
    CHECK(apart(y, mean) < 1e-14);
    return;
  }
  // (1 - E)^2 from 1 to 3, E = e^-t
  const double a = std::exp(-1.0), b = std::exp(-3.0);
  const double mean = (2 - 2 * (a - b) + (a * a - b * b) / 2) / 2;
  // Simpson's rule: dt^4 / 180 times fourth derivatives of about 10 e^-2
  CHECK(apart(y, v % v * mean) < 1e-5 * arma::square(v).max());
}

TEST_CASE("readout: evaluations average as trials do, and their loss has the readout's name") {
  const std::string circuit = R"toml(
[circuit]
equations = '''
size x = 3
dx/dt = -x + softmax(M*input)
'''
[weights.M]
kind = "normal"
[readout]
y = "x"
at = "average"
loss = "LOSS"
)toml";
  const auto with = [&](const std::string& loss) {
    std::string text = circuit;
    return experiment(text.replace(text.find("LOSS"), 4, loss), "", 1);
  };
  MemoryRecorder recorder;
  REQUIRE(LearningExperiment(with("squared")).run(recorder, {}) == RunStatus::complete);
  // of one sample
  CHECK(recorder.data.at("/models/A/eval/train_loss").front() ==
        Approx(recorder.data.at("/models/A/learning/trial_error").front()).epsilon(1e-14));
  const auto loss = [](const Config& config) {
    const GroupSpec spec = model_tables(config, config.models.front()).eval.spec();
    for (const auto& [name, value] : spec.attributes)
      if (name == "loss") return value;
    return std::string();
  };
  CHECK(loss(with("squared")) == "squared error");
  CHECK(loss(with("cross_entropy")) == "cross-entropy");
}

// --- [trial] carry -------------------------------------------------------------------------------------------------

TEST_CASE("carry: a state goes on where the trial before has left it, column by column") {
  const bool all = GENERATE(false, true);
  const bool after = GENERATE(false, true);
  CircuitTrials trials(std::string(R"toml(
[circuit]
equations = '''
size x = 3
dx/dt = -x + M*input
dy/dt = -0.5*y + x
'''
[initial]
x = 0.25
[[phase]]
name = "a"
duration = 0.5
[[phase]]
name = "b"
duration = 0.25
[trial]
)toml") + (all ? "carry = \"all\"\n" : "carry = [\"x\"]\n") +
                           (after ? "after = \"a\"\n" : ""),
                       {.keys = euler.keys.substr(0, euler.keys.find("duration")), .learning = "batch = 3\n"});
  arma::mat x(3, 3), y(3, 3);
  x.fill(0.25);
  for (unsigned trial = 0; trial < 3; ++trial) {
    // the last batch of an epoch may be shorter: its columns are the first
    const arma::uword columns = trial == 1 ? 2 : 3;
    const arma::mat input = shown(10 + trial, 4, columns), target = shown(20 + trial, 3, columns);
    arma::mat now = x.head_cols(columns), of_y = y.head_cols(columns), kept = now, kept_y = of_y;
    for (int k = 0; k < 6; ++k) {
      const arma::mat dx = -now + trials.matrix("M") * input;
      of_y += dt * (-0.5 * of_y + now);
      now += dt * dx;
      if (k == 3 || !after) kept = now, kept_y = of_y;
    }
    trials.learn(input, target);
    CHECK(apart(trials.value("x"), now) < 1e-14);
    CHECK(apart(trials.value("y"), of_y) < 1e-14);
    x.head_cols(columns) = kept;
    if (all) y.head_cols(columns) = kept_y;
  }
}

TEST_CASE("carry per sample: each sample finds its own state again") {
  CircuitTrials trials(
      "[circuit]\nequations = '''\nsize x = 3\ndx/dt = -x + M*input\n'''\n[trial]\ncarry = \"all\"\nper = \"sample\"\n",
      euler);
  arma::mat states(3, 30);
  for (unsigned trial = 0; trial < 4; ++trial) {
    trials.places = trial % 2 == 0 ? std::vector<std::size_t>{7, 2} : std::vector<std::size_t>{2, 9};
    const arma::mat input = shown(30 + trial, 4, 2), target = shown(40 + trial, 3, 2);
    trials.learn(input, target);
    for (arma::uword c = 0; c < 2; ++c) {
      arma::vec x = states.col(trials.places[c]);
      for (int k = 0; k < 8; ++k) x += dt * (-x + trials.matrix("M") * input.col(c));
      CHECK(apart(trials.value("x").col(c), x) < 1e-14);
      states.col(trials.places[c]) = x;
    }
  }
}

TEST_CASE(
    "carry and drawn states: threads, recording and interruptions change no bit, and evaluations leave them alone") {
  const std::string per = GENERATE("trial", "sample");
  CAPTURE(per);
  const std::string circuit = R"toml(
[circuit]
equations = '''
size x = 3
dx/dt = -x + M*input + 0.1*last(x)
dy/dt = -0.1*y + x
'''
[weights.M]
kind = "normal"
[initial]
x = { kind = "normal", standard_deviation = 0.5 }
[readout]
y = "x + y"
[trial]
carry = "all"
per = ")toml" + per + "\"\n";
  const std::string learns = "[learning]\nat_end = \"M += eta*(target - x)*input'\"\n";
  const Config config = experiment(circuit + learns, "", 10, "batch = 3\n");
  const Bits whole = bits_of(config);
  CHECK(bits_with_interruptions(config) == whole);
  CHECK(whole.at("/models/A/eval/train_loss") == whole.at("/models/B/eval/train_loss"));
  Config threads = config;
  threads.threads = 4;
  CHECK(bits_of(threads) == whole);
  const Bits traced =
      bits_of(experiment(circuit + learns, "[record]\ntrials = [0, 5]\npopulations = [\"x\"]\n", 10, "batch = 3\n"));
  for (const char* name : {"/models/A/learning/trial_error", "/models/A/eval/train_loss", "/models/A/weights/M"}) {
    CAPTURE(name);
    CHECK(traced.at(name) == whole.at(name));
  }
  // nothing learns: what trials carry over is all that changes
  const Bits still = bits_of(experiment(circuit, "", 10, "batch = 3\n"));
  const auto& losses = still.at("/models/A/eval/train_loss");
  CHECK(std::ranges::all_of(losses, [&](std::uint64_t loss) { return loss == losses.front(); }));
  const auto& errors = still.at("/models/A/learning/trial_error");
  CHECK(errors.at(0) != errors.at(10));
}

TEST_CASE("carry: a trial that diverges carries nothing") {
  const Config config = experiment(R"toml(
[circuit]
equations = '''
size x = 3
dx/dt = -0.1*x + M*input
'''
[weights.M]
kind = "normal"
[trial]
carry = "all"
)toml",
                                   "divergence_limit = 3.0\non_divergence = \"skip\"\n[record]\nevery = 1\n");
  MemoryRecorder recorder;
  REQUIRE(LearningExperiment(config).run(recorder, {}) == RunStatus::complete);
  const std::vector<double>& faults = recorder.data.at("/models/A/learning/fault");
  const std::vector<double>& x = recorder.data.at("/models/A/trace/x");
  // 9 samples of 3 units a trial
  REQUIRE(x.size() == 24 * 9 * 3);
  std::vector<double> expected(3, 0.0);
  std::size_t failed = 0;
  for (std::size_t trial = 0; trial < 24; ++trial) {
    const auto first = x.begin() + static_cast<std::ptrdiff_t>(trial * 27);
    CAPTURE(trial);
    CHECK(std::vector<double>(first, first + 3) == expected);
    if (faults[trial] == 0)
      expected.assign(first + 24, first + 27);
    else
      ++failed;
  }
  CHECK(failed > 0);
  CHECK(failed < 24);
}
