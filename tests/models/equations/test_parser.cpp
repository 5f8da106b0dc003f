// The grammar: what it makes of a text, and what it says of one that is no text of equations.

#include <dynvert/models/equations/parser.hpp>

#include <catch2/catch.hpp>

using namespace dynvert::equations;

namespace {

std::vector<Statement> read(const std::string& text) {
  return parse_statements(std::make_shared<const Source>(Source{text, "test.toml", 5, 1}));
}

struct Fault {
  std::size_t line = 0, column = 0;
  std::string fault, allowed;
};
Fault fault_of(const std::string& text) {
  try {
    static_cast<void>(read(text));
  } catch (const EquationError& error) {
    return {error.data().line, error.data().column, error.data().fault, error.data().allowed};
  }
  return {};
}

}  // namespace

TEST_CASE("equations: statements of each kind") {
  const auto s = read(R"(
# a comment
h[0] = input
tau_u du[l]/dt = -alpha*u[l] + W[l]*delta   # the controller
2*tau/3 dx/dt = 0
dd/dt = -d
(a + b) dx[1,2]/dt = 1
W[l] += eta*s*h'
size X = 240
sigma(x) = logistic(4*x - 2)
f[l](y) = y
for l = L..2 step -1
  x[l] = 1
end
if transfer == "linear"
  y = 1
else if transfer == other
  y = 2
else
  y = 3
end
)");
  REQUIRE(s.size() == 11);
  CHECK(s[0].type == Statement::Type::equation);
  CHECK(s[1].type == Statement::Type::moving);
  CHECK(to_text(s[1].left) == "u[l]");
  CHECK(to_text(s[1].tau) == "tau_u");
  CHECK(to_text(s[2].tau) == "2*tau/3");
  CHECK(to_text(s[3].left) == "d");
  CHECK_FALSE(s[3].tau);
  CHECK(to_text(s[4].left) == "x[1,2]");
  CHECK(s[5].type == Statement::Type::rule);
  CHECK(s[6].type == Statement::Type::size);
  CHECK(s[7].type == Statement::Type::function);
  CHECK(to_text(s[8].left) == "f[l](y)");
  CHECK(s[9].range.variable == "l");
  CHECK(to_text(s[9].range) == "l = L..2 step -1");
  REQUIRE(s[10].otherwise.size() == 1);
  CHECK(s[10].otherwise[0].type == Statement::Type::choice);
  CHECK(s[10].otherwise[0].otherwise.size() == 1);
  CHECK(read(to_text(s)) == s);
}

TEST_CASE("equations: a statement goes on where a bracket is open or an operator ends the line") {
  const auto s = read("x = a +\n  b\ny = f(a,\n  b   # half\n)\nz = W[l]'\n");
  REQUIRE(s.size() == 3);
  CHECK(to_text(s[0].right) == "a + b");
  CHECK(to_text(s[1].right) == "f(a, b)");
  CHECK(to_text(s[2].right) == "W[l]'");
}

TEST_CASE("equations: names that begin as keywords or derivatives do") {
  const auto s = read("format = 1\nend_1 = 2\ndx = 3\nsized = 4\niffy = format\ndelta = end(\"a\", x)\n");
  REQUIRE(s.size() == 6);
  for (const Statement& statement : s) CHECK(statement.type == Statement::Type::equation);
}

TEST_CASE("equations: faults of a text are shown where they stand") {
  const auto check = [](const std::string& text, std::size_t line, std::size_t column, const std::string& fault,
                        const std::string& allowed) {
    INFO(text);
    const Fault f = fault_of(text);
    CHECK(f.line == line);
    CHECK(f.column == column);
    CHECK(f.fault == fault);
    CHECK(f.allowed.find(allowed) != std::string::npos);
  };
  check("x = a\ny = a b", 6, 7, "found \"b\"", "an operator");
  check("x = a +", 5, 8, "found the end of the equation", "a number, a name");
  check("x = (a + b", 5, 11, "found the end of the equation", ")");
  check("x = W[l*h", 5, 10, "found the end of the equation", "]");
  check("x = a ** b", 5, 8, "found \"*\"", "a number, a name");
  check("x == a", 5, 4, "found \"=\"", "a number, a name");
  check("3 = a", 5, 1, "found \"3\"", "tau dx/dt");
  check("x = a^b^c", 5, 8, "found \"^\"", "an operator");
  check("x = 1e999", 5, 5, "found \"1e999\"", "a number");
  check("x = \"a", 5, 5, "a quote that nothing closes", "text");
  check("x = a \xc3\xa4", 5, 7, "found a character that is not ASCII (byte 0xc3)", "an operator");
  check("for l = 1..2\nx = 1", 5, 1, "for without an end", "end");
  check("x = 1\nend", 6, 1, "end without a for or an if before it", "x = ..");
  check("else", 5, 1, "else without a for or an if before it", "x = ..");
  check("for l = 1\nend", 5, 10, "found the end of the equation", "..");
  check("if a\nend", 5, 5, "found the end of the equation", "==");
  check("for l = 1..2\nend x", 6, 5, "found \"x\"", "the end of the line");
  check("x = end", 5, 5, "found \"end\"", "a number, a name");
  check("tau dx/dt + 1", 5, 11, "found \"+\"", "=");
  check("size x", 5, 7, "found the end of the equation", "=");
  check("x = " + std::string(100, '('), 5, 69, "too many brackets in one another", "64");
  CHECK(fault_of("x = 1" + std::string(3000, '+') + "1").line == 5);
  CHECK(fault_of("x = a" + std::string(250'000, 'a')).fault == "a statement of 250005 characters");
  CHECK(fault_of("x = a" + std::string(100, 'a')).fault == "a name of 101 characters");
  std::string sum = "x = a";
  for (int i = 0; i < 600; ++i) sum += " + a";
  CHECK(fault_of(sum).fault == "an expression of 1201 numbers, names and operators");
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "if a == 1\n";
  CHECK(fault_of(deep).fault == "too many blocks in one another");
  CHECK(fault_of("x = " + std::string(4000, '-') + "1").line == 0);
}

TEST_CASE("equations: the message shows the equation") {
  try {
    static_cast<void>(read("x = 1\n    y = a b"));
    FAIL("no error");
  } catch (const EquationError& error) {
    CHECK(std::string(error.what()) ==
          "test.toml:6:11: found \"b\"\n    y = a b\n          ^\n  allowed: an operator (+ - * / .* ./ ^), ', or the "
          "end "
          "of the line");
  }
}

TEST_CASE("equations: lists of names, ranges and conditions by themselves") {
  const auto source = [](const char* text) { return std::make_shared<const Source>(Source{text, "test.toml"}); };
  CHECK(to_text(parse_names(source("v[1..L]"))) == "v[1..L]");
  CHECK(to_text(parse_range(source("l = L-1..1 step -1"))) == "l = L-1..1 step -1");
  CHECK(to_text(parse_condition(source("forward != dynamic"))) == "forward != dynamic");
  CHECK_THROWS_AS(parse_names(source("v + 1")), EquationError);
  CHECK_THROWS_AS(parse_names(source("")), EquationError);
  CHECK_THROWS_AS(parse_range(source("l = 1..2\nm = 1..2")), EquationError);
}
