// From equations to a description: loops, choices, functions, terms, sizes, phases, rules; and each fault of a circuit
// with its place, its equation and what is allowed.

#include <dynvert/models/equations/expand.hpp>
#include <dynvert/models/equations/parser.hpp>

#include <catch2/catch.hpp>

#include <algorithm>

using namespace dynvert;
using namespace dynvert::equations;
using Catch::Matchers::Contains;

namespace {

std::shared_ptr<const Source> source(const std::string& text) {
  return std::make_shared<const Source>(Source{text, "test.toml", 10, 1});
}

/// A circuit of these equations, with alpha = 0.1, tau = 2 and transfer = "linear", and a matrix Q.
CircuitText circuit(const std::string& equations, const std::string& at_end = "") {
  CircuitText c;
  c.parameters = {{.name = "alpha", .default_value = 0.1},
                  {.name = "tau", .default_value = 2.0},
                  {.name = "transfer", .default_value = std::string("linear"), .choices = {"linear", "nonlinear"}}};
  c.weights.push_back({.name = "Q", .kind = "uniform"});
  c.equations = parse_statements(source(equations));
  c.at_end = parse_statements(source(at_end));
  return c;
}

const ExpandOptions network{.layers = {5, 4, 3}, .rates = {"linear", "tanh", "softmax"}};

Description expanded(const std::string& equations, const std::string& at_end = "") {
  return expand(circuit(equations, at_end), network);
}

EquationError::Data fault_of(const CircuitText& c, const ExpandOptions& options = network) {
  try {
    static_cast<void>(expand(c, options));
  } catch (const EquationError& error) {
    return error.data();
  }
  return {};
}

EquationError::Data fault_of(const std::string& equations, const std::string& at_end = "") {
  return fault_of(circuit(equations, at_end));
}

std::string equation_of(const Description& d, const Name& name) {
  const Population& p = *d.find(name);
  return to_text(expression_of(p));
}

PhaseText phase(const std::string& name, const std::vector<std::string>& moves) {
  PhaseText p;
  p.name = name;
  p.moves.emplace();
  for (const std::string& m : moves) p.moves->push_back(parse_names(source(m)));
  return p;
}

}  // namespace

TEST_CASE("expand: loops, indices and choices are written out") {
  const Description d = expanded(R"(
h[0] = input
for l = 1..L
  if transfer == linear
    h[l] = W[l]*h[l-1]
  else
    h[l] = tanh(W[l]*h[l-1])
  end
end
for l = 5..4
  nothing[l] = h[l]
end
x = h[L] - n[1]*one)");
  CHECK(equation_of(d, {"h", {2}}) == "W[2]*h[1]");
  CHECK(equation_of(d, {"x"}) == "h[2] - 4");
  REQUIRE(d.populations.size() == 5);
  CHECK(d.populations[0].type == Population::Type::input);
  CHECK(d.populations[4].units == 3);
  CHECK(d.phases.size() == 1);
  CHECK(d.phases[0].duration.is_number(0));
}

