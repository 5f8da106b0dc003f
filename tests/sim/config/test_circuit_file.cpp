// Circuit files: what they become, that printing and reading gives the same circuit, and each fault with its place.

#include <dynvert/models/equations/expand.hpp>
#include <dynvert/sim/config/circuit_file.hpp>
#include <dynvert/sim/config/error.hpp>
#include "support/text_files.hpp"

#include <fmt/format.h>
#include <rapidcheck.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <random>

using namespace dynvert;
using namespace dynvert::equations;

namespace {

CircuitText read(const std::string& text) { return read_circuit_file(text, "circuit.toml"); }

std::string shipped(const std::string& name) {
  const std::string text = test::contents(std::string(DYNVERT_SOURCE_DIR) + "/examples/circuits/" + name + ".toml");
  REQUIRE_FALSE(text.empty());
  return text;
}

ExpandOptions network(std::vector<std::size_t> layers) {
  ExpandOptions options;
  options.rates.assign(layers.size(), "tanh");
  options.rates.front() = "linear";
  options.layers = std::move(layers);
  return options;
}

std::string equation_of(const Description& d, const Name& name) {
  const Population* p = d.find(name);
  REQUIRE(p != nullptr);
  return to_text(expression_of(*p));
}

std::vector<std::string> moving(const Description& d) {
  std::vector<std::string> names;
  for (const Population& p : d.populations)
    if (p.type == Population::Type::moving) names.push_back(p.name.in_files());
  return names;
}

/// Printing and reading gives the same text, and the description as a text the same description.
void check_round_trip(const CircuitText& text, const ExpandOptions& options) {
  CHECK(read(to_toml(text)) == text);
  const Description d = expand(text, options);
  Description again = expand(read(to_toml(as_text(d))), options);
  again.notes = d.notes;  // of what the network lacks
  CHECK(again == d);
}

const std::array<const char*, 8> names{
    "sequential_inversion", "single_loop_inversion", "repeat_inversion",       "concurrent_inversion", "backprop",
    "feedback_alignment",   "deep_feedback_control", "equilibrium_propagation"};

}  // namespace

TEST_CASE("circuit file: what ships is printed and read as itself") {
  for (const char* name : names) {
    INFO(name);
    const CircuitText text = read(shipped(name));
    CHECK_FALSE(text.title.empty());
    for (const std::vector<std::size_t>& layers : {std::vector<std::size_t>{7, 5, 4}, {8, 6, 5, 4, 3}}) {
      ExpandOptions options = network(layers);
      for (const bool bias : {true, false}) {
        options.bias = bias;
        check_round_trip(text, options);
      }
    }
    // each of its choices
    for (const Parameter& p : text.parameters) {
      for (const std::string& choice : p.choices) {
        ExpandOptions options = network({8, 6, 5, 3});
        options.parameters.set(p.name, choice);
        check_round_trip(text, options);
      }
    }
    CHECK(to_latex(text).find("\\begin{align*}") == 0);
    CHECK(to_graph(expand(text, network({7, 5, 4}))).find("digraph") == 0);
  }
}

TEST_CASE("circuit file: without hidden layers there are no loops") {
  for (const char* name : {"sequential_inversion", "repeat_inversion", "concurrent_inversion", "backprop"}) {
    INFO(name);
    check_round_trip(read(shipped(name)), network({7, 4}));
  }
}

// The orders are those of models/credit, on which sequential Euler depends.
TEST_CASE("circuit file: the named models list their populations as the built-in ones do") {
  const ExpandOptions options = network({8, 6, 5, 3});
  const auto order = [&](const char* name) { return moving(expand(read(shipped(name)), options)); };
  using List = std::vector<std::string>;
  CHECK(order("sequential_inversion") == List{"u_3", "delta_2", "u_2", "delta_1"});
  CHECK(order("single_loop_inversion") == List{"delta_1", "delta_2", "u_3"});
  CHECK(order("repeat_inversion") == List{"delta_2", "u_2", "delta_1", "way_2_1", "u_1"});
  CHECK(order("concurrent_inversion") == List{"a_1", "a_2", "a_3", "u_3", "delta_2", "u_2", "delta_1"});
  CHECK(order("backprop").empty());
  CHECK(order("feedback_alignment").empty());
}

