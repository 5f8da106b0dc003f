// dynvert circuit: what it prints, and what it says of faults.

#include "support/run_program.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>

using namespace dynvert;
using namespace dynvert::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

const std::string sequential = std::string(DYNVERT_SOURCE_DIR) + "/examples/circuits/sequential_inversion.toml";

std::string contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

const std::string config = R"([experiment]
trials = 10
[task]
kind = "linear_teacher"
[network]
layers = [9, 7, 5]
activation = "relu"
[learning]
rate = 0.1
[dynamics]
tau_u = 0.5
[[model]]
name = "DI"
credit = "sequential_inversion"
alpha = 0.25
[[model]]
name = "DFC"
circuit = "deep_feedback_control.toml"
k_p = 3.0
[[model]]
name = "PBP"
credit = "pseudo_backprop"
)";

}  // namespace

TEST_CASE("circuit: populations, sizes, phases and rules") {
  const Outcome run = dynvert_run({"circuit", sequential, "--layers", "9,7,5", "--set", "alpha=0.5", "--no-bias"});
  CHECK(run.code == 0);
  CHECK(run.err.empty());
  CHECK_THAT(run.out, Contains("u[2]                  5 units  moves, tau = tau_u, leak = alpha"));
  CHECK_THAT(run.out, Contains("alpha            0.5"));
  CHECK_THAT(run.out, Contains("B[2]                  7 x 5      feedback"));
  CHECK_THAT(
      run.out,
      Contains("phase \"loop 2\", begins at 0, duration duration\n  moves: u[2], delta[1]\n  evaluates: h[0], "));
  CHECK_THAT(run.out, Contains("at the end: W[2] += eta*s[2]*h[1]' - lambda*W[2]"));
  CHECK_THAT(run.out, Contains("note: the network has no b"));
}

TEST_CASE("circuit: as a file, a graph and LaTeX") {
  const Outcome file =
      dynvert_run({"circuit", sequential, "--expand", "--activation", "relu", "--output-activation", "linear"});
  CHECK(file.code == 0);
  CHECK_THAT(file.out, Contains("h[1] = relu(a[1])\n") && Contains("h[2] = a[2]\n"));
  const TemporaryFolder folder;
  const std::string copy = write(folder, "copy.toml", file.out);
  CHECK(dynvert_run({"circuit", copy, "--expand"}).out == file.out);
  CHECK_THAT(dynvert_run({"circuit", sequential, "--graph"}).out,
             Contains("\"delta[1]\" -> \"u[2]\" [label = \"W[2]\""));
  CHECK_THAT(dynvert_run({"circuit", sequential, "--latex"}).out, Contains("-\\alpha \\, u_{l} + W_{l} \\, f_{l - 1}"));
  CHECK(dynvert_run({"circuit", sequential, "--latex", "--graph"}).code == 2);
}

TEST_CASE("circuit: faults end with code 2 and their place") {
  const TemporaryFolder folder;
  const std::string wrong = write(folder, "wrong.toml", "version = 1\n[circuit]\nequations = \"x = inptu\"\n");
  const Outcome run = dynvert_run({"circuit", wrong});
  CHECK(run.code == 2);
  CHECK(run.out.empty());
  CHECK_THAT(run.err,
             Contains("wrong.toml:3:18: unknown name inptu; did you mean \"input\"?\n    x = inptu\n        ^\n"));
  const auto fails = [](std::vector<std::string> more, const std::string& message) {
    std::vector<std::string> arguments{"circuit", sequential};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome failed = dynvert_run(arguments);
    CHECK(failed.code == 2);
    CHECK_THAT(failed.err, Contains(message));
  };
  fails({"--set", "alhpa=1"}, "did you mean alpha?");
  fails({"--set", "alpha"}, "sets no parameter");
  fails({"--set", "alpha=-1"}, "out of its range");
  fails({"--set", "alpha=x"}, "no number");
  fails({"--set", "transfer=some"}, "no such choice; allowed: linear, nonlinear, linearised");
  fails({"--activation", "thanh"}, "rate function");
  fails({"--layers", "3,0"}, "layers");
  CHECK(dynvert_run({"circuit", folder / "none.toml"}).code == 2);
}

