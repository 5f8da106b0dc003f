// A model as the text of a circuit file: the file with the model's values in place of the defaults.

#include <dynvert/models/equations/expand.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/sim/config/circuit_file.hpp>
#include <dynvert/sim/config/model_circuit.hpp>

#include <catch2/catch.hpp>

#include <algorithm>

#include "support/config_text.hpp"

using namespace dynvert;
using namespace dynvert::test;
using Catch::Matchers::Contains;

namespace {

const std::string circuit = R"(version = 1   # stays
[parameters]
plain = 0.1 # a comment
table = { meaning = "Größe, ä = 1", default = 1, min = 0 }   # another
word = { choices = ["one", "two"], default = "one" }
escaped = { default = "a\u0062" }
flag = true
[circuit]
equations = '''
x = plain*input          # as it is
'''
)";

ParameterValue default_of(const std::string& text, const std::string& name) {
  const auto read = read_circuit_file(text, "x.toml");
  return std::ranges::find(read.parameters, name, &Parameter::name)->default_value;
}

/// The model of that credit among the others of the configuration.
std::string text_of(const std::string& keys, const std::string& dynamics = "") {
  std::string text = base + "\n[[model]]\nname = \"own\"\n" + keys + "\n";
  if (!dynamics.empty()) text = changed("solver = \"rk4\"", "solver = \"rk4\"\n" + dynamics, text);
  return circuit_text_of(parse(text).models.back());
}

}  // namespace

TEST_CASE("other defaults in a circuit file leave all else as it is") {
  CHECK(with_defaults(circuit, "x.toml", {}) == circuit);
  const ParameterValues values{{"plain", 0.25}, {"table", 2.0}, {"word", std::string("two")}, {"flag", false}};
  std::string expected = changed("plain = 0.1 ", "plain = 0.25 ", circuit);
  expected = changed("default = 1,", "default = 2.0,", expected);
  expected = changed("default = \"one\"", "default = \"two\"", expected);
  expected = changed("flag = true", "flag = false", expected);
  CHECK(with_defaults(circuit, "x.toml", values) == expected);

  // as far as the values go, this holds for text of any kind
  const std::string other = with_defaults(circuit, "x.toml", {{"escaped", std::string("c\"\\\n")}});
  CHECK(default_of(other, "escaped") == ParameterValue(std::string("c\"\\\n")));
  CHECK(default_of(other, "plain") == ParameterValue(0.1));
}

TEST_CASE("a named model as a circuit file has the configuration's parameters") {
  const std::string text = text_of("credit = \"sequential_inversion\"\nalpha = 0.25\ntransfer = \"nonlinear\"",
                                   "tau_u = 0.5\nforward = \"dynamic\"\nforward_duration = 12.5");
  CHECK_THAT(text, Contains("# Sequential dynamic inversion") && Contains("# pre-activation"));
  CHECK(default_of(text, "alpha") == ParameterValue(0.25));
  CHECK(default_of(text, "tau_u") == ParameterValue(0.5));
  CHECK(default_of(text, "tau_delta") == ParameterValue(1.0));
  CHECK(default_of(text, "transfer") == ParameterValue(std::string("nonlinear")));
  CHECK(default_of(text, "forward") == ParameterValue(std::string("dynamic")));
  CHECK(default_of(text, "forward_duration") == ParameterValue(12.5));
  CHECK_NOTHROW(text_of("credit = \"backprop\""));
  try {
    static_cast<void>(text_of("credit = \"pseudo_backprop\""));
    FAIL("there is no such file");
  } catch (const ValueError& error) {
    CHECK_THAT(error.what(), Contains("model own: no circuit file says what credit = \"pseudo_backprop\" does"));
  }
}

TEST_CASE("a concurrent model as a circuit file has its phases of stimulus and target") {
  const auto expanded = [](const std::string& text) {
    return equations::expand(read_circuit_file(text, "x.toml"),
                             {.layers = {6, 5, 4}, .rates = {"linear", "tanh", "linear"}, .parameters = {}});
  };
  const std::string credit = "credit = \"concurrent_inversion\"\n";
  CHECK(default_of(text_of(credit), "plasticity") == ParameterValue(std::string("at_end")));
  CHECK(default_of(text_of(credit + "plasticity = \"continuous\"\ntau_w = 2.0"), "plasticity") ==
        ParameterValue(std::string("continuous")));
  CHECK(expanded(text_of(credit)).phases.size() == 1);

  const auto d =
      expanded(text_of(
          credit + "phases = [{ duration = 10, stimulus = true }, { duration = 20, stimulus = true, target = true }, "
                   "{ start = 35, duration = 5 }]"));
  REQUIRE(d.phases.size() == 4);
  const auto begin = [&](std::size_t i) { return d.phases[i].begin.value(); };
  const auto off = [&](std::size_t i) {
    std::vector<std::string> names;
    for (const auto& given : d.phases[i].equations) names.push_back(given.population.in_equations());
    return names;
  };
  CHECK(off(0) == std::vector<std::string>{"s[2]"});
  CHECK(off(1).empty());
  CHECK(off(2) == std::vector<std::string>{"h[0]", "s[2]"});  // the gap
  CHECK(off(3) == std::vector<std::string>{"h[0]", "s[2]"});
  CHECK(begin(1) == 10);
  CHECK(begin(2) == 30);
  CHECK(d.phases[2].duration.value() == 5);
  CHECK(begin(3) == 35);
  // weights learn where the target was on last
  REQUIRE(d.rules.size() == 4);
  for (const auto& rule : d.rules) {
    CHECK(rule.terms.front().when == equations::RuleTerm::When::end);
    CHECK(rule.terms.front().phases == std::vector<std::string>{"phase 2"});
  }
}

TEST_CASE("what a circuit is printed as is the circuit") {
  const std::string own = changed("default = 1, min", "default = 1.5, min", circuit);
  const auto text = [&](const std::string& keys) {
    return text_of("circuit = \"x.toml\"\n" + keys + "\ncircuit_text = \"\"\"\n" +
                   changed("\\u0062", "\\\\u0062", own) + "\"\"\"");
  };
  CHECK(text("") == own);
  CHECK(text("table = 3") == changed("default = 1.5, min", "default = 3.0, min", own));
}