TEST_CASE("circuit file: sequential inversion's equations and phases") {
  const CircuitText text = read(shipped("sequential_inversion"));
  ExpandOptions options = network({8, 6, 5, 3});
  Description d = expand(text, options);
  CHECK(equation_of(d, {"a", {2}}) == "W[2]*h[1] + b[2]");
  CHECK(equation_of(d, {"u", {3}}) == "-alpha*u[3] + W[3]*delta[2] - s[3]");
  CHECK(equation_of(d, {"delta", {2}}) == "-delta[2] + B[3]*u[3]");
  CHECK(equation_of(d, {"s", {2}}) == "delta[2] .* tanh'(a[2])");
  CHECK(d.find_matrix({"B", {3}})->rows == 5);
  CHECK(d.find_matrix({"B", {3}})->columns == 3);
  REQUIRE(d.phases.size() == 2);
  CHECK(d.phases[0].name == "loop 3");
  CHECK(d.phases[0].moves == std::vector<Name>{{"u", {3}}, {"delta", {2}}});
  CHECK(d.phases[1].begin.is_number(0));
  REQUIRE(d.rules.size() == 6);
  CHECK(to_text(expression_of(d.rules[2])) == "eta*s[2]*h[1]' - lambda*W[2]");

  options.parameters.set("transfer", std::string("nonlinear"));
  d = expand(text, options);
  CHECK(equation_of(d, {"u", {3}}) == "-alpha*u[3] + W[3]*tanh(delta[2]) - s[3]");
  CHECK(equation_of(d, {"s", {2}}) == "delta[2]");
  options.parameters.set("transfer", std::string("linearised"));
  options.parameters.set("forward", std::string("dynamic"));
  d = expand(text, options);
  CHECK(equation_of(d, {"u", {3}}) == "-alpha*u[3] + W[3]*(delta[2] ./ tanh'(a[2])) - s[3]");
  REQUIRE(d.phases.size() == 3);
  CHECK(d.phases[0].clock == "forward");
}

TEST_CASE("circuit file: the others' equations") {
  const ExpandOptions options = network({8, 6, 5, 3});
  Description d = expand(read(shipped("single_loop_inversion")), options);
  CHECK(equation_of(d, {"delta", {1}}) == "-delta[1] + B*u[3]");
  CHECK(equation_of(d, {"delta", {2}}) == "-delta[2] + W[2]*delta[1]");
  CHECK(d.find_matrix({"B"})->rows == 6);
  CHECK(d.find_matrix({"B"})->columns == 3);
  d = expand(read(shipped("repeat_inversion")), options);
  CHECK(equation_of(d, {"way", {2, 1}}) == "-way[2,1] + W[2]*from[1,1]");
  CHECK(d.find_matrix({"B", {1}})->rows == 6);
  CHECK(d.find_matrix({"B", {1}})->columns == 3);
  d = expand(read(shipped("backprop")), options);
  CHECK(equation_of(d, {"s", {1}}) == "W[2]'*s[2] .* tanh'(a[1])");
  CHECK(d.phases[0].duration.is_number(0));
  d = expand(read(shipped("feedback_alignment")), options);
  CHECK(equation_of(d, {"s", {1}}) == "-B[2]*s[2] .* tanh'(a[1])");
  d = expand(read(shipped("deep_feedback_control")), options);
  CHECK(equation_of(d, {"u_int"}) == "-alpha*u_int + (1 - alpha*k_p)*e");
  CHECK(d.find({"aim"})->type == Population::Type::kept);
  CHECK(d.phases[0].equations[0].population == Name{"u"});
  d = expand(read(shipped("equilibrium_propagation")), options);
  CHECK(equation_of(d, {"drive", {3}}) == "4*W[3]*s[2] + 4*b[3] + 4*nudge - 2");
  CHECK(d.phases[2].from == "free");
  ExpandOptions continuous = options;
  continuous.parameters.set("plasticity", std::string("continuous"));
  d = expand(read(shipped("concurrent_inversion")), continuous);
  REQUIRE(d.rules.size() == 6);
  CHECK(d.rules[0].continuous);
  CHECK(d.phases[0].learn.size() == 6);
}

