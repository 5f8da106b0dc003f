#pragma once

/// The sum of terms that an algebraic population is, or the part of a right-hand side that does not move, for all
/// columns of a batch:
///
///     y = sum over terms coefficient * M signal .* factor
///
/// | symbol      | shape                | meaning                                                 |
/// |-------------|----------------------|---------------------------------------------------------|
/// | y           | units x columns      | the sum                                                 |
/// | M           | units x inputs       | a matrix, or its transpose                              |
/// | signal      | inputs x columns     | an expression of populations                            |
/// | factor      | units x columns      | likewise                                                |

#include <dynvert/models/program/circuit_plan.hpp>
#include <dynvert/models/program/signal_program.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace dynvert {

/// An expression of populations, with their numbers.
class SignalValue {
 public:
  SignalValue(const equations::Expression& signal, const CircuitPlan& plan, const equations::Phase* phase);

  /// The number of the population that it is itself; nothing: it is computed.
  [[nodiscard]] std::optional<std::size_t> is_population() const noexcept { return bare_; }
  [[nodiscard]] bool is_one() const noexcept { return one_; }
  /// @param x  by population, @param y  set to units x columns
  void evaluate(std::span<const arma::mat> x, std::size_t units, std::size_t columns, arma::mat& y) const;

 private:
  std::optional<std::size_t> bare_;
  bool one_ = false;
  std::vector<std::size_t> names_;
  // evaluation has scratch space of its own, and is done by one thread
  std::shared_ptr<equations::SignalProgram> program_;
};

class SumProgram {
 public:
  /// @param phase  whose parameters hold; nullptr: none
  SumProgram(std::span<const equations::Term> terms, std::size_t units, const CircuitPlan& plan,
             const equations::Phase* phase);

  /// @param x  by population, @param y  may be one of them that no term names
  void evaluate(const Network& network, std::span<const arma::mat> x, std::size_t columns, arma::mat& y) const;

 private:
  struct Compiled {
    double coefficient = 1;
    std::optional<MatrixPlace> matrix;
    bool transposed = false;
    SignalValue signal;
    SignalValue factor;
  };
  std::size_t units_ = 0;
  std::vector<Compiled> terms_;
};

}  // namespace dynvert