TEST_CASE("circuit: a model of a configuration as a circuit file") {
  const TemporaryFolder folder;
  const std::string path = write(folder, "run.toml", config);
  const Outcome named = dynvert_run({"circuit", path, "--model", "DI"});
  CHECK(named.err.empty());
  CHECK(named.code == 0);
  std::string expected = contents(sequential);
  const auto change = [&](const std::string& from, const std::string& to) {
    const auto at = expected.find(from);
    REQUIRE(at != std::string::npos);
    expected.replace(at, from.size(), to);
  };
  change("alpha = { default = 0.01", "alpha = { default = 0.25");
  change("tau_u = { default = 1.0", "tau_u = { default = 0.5");
  CHECK(named.out == expected);
  // what is printed is a model
  const std::string mine = write(folder, "mine.toml", named.out);
  const std::string own = write(folder, "own.toml", config + "[[model]]\nname = \"own\"\ncircuit = \"mine.toml\"\n");
  CHECK(dynvert_run({"circuit", own, "--model", "own"}).out == named.out);
  CHECK(dynvert_run({"circuit", own, "--model", "own", "--expand"}).out ==
        dynvert_run({"circuit", mine, "--layers", "9,7,5", "--activation", "relu", "--output-activation", "linear",
                     "--no-bias", "--expand"})
            .out);
  CHECK_THAT(dynvert_run({"circuit", path, "--model", "DFC", "--set", "model.DFC.k_p=4"}).out,
             Contains("k_p = { default = 4.0"));
}

TEST_CASE("circuit: what it shows of a configuration") {
  const TemporaryFolder folder;
  const std::string path = write(folder, "run.toml", config);
  CHECK_THAT(dynvert_run({"circuit", path, "--model", "DI", "--summary"}).out,
             Contains("u[2]                  5 units  moves") && Contains("alpha            0.25") &&
                 Contains("the network has no b"));
  CHECK_THAT(dynvert_run({"circuit", path, "--model", "DFC", "--graph"}).out, Contains("digraph"));
  CHECK_THAT(dynvert_run({"circuit", path, "--model", "DFC", "--latex"}).out, Contains("align*"));
  CHECK_THAT(dynvert_run({"circuit", sequential, "--summary"}).out, Contains("populations"));
  const std::string two = write(folder, "two.toml", config.substr(0, config.find("[[model]]\nname = \"PBP\"")));
  CHECK_THAT(dynvert_run({"circuit", two, "--summary"}).out, StartsWith("model DI\n") && Contains("\nmodel DFC\n"));

  const auto fails = [&](std::vector<std::string> words, const std::string& message) {
    words.insert(words.begin(), "circuit");
    const Outcome failed = dynvert_run(words);
    CHECK(failed.code == 2);
    CHECK(failed.out.empty());
    CHECK_THAT(failed.err, Contains(message));
  };
  fails({path}, "has 3 models; allowed: --model with one of DI, DFC, PBP; --summary shows all");
  fails({path, "--model", "DFB"}, "did you mean DFC?");
  fails({path, "--model", "PBP"}, "no circuit file says what credit = \"pseudo_backprop\" does");
  fails({path, "--model", "DI", "--layers", "3,2"}, "the network is that of the configuration");
  fails({sequential, "--model", "DI"}, "is a circuit file");
  fails({path, "--model", "DI", "--expand", "--summary"}, "excludes");
  fails({std::string(DYNVERT_SOURCE_DIR) + "/examples/excitatory_inhibitory.toml"}, "has no models");
}

TEST_CASE("faults of a model's circuit end check and simulate with code 2 and their place") {
  const TemporaryFolder folder;
  write(folder, "wrong.toml", "version = 1\n[circuit]\nequations = \"x = inptu\"\n");
  const std::string path =
      write(folder, "run.toml",
            config.substr(0, config.find("[[model]]")) + "[[model]]\nname = \"A\"\ncircuit = \"wrong.toml\"\n");
  for (const char* command : {"check", "simulate", "circuit"}) {
    const Outcome run = dynvert_run({command, path});
    CHECK(run.code == 2);
    CHECK_THAT(run.err, Contains("wrong.toml:3:18: unknown name inptu; did you mean \"input\"?\n    x = inptu\n"));
  }
}

// Fails until circuits run: then the tag goes.
TEST_CASE("check shows the circuits of models") {
  const TemporaryFolder folder;
  const Outcome run = dynvert_run({"check", write(folder, "run.toml", config)});
  CHECK(run.code == 0);
  CHECK_THAT(run.out, Contains("  circuit   of DFC: deep_feedback_control.toml\n") && Contains("\n    populations\n") &&
                          Contains("\n    phase \"control\""));
}