// --- random circuits
// ---------------------------------------------------------------------------------------------------

namespace {

/// Layers of populations x[l] (moving), z[l] (moving) and y[l] (algebraic, of x and z alone), joined by random terms.
class RandomCircuit {
 public:
  explicit RandomCircuit(std::uint64_t seed) : random_(seed), depth_(1 + below(3)) {}

  ExpandOptions options() {
    std::vector<std::size_t> layers{3};
    for (std::size_t l = 1; l <= depth_; ++l) layers.push_back(2 + below(4));
    ExpandOptions result = network(layers);
    result.bias = below(4) > 0;
    return result;
  }

  std::string text() {
    std::string t =
        "version = 1\ntitle = \"random \\\"circuit\\\"\"\n[parameters]\nalpha = { default = 0.3, min = 0.1, below = "
        "7.5, "
        "meaning = \"a number\" }\nbeta = -2\nkind = { default = \"one\", choices = [\"one\", \"two\"] }\n"
        "on = { default = true }\n[circuit]\n";
    if (below(3) == 0) t += "algebraic_loop = \"lag\"\n";
    t += "equations = '''\nx[0] = input\nz[0] = 2*input\nf(v) = v .* tanh(v)\n";
    if (below(2) == 0) t += "size free = 6\ntau_free dfree/dt = -alpha*free + 3*free\n";
    for (std::size_t l = 1; l <= depth_; ++l) {
      t += fmt::format("size x[{0}] = n[{0}]\nsize z[{0}] = n[{0}]\n", l);
      t += fmt::format("{}dx[{}]/dt = -{}x[{}]{}\n", pick({"", "alpha ", "2 ", "(1 + alpha) "}), l,
                       pick({"", "alpha*", "2*alpha*"}), l, sum(l));
      t += fmt::format("y[{}] = x[{}]{}\n", l, l, sum(l));
      t += fmt::format("{}dz[{}]/dt = z[{}]{}\n", pick({"", "beta^2 "}), l, l, sum(l));
    }
    t += "if kind == one\n  one_more = x[1]\nelse if kind == two\n  one_more = 2*x[1]\nend\n";
    if (below(2) == 0) t += "alpha dW[1]/dt = eta*x[1]*x[0]' - lambda*W[1]\n";
    t += "'''\n[weights.Q]\nkind = \"normal\"\nstandard_deviation = 0.25\n[weights.R]\nkind = \"formula\"\nformula = "
         "\"exp(-(i - j)^2)\"\nscale = 2\n[source.tone]\nkind = \"sine\"\nperiod = 3\namplitude = [1, -2]\n";
    t = replaced(t, "tau_free", "alpha");
    if (below(2) == 0)
      t += "[initial]\n\"x[1]\" = \"tanh(alpha)\"\n\"z[1]\" = { kind = \"uniform\", half_width = 0.5 }\n";
    t += phases();
    t += "[learning]\nclip = 2\nat_end = '''\n";
    for (std::size_t l = 2; l <= depth_; ++l) t += rule(l);
    t += "'''\n[learning.W]\noptimiser = \"sgd\"\n";
    t += fmt::format("[readout]\ny = \"{}\"\nloss = \"cross_entropy\"\n[roles]\nforward = \"x\"\n", signal(depth_, 1));
    return t;
  }

