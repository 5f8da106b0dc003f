// What circuit files can say and the engine cannot run: one message each, with the place and what is allowed.

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

equations::EquationError::Data refusal(const std::string& text) {
  try {
    // keys of [dynamics] are for circuits in which something moves
    const bool moves = text.find("/dt") != std::string::npos;
    const CircuitTrials trials(text, moves ? AroundCircuit{} : AroundCircuit{.keys = ""});
  } catch (const equations::EquationError& error) {
    INFO(error.what());
    return error.data();
  }
  FAIL("accepted:\n" << text);
  return {};
}

/// @param line  of the text, whose first is that of the version
void refuses(const std::string& text, const std::string& fault, const std::string& allowed, std::size_t line) {
  CAPTURE(text);
  const auto data = refusal(text);
  CHECK_THAT(data.fault, Contains(fault));
  CHECK_THAT(data.allowed, Contains(allowed));
  CHECK(data.line == line);
  if (line > 0) CHECK(data.file.ends_with("own.toml"));
}

}  // namespace

TEST_CASE("refused: what no engine runs yet, by the plan of a circuit") {
  refuses(circuit_of("size x = 3\ndx/dt = -x + M*last(x)\n"), "values of the step before are not kept",
          "tau dy/dt = -y + x", 5);
  refuses("[circuit]\nalgebraic_loop = \"solve\"\nequations = '''\nx = M*y\ny = tanh(x)\nz = target + x\n'''\n",
          "circles of algebraic populations are not solved", "populations that move", 6);
  refuses(circuit_of("size x = 3\ndx/dt = -x + pulse\n", "[source.pulse]\nkind = \"step\"\namplitude = 1.0\n"),
          "[source.pulse] has no place", "input and target", 7);
  refuses(circuit_of(base, "[trial]\ncarry = \"all\"\n"), "states do not go over", "[initial]", 8);
  refuses(circuit_of(base, "[trial]\ncarry = [\"x\"]\n"), "states do not go over", "[initial]", 8);
  refuses(circuit_of(base, "[initial]\nx = { kind = \"normal\", standard_deviation = 0.1 }\n"),
          "random states are not drawn", "signals", 8);
}

TEST_CASE("refused: rules at the end of a trial that cannot be run") {
  const auto with = [](const std::string& rule, const std::string& keys = "", const std::string& tables = "") {
    return circuit_of(base, tables + "[learning]\n" + keys + "at_end = \"" + rule + "\"\n");
  };
  refuses(with("M += eta*low(e*input', 3)"), "low(..) is not run", "a population that moves", 8);
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
  const auto with = [](const std::string& rules, const std::string& equations = base) {
    return circuit_of(equations + rules);
  };
  refuses(with("dM/dt = eta*e*input' + x*(input .* input)'\n"), "several products of different pre factors",
          "(post_1 + post_2)*pre'", 6);
  refuses(with("dM/dt = eta*low(e*input', 3)\n"), "low(..) is not run in continuous rules", "products of signals", 6);
  refuses(with("dM/dt = -0.1*M\n"), "only decays", "a product post*pre'", 6);
  refuses(with("dM/dt = eta*e*input'\ndM/dt = x*input'\n"), "two continuous rules", "the sum of their terms", 7);
  refuses(with("dM/dt = eta*e*input'\n", "dx/dt = -x + 2*M*input\ne = target - x\n"), "a multiple of it, is in use",
          "a rule at the end of the trial", 6);
  refuses(with("dM/dt = eta*e*input'\n", base + "dy/dt = -y + M'*x\n"), "its transpose", "a rule at the end", 7);
}
