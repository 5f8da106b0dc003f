#pragma once

/// The functions that equations know: the rate functions of the project (tanh, relu, leaky_relu, sigmoid and its other
/// name logistic, softplus, softmax), and
///
/// | function         | value                          | slope                                          |
/// |------------------|--------------------------------|------------------------------------------------|
/// | exp, log, abs    |                                | exp(x), 1 ./ x, sign(x)                        |
/// | sign             | -1, 0, 1                       | 0                                              |
/// | clip(x, a, b)    | a below a, b above b           | 1 from a to b, both included, else 0           |
/// | hard_sigmoid     | clip(x, 0, 1)                  | likewise (Scellier & Bengio 2017)              |
/// | powerlaw(x,k,p)  | k x^p for x > 0, else 0        | powerlaw(x, k p, p - 1)                        |
/// | sum, mean        | one number for each column     |                                                |
/// | softmax          | of all units together          |                                                |
/// | ones             | 1 for each unit                | 0                                              |
///
/// a, b, k and p are numbers. `last(x)`, the value of x one step before, is a name rather than a function, and is kept
/// constant by derivatives. Slopes are written f'(x).

#include <dynvert/models/equations/expression.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dynvert::equations {

struct Function {
  std::string_view name;
  std::size_t arguments = 1;
  bool elementwise = true;  ///< each unit by itself
  bool one_value = false;   ///< gives one number for each column
  int max_primes = 0;       ///< slopes that it has
  /// y[i] = f(x[i]); of one_value y[0]. The numbers are the arguments after the first.
  void (*apply)(const Function& f, int primes, const double* x, std::size_t n, const double* numbers, double* y);
};

/// nullptr: there is none of that name
[[nodiscard]] const Function* find_function(std::string_view name);
/// All names, for messages.
[[nodiscard]] std::vector<std::string> function_names();

/// f'(x) of a call, as an expression. @throws ValueError  it has no further slope: softmax, the third of a rate
/// function
[[nodiscard]] Expression slope_of(const Expression& call);
/// Slopes that have a closed form, as exp'(x), become it.
[[nodiscard]] Expression with_closed_slopes(const Expression& e);

/// The derivative of a signal e by a population x, exact: diag(diagonal) + sum over terms column row', all of them
/// signals themselves. A column or diagonal of one number is that number for each unit.
struct SignalDerivative {
  struct Product {
    Expression column, row;

    bool operator==(const Product&) const = default;
  };
  Expression diagonal = Expression::number(0);
  std::vector<Product> products = {};
};

/// @param x  a name. Everything else, last(x) included, is constant.
/// @throws ValueError  as slope_of, and a function in whose numbers x occurs
[[nodiscard]] SignalDerivative derivative(const Expression& e, const Expression& x);

/// The value of an expression of numbers. @param value_of  of a name @throws ValueError  it holds what is no number
[[nodiscard]] double evaluate_number(const Expression& e, const std::function<double(const Expression&)>& value_of);

}  // namespace dynvert::equations
