#pragma once

/// Right-hand sides as sums of terms: what stands between the signs, taken apart into coefficient, matrix, signal and
/// factor. A number before a sum goes to each of its terms; so does a factor, where the sum holds a matrix product.

#include <dynvert/models/equations/description.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace dynvert::equations {

/// What a name is.
enum class Role { number, signal, matrix, bias };

struct TermReader {
  std::function<Role(const Expression& name)> role;  ///< fails for names that are not known
  std::shared_ptr<const Source> source;              ///< of the equation, for messages

  /// @throws EquationError  what does not fit, and how it may be written
  [[nodiscard]] std::vector<Term> read(const Expression& right) const;
  /// The terms of a rule on a matrix. @param decay  gets the sum of what stands before the matrix itself
  [[nodiscard]] std::vector<RuleTerm> read_rule(const Expression& right, const Name& matrix, bool continuous,
                                                Expression& decay) const;
  /// Fails where an expression is no signal: it holds a matrix or a transpose, or multiplies two signals by *.
  void check_signal(const Expression& e) const;
  [[nodiscard]] bool holds_matrix(const Expression& e) const;
  [[nodiscard]] bool is_number(const Expression& e) const;
  /// One number for each column, as sum(x).
  [[nodiscard]] bool is_one_value(const Expression& e) const;
};

/// -c X among the terms is the leak c of X: takes those out. @return their sum; absent: there is none
[[nodiscard]] Expression take_leak(std::vector<Term>& terms, const Expression& own);

/// noise(sigma) among the terms, which a moving population may have: takes it out. @return sigma; absent: there is none
/// @throws EquationError  two of them, or one with a number before it
[[nodiscard]] Expression take_noise(std::vector<Term>& terms);

}  // namespace dynvert::equations
