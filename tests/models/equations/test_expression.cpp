// Expressions: printing and reading, derivatives against differences, simplification, evaluation over blocks.

#include <dynvert/models/equations/parser.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/models/program/signal_program.hpp>

#include <rapidcheck.h>
#include <armadillo>
#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <random>

using namespace dynvert;
using namespace dynvert::equations;

namespace {

Expression parsed(const std::string& text) {
  return parse_expression(std::make_shared<const Source>(Source{text, "test"}));
}

using Random = std::mt19937_64;

std::size_t below(Random& random, std::size_t n) {
  return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
}

Expression pair(Kind kind, const Expression& a, const Expression& b) { return Expression::operation(kind, {a, b}); }
Expression call(const char* name, const Expression& x, int primes = 0) {
  return Expression::call(name, {x}, {}, primes);
}

/// Any tree that the grammar has.
Expression any_expression(Random& random, int depth) {
  const auto next = [&] { return any_expression(random, depth - 1); };
  switch (below(random, depth <= 0 ? 4 : 13)) {
    case 0:
      return Expression::number(
          std::ldexp(static_cast<double>(below(random, 1'000'000)), static_cast<int>(below(random, 60)) - 30));
    case 1:
      return Expression::name("x");
    case 2:
      return Expression::name("delta_1", {pair(Kind::subtract, Expression::name("l"), Expression::number(1))});
    case 3:
      return Expression::name("way", {Expression::number(2), Expression::name("m")});
    case 4:
      return Expression::operation(Kind::negate, {next()});
    case 5:
      return Expression::operation(Kind::transpose, {next()});
    case 6:
      return Expression::call("g", {next()}, {Expression::name("l")}, static_cast<int>(below(random, 3)));
    case 7:
      return Expression::call("end", {Expression::text("a phase"), next()});
    default: {
      constexpr std::array kinds{Kind::add,   Kind::subtract, Kind::multiply, Kind::divide,
                                 Kind::times, Kind::over,     Kind::power};
      const Expression a = next();
      return pair(kinds[below(random, kinds.size())], a, next());
    }
  }
}

/// A smooth signal of x and y, each of 4 units, and a number p; its values and slopes are of the order of 1.
Expression smooth(Random& random, int depth) {
  const auto next = [&] { return smooth(random, depth - 1); };
  const auto bounded = [&] { return call("tanh", next()); };
  if (depth <= 0) return Expression::name(below(random, 3) == 0 ? "y" : "x");
  switch (below(random, 17)) {
    case 0:
      return pair(Kind::add, next(), next());
    case 1:
      return pair(Kind::subtract, next(), Expression::name("p"));
    case 2:
      return pair(Kind::times, bounded(), next());
    case 3:
      return pair(Kind::multiply, Expression::name("p"), next());
    case 4:
      return pair(Kind::over, next(), pair(Kind::add, Expression::number(1.5), call("softplus", bounded())));
    case 5:
      return pair(Kind::divide, next(), pair(Kind::add, Expression::number(2), Expression::name("p")));
    case 6:
      return pair(Kind::power, bounded(), Expression::number(static_cast<double>(2 + below(random, 2))));
    case 7:
      return pair(Kind::power, call("exp", bounded()), bounded());
    case 8:
      return Expression::operation(Kind::negate, {next()});
    case 9:
      return call("exp", bounded());
    case 10:
      return call("log", pair(Kind::add, Expression::number(2), bounded()));
    case 11:
      return call("logistic", next(), static_cast<int>(below(random, 2)));
    case 12:
      return call("tanh", next(), static_cast<int>(below(random, 2)));
    case 13:
      return pair(Kind::times, call("sum", bounded()), bounded());
    case 14:
      return pair(Kind::add, call("mean", next()), next());
    case 15:
      return call("softmax", next());
    default:
      return Expression::call("powerlaw", {pair(Kind::add, Expression::number(2), bounded()), Expression::name("p"),
                                           Expression::number(1.5)});
  }
}

constexpr double p_value = 0.7;
bool is_number(const Expression& e) { return e.name() == "p"; }
double number_of(const Expression&) { return p_value; }

arma::mat evaluate(const Expression& e, const arma::mat& x, const arma::mat& y) {
  SignalProgram program(e, is_number);
  program.set_numbers(number_of);
  std::vector<ConstMatrixView> views;
  for (const Expression& name : program.names()) {
    const arma::mat& m = name.name() == "x" ? x : y;
    views.push_back({m.memptr(), m.n_rows, m.n_cols, m.n_rows});
  }
  arma::mat result(arma::size(x));
  program.run(views, {result.memptr(), result.n_rows, result.n_cols, result.n_rows});
  return result;
}

arma::mat evaluate(const std::string& text, const arma::mat& x, const arma::mat& y) {
  return evaluate(parsed(text), x, y);
}

arma::mat jacobian(const Expression& e, const arma::vec& x, const arma::vec& y) {
  const SignalDerivative d = derivative(e, Expression::name("x"));
  arma::mat J = arma::diagmat(arma::vec(evaluate(d.diagonal, x, y)));
  for (const auto& product : d.products) J += evaluate(product.column, x, y) * evaluate(product.row, x, y).t();
  return J;
}

arma::mat differences(const Expression& e, const arma::vec& x, const arma::vec& y, double h) {
  arma::mat J(x.n_elem, x.n_elem);
  for (arma::uword j = 0; j < x.n_elem; ++j) {
    arma::vec above = x;
    arma::vec under = x;
    above(j) += h;
    under(j) -= h;
    J.col(j) = (evaluate(e, above, y) - evaluate(e, under, y)) / (2 * h);
  }
  return J;
}

arma::mat uniform(Random& random, arma::uword rows, arma::uword columns) {
  arma::mat m(rows, columns);
  std::uniform_real_distribution<double> between(-1, 1);
  m.imbue([&] { return between(random); });
  return m;
}

}  // namespace