 private:
  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }
  std::string pick(const std::vector<std::string>& choices) { return choices[below(choices.size())]; }
  static std::string replaced(std::string text, const std::string& from, const std::string& to) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at))
      text.replace(at, from.size(), to);
    return text;
  }

  std::string coefficient() {
    return pick(
        {"", "", "2*", "alpha*", "(1 - alpha)*", "-beta/(2*alpha)*", "eta*alpha^2*", "1e-3/batch*", "exp(beta)*"});
  }

  std::string signal(std::size_t l, int depth) {
    const std::string name = fmt::format("{}[{}]", pick({"x", "z"}), l);
    if (depth <= 0) return name;
    const auto next = [&] { return signal(l, depth - 1); };
    switch (below(11)) {
      case 0:
        return fmt::format("tanh({})", next());
      case 1:
        return fmt::format("g[{}]({})", l, next());
      case 2:
        return fmt::format("g[{}]'({}) .* {}", l, next(), name);
      case 3:
        return fmt::format("({} + alpha*{})", next(), next());
      case 4:
        return fmt::format("{} ./ (2 + abs({}))", name, next());
      case 5:
        return fmt::format("sum({})*{}", signal(below(depth_ + 1), depth - 1), name);
      case 6:
        return fmt::format("({} - mean({}))^2", next(), next());
      case 7:
        return fmt::format("clip({}, -alpha, 1)", next());
      case 8:
        return fmt::format("f({})", name);
      case 9:
        return fmt::format("f'(-{})", name);
      default:
        return fmt::format("softmax(last({}))", name);
    }
  }

  std::string term(std::size_t l) {
    const std::string c = coefficient();
    switch (below(l < depth_ ? 8 : 7)) {
      case 0:
        return c + fmt::format("W[{}]*({})", l, signal(l - 1, 2));
      case 1:
        return c + fmt::format("b[{}]", l);
      case 2:
        return c + fmt::format("Q[{}]*({}) .* ({})", l, signal(l, 1), signal(l, 1));
      case 3:
        return c + fmt::format("({}) .* (W[{}]*x[{}] - R[{},{}]*z[{}])", signal(l, 1), l, l - 1, l, ++uses_,
                               below(depth_ + 1));
      case 4:
        return c + fmt::format("relu(W[{}]*({}) + b[{}])", l, signal(l - 1, 1), l);
      case 5:
        return c + signal(l, 3);
      case 6:
        return c + pick({"one", "3", "(alpha + 2)"});
      default:
        return c + fmt::format("W[{}]'*({})", l + 1, signal(l + 1, 1));
    }
  }

  std::string sum(std::size_t l) {
    std::string text;
    for (std::size_t i = below(4) + 1; i > 0; --i) text += pick({" + ", " - "}) + term(l);
    return text;
  }

  std::string phases() {
    if (below(3) == 0) return "";
    std::string t = "[[phase]]\nname = \"first\"\nhold = \"z\"\nset = \"aim = 2*x[1] - one\"\n";
    t += pick(
        {"", "equations = '''\none_more = x[1] + aim\n'''\n", "parameters = { beta = -1, alpha = \"2*alpha\" }\n"});
    t += "[[phase]]\neach = \"l = 1..L\"\nname = \"layer {l}\"\nbegin = \"duration\"\nmoves = [\"x[l]\"]\nduration = "
         "2.5\n";
    t += pick({"", "during = \"learning\"\n", "clock = \"own\"\n", "from = \"first\"\n"});
    return t + "[trial]\ncarry = [\"x\"]\nper = \"sample\"\nafter = \"first\"\n";
  }

  std::string rule(std::size_t l) {
    const std::string post = signal(l, 1);
    const std::string pre = signal(l - 1, 1);
    const std::string product = fmt::format("({})*({})'", post, pre);
    std::string t = fmt::format("W[{}] += eta*{} - lambda*W[{}]\n", l,
                                pick({product, "avg(" + product + ")", "low(" + product + ", alpha)",
                                      fmt::format("({}) .* low({}, 2)", signal(l, 1), product)}),
                                l);
    return t + fmt::format("b[{}] += {}({})\n", l, coefficient(), signal(l, 2));
  }

  std::mt19937_64 random_;
  std::size_t depth_;
  std::size_t uses_ = 0;
};

}  // namespace

