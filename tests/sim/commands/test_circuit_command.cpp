// dynvert circuit: what it prints, and what it says of faults.

#include "support/run_program.hpp"

#include <catch2/catch.hpp>

using namespace dynvert;
using namespace dynvert::test;
using Catch::Matchers::Contains;

namespace {

const std::string sequential = std::string(DYNVERT_SOURCE_DIR) + "/examples/circuits/sequential_inversion.toml";

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