TEST_CASE("equations: an expression is printed as it is read") {
  for (const char* text :
       {"-a*b + c", "(-a)*b", "a - (b - c)", "a*(b*c)", "x'", "(x + y)'", "g[l-1]''(x .* y)", "2^(-1)", "-(a + b)",
        "s[L,2] ./ (x + 1)", "end(\"minus\", a*b')", "1e-08*x", "a + -b", "a*(-b)"})
    CHECK(to_text(parsed(text)) == text);
  CHECK(to_text(parsed("2.*x")) == "2 .* x");
  CHECK(to_text(parsed("x^-1")) == "x^(-1)");
  CHECK(to_text(parsed("--x")) == "x");
  CHECK(to_text(parsed("---x")) == "-x");
  CHECK(to_text(parsed("-(-x)")) == "-(-x)");
  CHECK(to_text(parsed("x''")) == "(x')'");
  CHECK(parsed("a*-b") == parsed("a*(-b)"));
  CHECK(rc::check("print and read", [] {
    Random random(*rc::gen::arbitrary<std::uint64_t>());
    const Expression e = any_expression(random, 6);
    RC_ASSERT(parsed(to_text(e)) == e);
  }));
}

TEST_CASE("equations: derivatives are those of differences") {
  CHECK(rc::check("central differences", [] {
    Random random(*rc::gen::arbitrary<std::uint64_t>());
    const Expression e = smooth(random, 4);
    const arma::vec x = uniform(random, 4, 1);
    const arma::vec y = uniform(random, 4, 1);
    const arma::mat J = jacobian(e, x, y);
    // Differences of h and h/2, extrapolated: an error of h^4 f''''' + eps |f| / h, with |f^(k)| up to some 1000 here
    const double h = 1e-3;
    const arma::mat D = (4 * differences(e, x, y, h / 2) - differences(e, x, y, h)) / 3;
    const double scale = 1 + arma::abs(D).max() + arma::abs(evaluate(e, x, y)).max();
    RC_ASSERT(arma::abs(J - D).max() < 1e-7 * scale);
  }));
}

TEST_CASE("equations: slopes of functions with corners") {
  const arma::vec x{-1.5, -0.25, 0.25, 1.5};
  const auto check = [&](const std::string& text, const arma::vec& expected) {
    INFO(text);
    CHECK(arma::approx_equal(jacobian(parsed(text), x, x), arma::mat(arma::diagmat(expected)), "absdiff", 1e-15));
  };
  check("relu(x)", {0, 0, 1, 1});
  check("abs(x)", {-1, -1, 1, 1});
  check("sign(x)", {0, 0, 0, 0});
  check("clip(x, -1, 0.25)", {0, 1, 1, 0});
  check("hard_sigmoid(x)", {0, 0, 1, 0});
  check("ones(x)", {0, 0, 0, 0});
  check("leaky_relu(x)", {0.01, 0.01, 1, 1});
  check("last(y)", {0, 0, 0, 0});
}