TEST_CASE("expand: terms, leaks and factors") {
  const Description d = expanded(R"(
size y = 7
size x = 6
tau dx/dt = -x - alpha*x + 2*(Q[1]*input .* x + x) - x/2 .* (Q[2]*y)
dy/dt = Q[2]'*(x .* x)/alpha - 3*y + one)");
  const Population& x = *d.find({"x"});
  CHECK(to_text(x.leak) == "1 + alpha");
  REQUIRE(x.terms.size() == 3);
  CHECK(to_text(expression_of(x.terms[0])) == "2*Q[1]*input .* x");
  CHECK(to_text(expression_of(x.terms[1])) == "2*x");
  CHECK(to_text(expression_of(x.terms[2])) == "-1/2*Q[2]*y .* x");
  const Population& y = *d.find({"y"});
  CHECK(to_text(y.leak) == "3");
  CHECK(y.terms[0].matrix->transposed);
  CHECK(to_text(y.terms[0].coefficient) == "1/alpha");
  CHECK(y.size_given);
  CHECK(d.find_matrix({"Q", {2}})->columns == 7);
  CHECK(to_text(y.tau) == "1");
}

TEST_CASE("expand: white noise is taken out of the terms, and printed again") {
  const Description d = expanded(R"(
size x = 3
tau dx/dt = -x + noise(2*alpha) + alpha
y = x)");
  const Population& x = *d.find({"x"});
  CHECK(to_text(x.noise) == "2*alpha");
  CHECK(x.terms.size() == 1);
  CHECK(equation_of(d, {"x"}) == "-x + alpha + noise(2*alpha)");
  CHECK(!d.find({"y"})->noise);
  CHECK(to_latex(x.noise) == "2 \\, \\alpha");
  const auto refused = [](const std::string& equation) {
    try {
      static_cast<void>(expanded("size x = 3\n" + equation));
    } catch (const EquationError& error) {
      return std::string(error.what());
    }
    return std::string("nothing");
  };
  CHECK_THAT(refused("dx/dt = -x + 2*noise(1)"), Contains("within an expression") && Contains("noise(2*sigma)"));
  CHECK_THAT(refused("dx/dt = -x - noise(1)"), Contains("noise() times -1"));
  CHECK_THAT(refused("dx/dt = -x + noise(1) + noise(alpha)"), Contains("a second noise"));
  CHECK_THAT(refused("dx/dt = -x + tanh(noise(1))"), Contains("within an expression"));
  CHECK_THAT(refused("dx/dt = -x + noise(x)"), Contains("is no white noise"));
  CHECK_THAT(refused("dx/dt = -x + noise(-1)"), Contains("below 0"));
  CHECK_THAT(refused("x = y + noise(1)\nsize y = 3\ndy/dt = -y"), Contains("noise in x, which does not move"));
  CHECK_THAT(refused("0 dx/dt = -x + noise(1)"), Contains("noise in x, which does not move"));
  CHECK_THAT(refused("noise(z) = z .* z\ndx/dt = -x"), Contains("noise is a function already"));
}

TEST_CASE("expand: rate functions and functions of the circuit") {
  const Description d = expanded(R"(
f(x) = x .* x
up(y) = f(y) + 1
a = W[1]*g[0](input) + b[1]
h = g[1](a)
k = g[1]'(a) .* f'(h) + up(a)
z = f''(h) .* h)");
  CHECK(equation_of(d, {"a"}) == "W[1]*input + b[1]");
  CHECK(equation_of(d, {"h"}) == "tanh(a)");
  CHECK(equation_of(d, {"k"}) == "tanh'(a) .* (h + h) + a .* a + 1");
  CHECK(equation_of(d, {"z"}) == "2*h");
}

TEST_CASE("expand: a function of a sum with matrix products makes a population") {
  const Description d = expanded(R"(
tau ds[1]/dt = -s[1] + logistic(W[1]*input + b[1])
size y = 2
y = tanh(Q*s[1]) - softmax(Q*s[1]))");
  CHECK(equation_of(d, {"drive", {1}}) == "W[1]*input + b[1]");
  CHECK(equation_of(d, {"s", {1}}) == "-s[1] + logistic(drive[1])");
  CHECK(equation_of(d, {"y"}) == "tanh(drive) - softmax(drive_y)");
  // each before what it drives
  CHECK(d.phases[0].evaluation_order == std::vector<Name>{{"drive", {1}}, {"drive"}, {"drive_y"}, {"y"}});
}

TEST_CASE("expand: a time constant of 0 makes a population algebraic") {
  CircuitText c = circuit("tau dx/dt = -alpha*x + W[1]*input - 2*input_copy\ninput_copy = W[1]*input");
  ExpandOptions options = network;
  options.parameters.set("tau", 0.0);
  const Description d = expand(c, options);
  CHECK(equation_of(d, {"x"}) == "1/alpha*W[1]*input - 2/alpha*input_copy");
  CHECK(d.find({"x"})->type == Population::Type::algebraic);
}

TEST_CASE("expand: the bias is left out where the network has none") {
  ExpandOptions options = network;
  options.bias = false;
  const Description d = expand(circuit("a = W[1]*input + b[1]", "b[1] += eta*a\nW[1] += eta*a*input'"), options);
  CHECK(equation_of(d, {"a"}) == "W[1]*input");
  CHECK(d.rules.size() == 1);
  CHECK(d.matrices.size() == 1);
  REQUIRE(d.notes.size() == 2);
  CHECK(d.notes[1] == "the network has no b: terms and rules with it are left out");
}

TEST_CASE("expand: rules as terms") {
  CircuitText c = circuit(
      "tau dx/dt = -x + W[1]*input\ny = 2*x",
      "W[1] += 2*eta/batch*avg((x - y)*input', \"a\", \"b\") - eta*(end(\"a\", x*input') + y*input') - lambda*W[1] "
      "+ Q*x .* low(x*input', tau)\nb[1] += eta*avg(x - y)");
  c.phases = {phase("a", {"x"}), phase("b", {"x"})};
  const Description d = expand(c, network);
  REQUIRE(d.rules.size() == 2);
  const Rule& rule = d.rules[0];
  REQUIRE(rule.terms.size() == 4);
  CHECK(rule.terms[0].when == RuleTerm::When::average);
  CHECK(rule.terms[0].phases == std::vector<std::string>{"a", "b"});
  CHECK(to_text(rule.terms[0].coefficient) == "2*eta/batch");
  CHECK(to_text(rule.terms[0].post) == "x - y");
  CHECK(rule.terms[1].when == RuleTerm::When::end);
  CHECK(to_text(rule.terms[1].coefficient) == "-eta");
  CHECK(rule.terms[2].when == RuleTerm::When::last);
  CHECK(to_text(rule.terms[3].low) == "tau");
  CHECK(to_text(rule.terms[3].factor) == "drive[1]");
  CHECK(to_text(rule.decay) == "lambda");
  CHECK(equation_of(d, {"drive", {1}}) == "Q*x");
  CHECK(d.rules[1].terms.size() == 1);
  CHECK(d.rules[1].terms[0].pre.is_number(1));
}

TEST_CASE("expand: continuous rules are equations of the system") {
  CircuitText c = circuit("tau dx/dt = -x + W[1]*input\n3 dW[1]/dt = eta*x*input' - lambda*W[1]");
  PhaseText rest = phase("rest", {"x"});
  rest.learn.emplace();
  c.phases = {rest, phase("work", {"x"})};
  const Description d = expand(c, network);
  REQUIRE(d.rules.size() == 1);
  CHECK(d.rules[0].continuous);
  CHECK(to_text(d.rules[0].tau) == "3");
  CHECK(d.phases[0].learn.empty());
  CHECK(d.phases[1].learn == std::vector<Name>{{"W", {1}}});
}

TEST_CASE("expand: phases say what moves, what is held and what is given") {
  CircuitText c = circuit(R"(
for l = 1..2
  tau dx[l]/dt = -x[l]
  size x[l] = 3
end
e = aim - x[1]
size u = 3
du/dt = e)");
  PhaseText first = phase("first", {});
  first.moves.reset();
  first.equations = parse_statements(source("u = 0"));
  PhaseText second = phase("turn {l}", {"x[l]", "u"});
  second.each = parse_range(source("l = 2..1 step -1"));
  second.begin = Expression::number(0);
  second.clock = "c{l}";
  second.set = parse_statements(source("aim = 2*x[l]"));
  c.phases = {first, second};
  c.phases[1].clock = "turns";
  c.phases[1].moves = std::vector<Expression>{parse_names(source("x[l]"))};
  const Description d = expand(c, network);
  REQUIRE(d.phases.size() == 3);
  CHECK(d.phases[0].moves == std::vector<Name>{{"x", {1}}, {"x", {2}}});
  CHECK(d.phases[0].evaluation_order == std::vector<Name>{{"e"}, {"u"}});
  CHECK(d.phases[1].name == "turn 2");
  CHECK(d.phases[1].moves == std::vector<Name>{{"x", {2}}});
  CHECK(to_text(d.phases[2].set[0].terms[0].signal) == "x[1]");
  CHECK(d.find({"aim"})->type == Population::Type::kept);
  CHECK(d.find({"aim"})->units == 3);
}

TEST_CASE("expand: a network is not needed") {
  CircuitText c = circuit("size x = 240\ntau dx/dt = -x + Q*tanh(x) + tone\nsize tone = 240");
  c.sources = {{.name = "tone", .kind = "sine"}};
  const Description d = expand(c, {});
  CHECK(d.find({"x"})->units == 240);
  CHECK(d.find_matrix({"Q"})->rows == 240);
  CHECK(d.find({"tone"})->type == Population::Type::source);
}

TEST_CASE("expand: faults of a circuit") {
  const auto check = [](const EquationError::Data& data, std::size_t line, std::size_t column, const std::string& fault,
                        const std::string& allowed, const std::string& nearest = "") {
    INFO(data.equation);
    CHECK(data.file == "test.toml");
    CHECK(data.line == line);
    CHECK(data.column == column);
    CHECK(data.fault == fault);
    CHECK(data.allowed.find(allowed) != std::string::npos);
    CHECK(data.nearest == nearest);
    CHECK_FALSE(data.equation.empty());
  };
  SECTION("names") {
    check(fault_of("delta = input\nx = detla"), 11, 5, "unknown name detla", "alpha, tau", "delta");
    check(fault_of("x = thanh(input)"), 10, 5, "unknown function thanh", "tanh", "tanh");
    check(fault_of("x = W[3]*input"), 10, 5, "the network has no W[3]", "W[1] to W[2]");
    check(fault_of("x = g[7](input)"), 10, 5, "the network has no g[7]", "g[0] to g[2]");
    check(fault_of("x[l] = input"), 10, 3, "l is no number that is known here", "L, n[l]");
    check(fault_of("x = n[3]"), 10, 5, "there is no layer 3", "0 to 2");
    check(fault_of("x = transfer"), 10, 5, "transfer is a choice, not a number", "if transfer");
    check(fault_of("W = input"), 10, 1, "W has a meaning of its own", "another name");
    check(fault_of("alpha = input"), 10, 1, "alpha is a parameter", "another name");
    check(fault_of("Q = input"), 10, 1, "Q is a matrix, of [weights.Q]", "another name");
    check(fault_of("x = input\nx = input"), 11, 1, "a second equation of x", "one");
    check(fault_of("x_1 = input\nx[1] = input"), 11, 1, "x[1] is x_1 in files, as another population is", "another");
    check(fault_of("if transfer == liner\nend"), 10, 16, "\"liner\" is no choice of transfer", "linear", "linear");
    check(fault_of("x[1.5] = input"), 10, 3, "1.5 is 1.5, as an index", "a whole number");
    check(fault_of("x = W[1..2]*input"), 10, 7, "a range as an index", "one index");
    check(fault_of("for alpha = 1..2\nend"), 10, 1, "alpha as the variable of a loop", "no other meaning");
    check(fault_of("for l = 1..2 step 0\nend"), 10, 19, "a step of 0", "1, -1");
  }
  SECTION("terms") {
    check(fault_of("h = W[1]*input\nx = h*h"), 11, 7, "a product of two signals, by *", ".*");
    check(fault_of("h = W[1]*input\nx = tanh(h*h)"), 11, 12, "a product of two signals, by *", ".*");
    check(fault_of("h = W[1]*input\nx = h/h"), 11, 7, "a product of two signals, by /", "./");
    check(fault_of("x = W[2]*(W[1]*input)"), 10, 11, "a second matrix product in one term: W[1]*input",
          "x = W[1]*input");
    check(fault_of("x = (W[1]*input) .* (W[1]*input)"), 10, 22, "a second matrix product in one term: W[1]",
          "one in each");
    check(fault_of("x = W[1]"), 10, 5, "the matrix W[1] multiplies nothing", "W[1]*x");
    check(fault_of("x = input*W[1]"), 10, 11, "the matrix W[1] multiplies nothing", "W[1]*x");
    check(fault_of("x = input'"), 10, 5, "input is transposed", "M'*x");
    check(fault_of("x = b[1]^2"), 10, 5, "b[1] is a matrix, in an expression of single units", "x = b[1]");
    check(fault_of("x = clip(input, input, 1)"), 10, 17, "input is a signal, as a parameter of clip", "numbers");
    check(fault_of("x = clip(input, 1)"), 10, 5, "clip of 2 arguments", "3");
    check(fault_of("x = softmax'(input)"), 10, 5, "a slope of softmax, which no single unit has", "single units");
    check(fault_of("x = g[2]'(input)"), 10, 5, "a slope of softmax, which no single unit has", "single units");
    check(fault_of("x = last(2*input)"), 10, 5, "last() of what is no population", "last(x)");
    check(fault_of("x = \"a\""), 10, 5, "a text", "populations");
    check(fault_of("f(x) = f(x)\ny = f(input)"), 11, 5, "a function that calls itself", "others");
    check(fault_of("f(x) = x\nf(x) = x"), 11, 1, "f is defined twice", "once");
    check(fault_of("tanh(x) = x"), 10, 1, "tanh is a function already", "another name");
    check(fault_of("f(alpha) = 1"), 10, 3, "alpha has another meaning", "f(x)");
    check(fault_of("input dx/dt = -x"), 10, 1, "the time constant input is no number", "numbers");
    check(fault_of("(alpha - 1) dx/dt = -x"), 10, 2, "a time constant of -0.9", "at least 0");
    check(fault_of("0 dx/dt = input"), 10, 4, "x has the time constant 0 and no leak", "- c*x");
  }
  SECTION("sizes") {
    check(fault_of("h = W[1]*input\nx = h + input"), 11, 9, "sizes do not fit: x has 4 units, input has 5", "one size");
    check(fault_of("h = W[1]*input\nx = tanh(h) .* input"), 11, 16,
          "sizes do not fit: tanh(h) has 4 units, input has 5", "one size");
    check(fault_of("x = W[2]*input"), 10, 5, "sizes do not fit: what W[2] multiplies has 4 units, input has 5",
          "one size");
    check(fault_of("x = W[1]*input\ny = x + target"), 11, 9, "sizes do not fit: y has 4 units, target has 3",
          "one size");
    check(fault_of("tau dx/dt = -x"), 10, 1, "nothing gives the size of x", "size x = 20");
    check(fault_of("size x = 2.5\nx = 1"), 10, 10, "a size of 2.5", "a whole number");
    check(fault_of("size y = 2\nx = 1"), 10, 6, "unknown name y", "a population");
    check(fault_of("h = W[1]*input", "W[1] += eta*h*h'"), 10, 15,
          "sizes do not fit: a row of W[1] has 5 units, h has 4", "one size");
  }
  SECTION("cycles") {
    check(fault_of("x = W[1]*input + y\ny = tanh(z)\nz = x"), 10, 1,
          "algebraic populations in a circle: x <- y <- z <- x", "algebraic_loop");
    CircuitText c = circuit("x = W[1]*input + y\ny = tanh(x)");
    CHECK_FALSE(fault_of(c).fault.empty());
    c.algebraic_loop = "solve";
    CHECK(fault_of(c).fault.empty());
    c.algebraic_loop = "lag";
    CHECK(fault_of(c).fault.empty());
    CHECK(fault_of("x = W[1]*input + last(y)\ny = tanh(x)").fault.empty());
  }
  SECTION("rules") {
    check(fault_of("x = W[1]*input", "W[1]' += eta*input*x'"), 10, 1, "a transpose on the left", "the matrix itself");
    check(fault_of("x = W[1]*input", "x += eta*x*x'"), 10, 1, "a rule on x, which is no matrix", "W, b, B, Q");
    check(fault_of("x = W[1]*input", "W[1] += eta*x"), 10, 9, "no post*pre' in a rule on the matrix W[1]",
          "eta*post*pre'");
    check(fault_of("x = W[1]*input", "b[1] += eta*x*input'"), 10, 15,
          "pre' in a rule on b[1], which is a matrix from one", "post alone");
    check(fault_of("x = W[1]*input", "W[1] += x*x*input'"), 10, 11, "a product of two signals", "post .* factor");
    check(fault_of("x = W[1]*input", "W[1] += end(\"plus\", x*input')"), 10, 21, "there is no phase \"plus\"", "trial");
    check(fault_of("x = W[1]*input", "W[1] += end(x*input')"), 10, 9, "end() has other arguments", "end(\"phase\"");
    check(fault_of("x = W[1]*input", "W[1] += low(x*input')"), 10, 9, "low() has other arguments", "tau");
    check(fault_of("x = W[1]*input", "W[1] += x*W[1]"), 10, 9, "the matrix itself times a signal", "- lambda*W");
    check(fault_of("x = W[1]*input", "x = 2"), 10, 1, "an equation of x among the rules at the end", "W += ..");
    check(fault_of("x = W[1]*input\nW[1] += x*input'"), 11, 1, "a rule among the equations", "at_end");
    check(fault_of("x = W[1]*input\ntau dW[1]/dt = avg(x*input')"), 11, 16, "avg() in a continuous rule",
          "this moment");
    CircuitText c = circuit("x = W[1]*input\ntau dW[1]/dt = x*input'");
    c.updates = {{"W", {{"optimiser", std::string("adam")}}}};
    check(fault_of(c), 11, 1, "optimiser of a continuous rule", "at the end");
  }
}

TEST_CASE("expand: faults of phases") {
  const auto check = [](const CircuitText& c, const std::string& fault) { CHECK(fault_of(c).fault == fault); };
  CircuitText c = circuit("size x = 3\nsize y = 3\ntau dx/dt = -x\ndy/dt = x\nz = x");
  const auto with = [&](const std::vector<PhaseText>& phases) {
    CircuitText changed = c;
    changed.phases = phases;
    return changed;
  };
  PhaseText p = phase("p", {"x"});
  p.hold = {parse_names(source("x"))};
  check(with({p}), "phase \"p\" moves x and holds it");
  p = phase("p", {"x"});
  p.equations = parse_statements(source("x = 0"));
  check(with({p}), "phase \"p\" moves x and gives its value");
  check(with({phase("p", {"z"})}), "phase \"p\" moves z, which has no equation dz/dt");
  check(with({phase("p", {})}), "phase \"p\" lasts and moves nothing");
  check(with({phase("p", {"w"})}), "there is no population w");
  check(with({phase("p", {"x"}), phase("p", {"y"})}), "two phases \"p\"");
  PhaseText q = phase("q", {"x"});
  q.begin = Expression::number(0);
  check(with({phase("p", {"x"}), q}), "phases \"p\" and \"q\" overlap in time and both move x");
  q.clock = "other";
  check(with({phase("p", {"x"}), q}), "");
  q = phase("q", {"y"});
  q.from = "later";
  check(with({phase("p", {"x"}), q}), "phase \"q\" starts from \"later\", which is no phase before it");
  q = phase("q", {"x"});
  q.parameters = {{"tau", Expression::number(0)}};
  check(with({q}), "the parameters of phase \"q\" make the time constant of x zero");
  q.parameters = {{"taw", Expression::number(1)}};
  check(with({q}), "taw is no parameter that is a number");
  q = phase("q", {"x"});
  q.set = parse_statements(source("input = 1"));
  check(with({q}), "input has a meaning of its own");
  q.set = parse_statements(source("W += 1"));
  check(with({q}), "W in a phase");
  q = phase("q {l", {"x"});
  check(with({q}), "{ without }");
}

TEST_CASE("expand: what grows without bound is refused") {
  std::string calls = "input";
  for (int i = 0; i < 40; ++i) calls = "f(" + calls + ")";
  CHECK(fault_of("f(x) = x + x\ny = " + calls).fault ==
        "an expression that is too large when its functions are written out");
  std::string sum = "input";
  for (int i = 0; i < 300; ++i) sum += " + input";
  CHECK(fault_of("y = alpha*alpha*(" + sum + ")").fault ==
        "an equation of 1805 numbers, names and operators, written out");
  CHECK(fault_of("for i = 1..20000\nfor j = 1..20000\nend\nend").fault == "loops of too many turns");
  CHECK(fault_of("for i = 1..1000000\nx[i] = 1\nend").fault == "a loop without end");
  CHECK(fault_of("x[10000000] = 1").fault == "10000000 is 10000000, as an index");
}
