// What circuit files can say and an engine cannot run: one message each, with the place and what is allowed.

#include <dynvert/models/equations/source.hpp>

#include "support/circuit_trials.hpp"

using namespace dynvert;
using namespace dynvert::test;
using Catch::Matchers::Contains;

namespace {

const std::string base = "dx/dt = -x + M*input\ne = target - x\n";

std::string circuit_of(const std::string& equations, const std::string& tables = "") {
  return "[circuit]\nequations = '''\n" + equations + "'''\n" + tables;
}

equations::EquationError::Data refusal(const std::string& text, const AroundCircuit& around) {
  try {
    // keys of [dynamics] are for circuits in which something moves
    const bool moves = text.find("/dt") != std::string::npos;
    const CircuitTrials trials(text, moves ? around : AroundCircuit{.keys = ""});
  } catch (const equations::EquationError& error) {
    INFO(error.what());
    return error.data();
  }
  FAIL("accepted:\n" << text);
  return {};
}

/// @param line  of the text, whose first is that of the version
void refuses(const std::string& text, const std::string& fault, const std::string& allowed, std::size_t line,
             const AroundCircuit& around = {}) {
  CAPTURE(text);
  const auto data = refusal(text, around);
  CHECK_THAT(data.fault, Contains(fault));
  CHECK_THAT(data.allowed, Contains(allowed));
  CHECK(data.line == line);
  if (line > 0) CHECK(data.file.ends_with("own.toml"));
}

}  // namespace

TEST_CASE("refused: what no engine runs yet, by the plan of a circuit") {
  refuses(circuit_of("size x = 3\ndx/dt = -x + pulse\n", "[source.pulse]\nkind = \"step\"\namplitude = 1.0\n"),
          "[source.pulse] has no place", "input and target", 7);
  refuses(circuit_of(base, "[trial]\ncarry = [\"e\"]\n"), "carry: e has no state", "populations that move", 8);
  const std::string looks = "[[phase]]\nname = \"a\"\n[[phase]]\nname = \"b\"\nduring = \"evaluation\"\n";
  refuses(circuit_of(base, looks + "[trial]\ncarry = \"all\"\nafter = \"b\"\n"), "is not run in learning", "both", 14);
  refuses(
      "[circuit]\nalgebraic_loop = \"solve\"\nequations = '''\nsize y = 3\ndx/dt = -x + y\ny = tanh(y) + "
      "input2\ninput2 = 2*y\n'''\n[initial]\nx = \"y\"\n[trial]\ncarry = \"all\"\n",
      "begins at a signal", "a number or a formula", 13);
  refuses(
      circuit_of("h[0] = input\nh[1] = g[1](W[1]*h[0])\ny = W[2]*h[1]\n", "[readout]\ny = \"y\"\nat = \"average\"\n"),
      "which takes no time", "at = \"end\"", 9);
}

TEST_CASE("refused: rules at the end of a trial that cannot be run") {
  const auto with = [](const std::string& rule, const std::string& keys = "", const std::string& tables = "") {
    return circuit_of(base, tables + "[learning]\n" + keys + "at_end = \"" + rule + "\"\n");
  };
  refuses(with("M += eta*low(e*input', 3)", "clip_delta = 1.0\n"), "clip_delta of a low-pass", "clip", 9);
  refuses(with("M += eta*low(e*input', 0)"), "a time constant of 0", "above 0", 8);
  refuses(with("M += eta^2*e*input'"), "the learning rate eta is no factor of", "eta times numbers", 8);
  refuses(with("M += eta*e*input' + x*input'", "clip = 1.0\n"), "eta is a factor of some terms", "of all, or of none",
          9);
  refuses(with("M += eta*e*input' + x*input'", "optimiser = \"adam\"\n"), "eta is a factor of some terms",
          "of all, or of none", 9);
  refuses(with("M += eta*avg(e*input')", "clip_delta = 1.0\n"), "clip_delta of an average", "clip", 9);
  const std::string looks = "[[phase]]\nname = \"a\"\n[[phase]]\nname = \"b\"\nduring = \"evaluation\"\n";
  refuses(with("M += eta*end(\\\"b\\\", e*input')", "", looks), "is not run in learning", "during", 13);
  refuses(circuit_of("h[0] = input\nh[1] = g[1](W[1]*h[0])\ny = W[2]*h[1]\n",
                     "[learning]\nat_end = \"W[1] += eta*avg(h[1]*h[0]')\"\n"),
          "phases that take no time", "end(", 9);
}

TEST_CASE("refused: continuous rules that cannot be run") {
  refuses(circuit_of(base + "dy/dt = -y + e\ndM/dt = eta*e*input'\n", "[[phase]]\nname = \"a\"\nmoves = [\"y\"]\n"),
          "which does not use it", "learn = [..]", 7);
}

TEST_CASE("refused: what a solver cannot run, with the solvers that can") {
  const auto by = [](const std::string& solver, const std::string& more = "") {
    return AroundCircuit{.keys = "solver = \"" + solver + "\"\n" + more};
  };
  const std::string rule = circuit_of(base + "dM/dt = eta*e*input'\n");
  refuses(rule, "gives the steady state", "a solver that integrates", 6, by("fixed_point"));
  refuses(rule, "takes linear circuits alone", "another solver", 6, by("exact", "duration = 1.0\n"));
  refuses(rule, "may end when they have settled", "settle_tolerance = 0", 6,
          by("euler", "dt = 0.125\nduration = 1.0\nsettle_tolerance = 1e-3\n"));
  AroundCircuit batch = by("rosenbrock4", "duration = 1.0\n");
  batch.learning = "batch = 2\n";
  refuses(rule, "takes one column", "dopri5", 6, batch);
  refuses(circuit_of(base + "dM/dt = eta*e*input'\n", "[learning.M]\nbounds = [-1.0, 1.0]\n"),
          "bounds clip after each step", "sequential_euler", 6, by("dopri5", "duration = 1.0\n"));
  refuses(circuit_of("size x = 3\ndx/dt = -x + M*last(x)\n"), "a reference to x of the step before", "heun", 5,
          by("dopri5", "duration = 1.0\n"));
  refuses(circuit_of(base, "[learning]\nat_end = \"M += eta*low(e*input', 3)\"\n"), "cannot run low(..)",
          "a solver that integrates", 8, by("fixed_point"));
}