TEST_CASE("equations: what has no derivative says so") {
  const Expression x = Expression::name("x");
  CHECK_THROWS_AS(derivative(parsed("tanh''(x)"), x), ValueError);
  CHECK_THROWS_AS(derivative(parsed("clip(y, x, 1)"), x), ValueError);
  CHECK_THROWS_AS(slope_of(parsed("softmax(x)")), ValueError);
  CHECK_THROWS_AS(slope_of(parsed("nothing(x)")), ValueError);
  CHECK_THROWS_AS(derivative(parsed("x'"), x), ValueError);
}

TEST_CASE("equations: slopes with a closed form become it") {
  CHECK(with_closed_slopes(parsed("exp'(x)")) == parsed("exp(x)"));
  CHECK(with_closed_slopes(parsed("log'(x)")) == parsed("1 ./ x"));
  CHECK(with_closed_slopes(parsed("tanh'(x)")) == parsed("tanh'(x)"));
  CHECK(with_closed_slopes(parsed("abs''(x)")) == parsed("0"));
  CHECK(with_closed_slopes(parsed("log''(2*x)")) == parsed("-(1 ./ (2*x)^2)"));
}

TEST_CASE("equations: simplification keeps values") {
  CHECK(simplified(parsed("0 + 1*x")) == parsed("x"));
  CHECK(simplified(parsed("x - 0*y")) == parsed("x"));
  CHECK(simplified(parsed("2*3 - 7")) == parsed("-1"));
  CHECK(simplified(parsed("x^1 .* x^0")) == parsed("x"));
  CHECK(simplified(parsed("1/0")) == parsed("1/0"));
  CHECK(rc::check("values", [] {
    Random random(*rc::gen::arbitrary<std::uint64_t>());
    const Expression e = smooth(random, 4);
    const arma::mat x = uniform(random, 4, 1);
    const arma::mat y = uniform(random, 4, 1);
    const arma::mat expected = evaluate(e, x, y);
    RC_ASSERT(arma::approx_equal(evaluate(simplified(e), x, y), expected, "both", 1e-13, 1e-13));
  }));
}

TEST_CASE("equations: signals are evaluated column by column") {
  Random random(7);
  const arma::mat x = uniform(random, 5, 3);
  const arma::mat y = uniform(random, 5, 3);
  const auto same = [](const arma::mat& a, const arma::mat& b) { return arma::approx_equal(a, b, "absdiff", 1e-15); };
  CHECK(same(evaluate("x .* y + 2*p", x, y), x % y + 2 * p_value));
  CHECK(same(evaluate("x ./ (2 + y)", x, y), x / (2 + y)));
  CHECK(same(evaluate("sum(x) .* y", x, y), arma::repmat(arma::sum(x), 5, 1) % y));
  CHECK(same(evaluate("y - mean(x)", x, y), y - arma::repmat(arma::mean(x), 5, 1)));
  CHECK(same(evaluate("softmax(x)", x, y), arma::normalise(arma::exp(x), 1)));
  CHECK(same(evaluate("-x^2", x, y), -arma::square(x)));
  CHECK(same(evaluate("tanh'(x)", x, y), 1 - arma::square(arma::tanh(x))));
  CHECK(same(evaluate("powerlaw(x, 2, 3)", x, y), 2 * arma::pow(arma::clamp(x, 0, 1), 3)));
  CHECK(same(evaluate("sum(x) - sum(x)", x, y), arma::zeros(5, 3)));
  arma::mat spoiled = x;
  spoiled(2, 1) = std::numeric_limits<double>::quiet_NaN();
  for (const char* text : {"clip(x, 0, 1)", "relu(x)", "sign(x)", "powerlaw(x, 1, 2)", "x^2"}) {
    INFO(text);
    CHECK(std::isnan(evaluate(text, spoiled, y)(2, 1)));
  }
}

TEST_CASE("equations: a signal of two sizes is refused") {
  SignalProgram program(parsed("x + y"), [](const Expression&) { return false; });
  const arma::mat x(3, 1, arma::fill::ones);
  const arma::mat y(4, 1, arma::fill::ones);
  arma::mat z(4, 1);
  const std::vector<ConstMatrixView> views{{x.memptr(), 3, 1, 3}, {y.memptr(), 4, 1, 4}};
  CHECK_THROWS_AS(program.run(views, {z.memptr(), 4, 1, 4}), ValueError);
  CHECK_THROWS_AS(SignalProgram(parsed("nothing(x)"), is_number), ValueError);
  CHECK_THROWS_AS(SignalProgram(parsed("x'"), is_number), ValueError);
  CHECK_THROWS_AS(SignalProgram(parsed("clip(x, y, 1)"), is_number), ValueError);
}