TEST_CASE("circuit file: random circuits are printed and read as themselves") {
  CHECK(rc::check("print and read", [] {
    RandomCircuit random(*rc::gen::arbitrary<std::uint64_t>());
    const ExpandOptions options = random.options();
    const std::string file = random.text();
    try {
      const CircuitText text = read(file);
      RC_ASSERT(read(to_toml(text)) == text);
      const Description d = expand(text, options);
      const std::string printed = to_toml(as_text(d));
      Description again = expand(read(printed), options);
      again.notes = d.notes;
      RC_ASSERT(to_toml(as_text(again)) == printed);
      RC_ASSERT(again == d);
    } catch (const Error& error) {
      RC_FAIL(std::string(error.what()) + "\n" + file);
    }
  }));
}

// --- faults
// ------------------------------------------------------------------------------------------------------------

namespace {

const std::string least = "version = 1\n[circuit]\nequations = '''\nx = input\n'''\n";

std::string message_of(const std::string& text, const ExpandOptions& options = network({4, 3})) {
  try {
    static_cast<void>(expand(read(text), options));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("circuit file: faults of equations are shown at their place in the file") {
  const auto check = [](const std::string& text, const std::string& message) {
    INFO(message_of(text));
    CHECK(message_of(text).find(message) == 0);
  };
  CHECK(message_of(least).empty());
  check(
      "version = 1\n[circuit]\nequations = '''\nh = W[1]*input\n  x = h + inptu\n'''\n",
      "circuit.toml:5:11: unknown name inptu; did you mean \"input\"?\n    x = h + inptu\n            ^\n  allowed: ");
  check("version = 1\n[circuit]\nequations = \"x = yy\"\n", "circuit.toml:3:18: unknown name yy");
  check("version = 1\n[circuit]\nequations = \"\"\"x = input +\n y\"\"\"\n", "circuit.toml:4:2: unknown name y");
  check("version = 1\r\n[circuit]\r\nequations = '''\r\nx = yy\r\n'''\r\n", "circuit.toml:4:5: unknown name yy");
  // with an escape in it, the string is what can be named
  check("version = 1\n[circuit]\nequations = \"x\\u0020= yy\"\n", "circuit.toml:3:17: unknown name yy");
  check(least + "[[phase]]\nname = \"p\"\nset = \"y = 2*zz\"\n", "circuit.toml:8:14: unknown name zz");
  check(least + "[[phase]]\nname = \"p\"\nmoves = [\"x\"]\n",
        "circuit.toml:7:9: phase \"p\" moves x, which has no equation dx/dt");
  check(least + "[[phase]]\nname = \"p\"\n", "circuit.toml:7:9: phase \"p\" lasts and moves nothing");
  check(least + "[[phase]]\neach = \"l = 1..\"\nname = \"p\"\n", "circuit.toml:7:16: found the end of the equation");
  check(least + "[[phase]]\nname = \"p {x}\"\n", "name of a phase:1:1: x is no number that is known here");
  check(least + "[weights.Q]\nkind = \"formula\"\nformula = \"k + i\"\n",
        "circuit.toml:6:10: k in k + i of [weights.Q]");
  check(least + "[weights.Q]\nkind = \"product\"\nproduct = \"W[1]*V'\"\n",
        "circuit.toml:6:10: V in W[1]*V' of [weights.Q]");
  check(least + "[readout]\ny = \"x + yy\"\n", "circuit.toml:7:10: unknown name yy");
  check(least + "[readout]\ny = \"x\"\n", "circuit.toml:7:6: the readout has 4 units");
  check(least + "[initial]\n\"x\" = 1\n", "circuit.toml:7:2: x does not move");
  check(least + "[trial]\nafter = \"p\"\n", "circuit.toml:7:10: there is no phase \"p\"");
  check(least + "[learning]\nat_end = \"W[1] += x\"\n", "circuit.toml:7:19: no post*pre' in a rule");
}

TEST_CASE("circuit file: faults of keys") {
  const auto check = [](const std::string& text, const std::string& message) {
    INFO(message_of(text));
    CHECK(message_of(text).find(message) == 0);
  };
  check("version = 1\n", "circuit.toml:1: circuit: is missing");
  check("[circuit]\n", "circuit.toml:1: version: is missing");
  check("version = 2\n[circuit]\n", "circuit.toml:1: version: found the integer 2; allowed: 1");
  check("version = 1\nx = \n", "circuit.toml:2: not TOML");
  check("version = 1\n[circiut]\n", "circuit.toml:2: circiut: unknown key; did you mean \"circuit\"?");
  check("version = 1\n[circuit]\nequations = 3\n", "circuit.toml:3: circuit.equations: found the integer 3");
  check(least + "[parameters]\nalpha = { min = 0 }\n", "circuit.toml:7: parameters.alpha: has no value");
  check(least + "[parameters]\nalpha = { default = -1, min = 0 }\n",
        "circuit.toml:7: parameters.alpha: found the integer -1; allowed: at least 0");
  check(least + "[parameters]\nalpha = { default = \"c\", choices = [\"a\", \"b\"] }\n",
        "circuit.toml:7: parameters.alpha: found the string \"c\"; allowed: a, b");
  check(least + "[parameters]\neta = 1\n", "circuit.toml:7: parameters.eta: has a meaning of its own");
  check(least + "[parameters]\n\"a b\" = 1\n", "circuit.toml:7: parameters: found the name \"a b\"");
  check(least + "[parameters]\nalpha = [1]\n", "circuit.toml:7: parameters.alpha: found a list");
  check(least + "[parameters]\nalpha = { default = inf }\n", "circuit.toml:7: parameters.alpha: found the real inf");
  check(least + "[weights.Q]\nkind = \"unifrom\"\n",
        "circuit.toml:7: weights.Q.kind: found the string \"unifrom\"; did you mean \"uniform\"?");
  check(least + "[weights.Q]\nscale = 1\n", "circuit.toml:6: weights.Q.kind: is missing");
  check(least + "[weights.Q]\nkind = \"uniform\"\ndensity = 1\n", "circuit.toml:8: weights.Q.density: unknown key");
  check(least + "[weights.Q]\nkind = \"uniform\"\nhalf_width = 0\n",
        "circuit.toml:8: weights.Q.half_width: found the integer 0");
  check(least + "[weights.Q]\nkind = \"matrix\"\nmatrix = [[1, 2], [3]]\n",
        "circuit.toml:8: weights.Q.matrix: found a list");
  check(least + "[weights.Q]\nkind = \"file\"\n", "circuit.toml:6: weights.Q.path: is missing");
  check(least + "[[phase]]\nduration = 3\n", "circuit.toml:6: phase[1].name: is missing");
  check(least + "[[phase]]\nname = \"p\"\nduring = \"always\"\n", "circuit.toml:8: phase[1].during: found the string");
  check(least + "[phase]\nname = \"p\"\n", "circuit.toml:6: phase: found a table");
  check(least + "[learning]\noptimizer = \"adam\"\n",
        "circuit.toml:7: learning.optimizer: unknown key; did you mean \"optimiser\"?");
  check(least + "[learning.W]\nat_end = \"\"\n", "circuit.toml:7: learning.W.at_end: unknown key");
  check(least + "[initial]\nx = { kind = \"matrix\" }\n",
        "circuit.toml:7: initial.x.kind: found the string \"matrix\"");
  check(least + "[readout]\nat = \"middle\"\n", "circuit.toml:7: readout.at: found the string \"middle\"");
  check(least + "[roles]\nerrors = \"x\"\n", "circuit.toml:7: roles.errors: unknown key; did you mean \"error\"?");
}
