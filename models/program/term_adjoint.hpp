#pragma once

/// Signals and sums of terms backwards: from dE/dy of a sum to dE/dx of what its terms read and dE/dM of their matrices
/// (reverse accumulation; Griewank & Walther, Evaluating Derivatives, 2008, chapter 3).
///
///     y = sum over terms c M s(x) .* k(x)
///
///     M^ += c (y^ .* k) s'
///     x^ += (ds/dx)' M' (c y^ .* k) + (dk/dx)' (c y^ .* M s)
///
/// | symbol | shape           | meaning                                                                     |
/// |--------|-----------------|-----------------------------------------------------------------------------|
/// | y^     | units x columns | dE/dy; M^ and x^ likewise                                                   |
/// | s, k   |                 | signal and factor: their derivatives are diag(d) + sum over column row',    |
/// |        |                 | exact (models/equations/function.hpp)                                       |
/// | x      | units x columns | populations, with the columns of y^; or with one column, which then counts  |
/// |        |                 | for all of y^: rows of a Jacobian at one state                              |

#include <dynvert/models/program/sum_program.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace dynvert {

/// dE/dx of populations and dE/dM of matrices, by their numbers in the description. Empty: zero so far.
struct Adjoints {
  std::vector<arma::mat> populations, matrices;
  bool takes_matrices = true;  ///< false: those of matrices are not asked for
};
/// Adds to an adjoint, which may be empty.
void add_to(arma::mat& adjoint, arma::mat&& value);

class SignalAdjoint {
 public:
  /// @throws ValueError  a function without a slope
  SignalAdjoint(const equations::Expression& signal, const CircuitPlan& plan, const equations::Phase* phase);

  /// @param x  by population, @param y  dE/dy
  void add(std::span<const arma::mat> x, const arma::mat& y, Adjoints& to) const;

 private:
  /// The derivative by one population.
  struct Part {
    std::size_t population = 0;
    std::optional<SignalValue> diagonal = std::nullopt;
    std::vector<std::pair<SignalValue, SignalValue>> products = {};  // column, row
  };
  std::vector<Part> parts_;
};

class SumAdjoint {
 public:
  /// @param phase  whose parameters hold; nullptr: none
  /// @throws ValueError  a function without a slope
  SumAdjoint(std::span<const equations::Term> terms, const CircuitPlan& plan, const equations::Phase* phase);

  /// @param x  by population, @param y  dE/dy
  void add(const Network& network, std::span<const arma::mat> x, const arma::mat& y, Adjoints& to) const;

 private:
  struct Compiled {
    double coefficient = 1;
    std::optional<std::size_t> matrix;
    MatrixPlace place;
    bool transposed = false;
    SignalValue signal, factor;
    SignalAdjoint of_signal, of_factor;
  };
  std::vector<Compiled> terms_;
};

}  // namespace dynvert
