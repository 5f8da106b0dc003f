#include <dynvert/models/circuit/rate_function.hpp>
#include <dynvert/models/equations/function.hpp>
#include <dynvert/models/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

namespace dynvert::equations {

namespace {

template <double (*f)(double)>
void each(const Function&, int, const double* x, std::size_t n, const double*, double* y) {
  for (std::size_t i = 0; i < n; ++i) y[i] = f(x[i]);
}

double sign_value(double x) { return std::isnan(x) ? x : static_cast<double>(x > 0) - static_cast<double>(x < 0); }
double exp_value(double x) { return std::exp(x); }
double log_value(double x) { return std::log(x); }
double abs_value(double x) { return std::abs(x); }

// a NaN passes through, as in all rate functions
void clip_between(double a, double b, int primes, const double* x, std::size_t n, double* y) {
  if (primes == 0)
    for (std::size_t i = 0; i < n; ++i) y[i] = x[i] < a ? a : x[i] > b ? b : x[i];
  else
    for (std::size_t i = 0; i < n; ++i) y[i] = x[i] < a || x[i] > b ? 0 : 1;
}

void clip(const Function&, int primes, const double* x, std::size_t n, const double* numbers, double* y) {
  clip_between(numbers[0], numbers[1], primes, x, n, y);
}

void hard_sigmoid(const Function&, int primes, const double* x, std::size_t n, const double*, double* y) {
  clip_between(0, 1, primes, x, n, y);
}

void powerlaw(const Function&, int, const double* x, std::size_t n, const double* numbers, double* y) {
  for (std::size_t i = 0; i < n; ++i) y[i] = x[i] <= 0 ? 0 : numbers[0] * std::pow(x[i], numbers[1]);
}

double total(const double* x, std::size_t n) {
  double result = 0;
  for (std::size_t i = 0; i < n; ++i) result += x[i];
  return result;
}

void sum_of(const Function&, int, const double* x, std::size_t n, const double*, double* y) { *y = total(x, n); }
void mean_of(const Function&, int, const double* x, std::size_t n, const double*, double* y) {
  *y = total(x, n) / static_cast<double>(n);
}
double one_value(double) { return 1; }

void rate(const Function& f, int primes, const double* x, std::size_t n, const double*, double* y) {
  const RateFunction& g = rate_function(f.name == "logistic" ? "sigmoid" : f.name);
  (primes == 0 ? g.value : primes == 1 ? g.derivative : g.second_derivative)(x, y, n);
}

std::vector<Function> all_functions() {
  std::vector<Function> list{
      {.name = "exp", .apply = each<exp_value>},
      {.name = "log", .apply = each<log_value>},
      {.name = "abs", .apply = each<abs_value>},
      {.name = "sign", .apply = each<sign_value>},
      {.name = "ones", .apply = each<one_value>},
      {.name = "clip", .arguments = 3, .max_primes = 1, .apply = clip},
      {.name = "hard_sigmoid", .max_primes = 1, .apply = hard_sigmoid},
      {.name = "powerlaw", .arguments = 3, .apply = powerlaw},
      {.name = "sum", .elementwise = false, .one_value = true, .apply = sum_of},
      {.name = "mean", .elementwise = false, .one_value = true, .apply = mean_of},
  };
  for (const RateFunction& g : rate_functions()) {
    const Function f{.name = g.name, .elementwise = g.elementwise, .max_primes = g.elementwise ? 2 : 0, .apply = rate};
    list.push_back(f);
    if (g.name != "sigmoid") continue;
    list.push_back(f);
    list.back().name = "logistic";
  }
  return list;
}

const std::vector<Function>& functions() {
  static const std::vector<Function> list = all_functions();
  return list;
}

Expression times(const Expression& a, const Expression& b) {
  return simplified_node(Expression::operation(Kind::times, {a, b}, a.at()));
}
Expression over(const Expression& a, const Expression& b) {
  return simplified_node(Expression::operation(Kind::over, {a, b}, a.at()));
}
Expression plus(const Expression& a, const Expression& b) {
  return simplified_node(Expression::operation(Kind::add, {a, b}, a.at()));
}
Expression minus(const Expression& a, const Expression& b) {
  return simplified_node(Expression::operation(Kind::subtract, {a, b}, a.at()));
}
Expression call(const char* name, const Expression& x) { return Expression::call(name, {x}, {}, 0, x.at()); }
void add_products(SignalDerivative& to, const SignalDerivative& from, const Expression& factor) {
  for (const auto& p : from.products) {
    const Expression column = times(factor, p.column);
    if (!column.is_number(0) && !p.row.is_number(0)) to.products.push_back({column, p.row});
  }
}

/// d += factor .* inner
void add_elementwise(SignalDerivative& to, const SignalDerivative& inner, const Expression& factor) {
  to.diagonal = plus(to.diagonal, times(factor, inner.diagonal));
  add_products(to, inner, factor);
}

bool is_zero(const SignalDerivative& d) { return d.diagonal.is_number(0) && d.products.empty(); }

SignalDerivative derivative_of_call(const Expression& e, const Expression& x) {
  SignalDerivative result;
  if (e.name() == "last" || e.name() == "ones") return result;
  for (std::size_t i = 1; i < e.arguments().size(); ++i) {
    if (!is_zero(derivative(e.argument(i), x)))
      throw ValueError(to_text(e), fmt::format("{} is a number here, not a population", to_text(e.argument(i))),
                       "numbers and parameters after the first argument");
  }
  const Expression& a = e.argument();
  const SignalDerivative inner = derivative(a, x);
  if (is_zero(inner)) return result;
  if (e.name() == "sum" || e.name() == "mean") {
    // the row 1' (diag(d) + sum c r') = d' + sum sum(c) r'
    Expression row = inner.diagonal;
    // a column that is one number counts for each unit of a
    const Expression ones = call("ones", a);
    for (const auto& p : inner.products) row = plus(row, times(call("sum", times(p.column, ones)), p.row));
    const Expression column =
        e.name() == "sum" ? Expression::number(1) : over(Expression::number(1), call("sum", ones));
    result.products.push_back({column, row});
    return result;
  }
  if (e.name() == "softmax") {
    // y = softmax(a): (diag(y) - y y') (diag(d) + sum c r')
    result.diagonal = times(e, inner.diagonal);
    for (const auto& p : inner.products)
      result.products.push_back({times(e, minus(p.column, call("sum", times(e, p.column)))), p.row});
    if (!inner.diagonal.is_number(0)) result.products.push_back({negated(e), times(e, inner.diagonal)});
    return result;
  }
  add_elementwise(result, inner, slope_of(e));
  return result;
}

}  // namespace

const Function* find_function(std::string_view name) {
  const auto found = std::ranges::find(functions(), name, &Function::name);
  return found == functions().end() ? nullptr : &*found;
}

std::vector<std::string> function_names() {
  std::vector<std::string> names;
  for (const Function& f : functions()) names.emplace_back(f.name);
  names.emplace_back("last");
  return names;
}

Expression slope_of(const Expression& e) {
  const Function* f = find_function(e.name());
  if (f == nullptr) throw ValueError(to_text(e), "is no known function", "one that equations know");
  if (!f->elementwise)
    throw ValueError(fmt::format("{}'", e.name()), "no unit of it has a slope of its own", "functions of single units");
  const Expression& x = e.argument();
  if (e.name() == "exp") return Expression::call("exp", {x}, {}, 0, e.at());
  if (e.name() == "log") return over(Expression::number(1, e.at()), x);
  if (e.name() == "abs") return call("sign", x);
  if (e.name() == "sign" || e.name() == "ones") return Expression::number(0, e.at());
  if (e.name() == "powerlaw") {
    const Expression& k = e.argument(1);
    const Expression& p = e.argument(2);
    return Expression::call(
        "powerlaw",
        {x, simplified(Expression::operation(Kind::multiply, {k, p}, e.at())), minus(p, Expression::number(1, e.at()))},
        {}, 0, e.at());
  }
  const bool is_rate = f->max_primes == 2;
  if (!is_rate && e.primes() >= f->max_primes) return Expression::number(0, e.at());
  if (e.primes() >= f->max_primes)
    throw ValueError(fmt::format("{}'''", e.name()), "has no third slope here", "slopes up to the second");
  return Expression::call(e.name(), {e.arguments().begin(), e.arguments().end()}, {}, e.primes() + 1, e.at());
}

Expression with_closed_slopes(const Expression& expression) {
  return transformed(expression, [](const Expression& e) {
    if (!e.is(Kind::call) || e.primes() == 0) return e;
    const Function* f = find_function(e.name());
    if (f == nullptr) return e;
    Expression result = Expression::call(e.name(), {e.arguments().begin(), e.arguments().end()}, {}, 0, e.at());
    if (f->elementwise && e.primes() <= f->max_primes) return e;
    for (int k = 0; k < e.primes(); ++k) {
      if (k == 0) {
        result = slope_of(result);
        continue;
      }
      // the slope of a slope, by the variable itself
      const Expression variable = Expression::name("the argument");
      const auto replaced = [&](const Expression& from, const Expression& to, const Expression& in) {
        return transformed(in, [&](const Expression& node) { return node == from ? to : node; });
      };
      result =
          replaced(variable, e.argument(), derivative(replaced(e.argument(), variable, result), variable).diagonal);
    }
    return result;
  });
}

SignalDerivative derivative(const Expression& e, const Expression& x) {
  SignalDerivative result;
  switch (e.kind()) {
    case Kind::name:
      if (e == x) result.diagonal = Expression::number(1, e.at());
      return result;
    case Kind::call:
      return derivative_of_call(e, x);
    case Kind::negate:
      add_elementwise(result, derivative(e.argument(), x), Expression::number(-1, e.at()));
      return result;
    case Kind::add:
    case Kind::subtract:
      add_elementwise(result, derivative(e.argument(0), x), Expression::number(1, e.at()));
      add_elementwise(result, derivative(e.argument(1), x), Expression::number(e.is(Kind::add) ? 1 : -1, e.at()));
      return result;
    case Kind::multiply:
    case Kind::times:
      add_elementwise(result, derivative(e.argument(0), x), e.argument(1));
      add_elementwise(result, derivative(e.argument(1), x), e.argument(0));
      return result;
    case Kind::divide:
    case Kind::over: {
      const Expression& a = e.argument(0);
      const Expression& b = e.argument(1);
      add_elementwise(result, derivative(a, x), over(Expression::number(1, e.at()), b));
      const SignalDerivative below = derivative(b, x);
      if (!is_zero(below))
        add_elementwise(result, below,
                        negated(over(a, Expression::operation(Kind::power, {b, Expression::number(2)}, e.at()))));
      return result;
    }
    case Kind::power: {
      const Expression& a = e.argument(0);
      const Expression& b = e.argument(1);
      const SignalDerivative base = derivative(a, x);
      if (!is_zero(base)) {
        const Expression lower = Expression::operation(Kind::power, {a, minus(b, Expression::number(1))}, e.at());
        add_elementwise(result, base, times(b, simplified(lower)));
      }
      const SignalDerivative exponent = derivative(b, x);
      if (!is_zero(exponent)) add_elementwise(result, exponent, times(e, call("log", a)));
      return result;
    }
    case Kind::transpose:
      throw ValueError(to_text(e), "is no signal", "expressions of single units");
    default:
      return result;
  }
}

double evaluate_number(const Expression& e, const std::function<double(const Expression&)>& value_of) {
  const auto value = [&](std::size_t i) { return evaluate_number(e.argument(i), value_of); };
  switch (e.kind()) {
    case Kind::number:
      return e.value();
    case Kind::name:
      return value_of(e);
    case Kind::negate:
      return -value(0);
    case Kind::add:
      return value(0) + value(1);
    case Kind::subtract:
      return value(0) - value(1);
    case Kind::multiply:
    case Kind::times:
      return value(0) * value(1);
    case Kind::divide:
    case Kind::over:
      return value(0) / value(1);
    case Kind::power:
      return std::pow(value(0), value(1));
    case Kind::call: {
      const Function* f = find_function(e.name());
      if (f == nullptr || !f->elementwise || e.arguments().size() != f->arguments || e.primes() > f->max_primes) break;
      std::vector<double> numbers;
      for (std::size_t i = 0; i < e.arguments().size(); ++i) numbers.push_back(value(i));
      double y = 0;
      f->apply(*f, e.primes(), numbers.data(), 1, numbers.data() + 1, &y);
      return y;
    }
    default:
      break;
  }
  throw ValueError(to_text(e), "is no number", "numbers, parameters, + - * / ^ and functions of them");
}

}  // namespace dynvert::equations
