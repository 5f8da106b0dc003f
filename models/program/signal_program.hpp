#pragma once

/// A signal as a short program: evaluates an elementwise expression for all columns of a block.
///
///     y(:,c) = e(x_1(:,c), x_2(:,c), ..; p)          for each column c
///
/// | symbol | shape           | meaning                                                        |
/// |--------|-----------------|----------------------------------------------------------------|
/// | x_k    | n_k x columns   | the populations that e names, in the order of `names()`        |
/// | p      |                 | numbers: parameters                                            |
/// | y      | n x columns     | the signal; of one number for each column, n times that number |
///
/// The operations run one after the other over one column, which stays in the near cache. Those on numbers alone are
/// done once.

#include <dynvert/models/circuit/state.hpp>
#include <dynvert/models/equations/function.hpp>

#include <functional>
#include <span>
#include <vector>

namespace dynvert::equations {

class SignalProgram {
 public:
  /// @param is_number  whether a name is a parameter
  /// @throws ValueError  a function that is not known, a text, a matrix product
  SignalProgram(const Expression& signal, const std::function<bool(const Expression&)>& is_number);

  /// the populations, or last(x), whose values `run` takes
  [[nodiscard]] std::span<const Expression> names() const noexcept { return names_; }

  /// Takes the values of parameters. To be called before the first run.
  void set_numbers(const std::function<double(const Expression&)>& value_of);
  /// @param populations  of names(), with the columns of y
  /// @throws ValueError  sizes that do not fit
  void run(std::span<const ConstMatrixView> populations, const MatrixView& y);

 private:
  struct Step {
    enum class What { number, population, unary, binary, function } what = What::number;
    Kind kind = Kind::absent;            ///< of binary
    const Function* function = nullptr;  ///< of function
    int primes = 0;
    std::size_t index = 0;  ///< of numbers_ or names_
  };
  struct Value {
    const double* data = nullptr;
    std::size_t size = 0;
  };
  void add(const Expression& e, const std::function<bool(const Expression&)>& is_number);
  [[nodiscard]] static bool is_constant(const Expression& e, const std::function<bool(const Expression&)>& is_number);
  double* scratch(std::size_t slot, std::size_t size);

  std::vector<Step> steps_;
  std::vector<Expression> names_, constants_;
  std::vector<double> numbers_;
  std::vector<std::vector<double>> scratch_;
  std::vector<Value> stack_;
};

}  // namespace dynvert::equations
