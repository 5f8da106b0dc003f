#pragma once

/// Circles of algebraic populations that are evaluated once, as a phase opens or a trial begins: y = F(z), z = y, with
/// z the populations that stand for others of the same time (circuit_plan.hpp), by Newton's method, column by column,
///
///     z <- z + (1 - dF/dz)^-1 (F(z) - z)
///
/// dF/dz is exact: the adjoints of unit vectors through the sums (term_adjoint.hpp). RightHandSide does the same for
/// what varies as a phase goes on.
///
/// | symbol | shape           | meaning                                                                     |
/// |--------|-----------------|-----------------------------------------------------------------------------|
/// | y, z   | units x columns | populations of the circle, and what stands for them                         |
/// | F      |                 | sums of terms, each from those before it and from z                         |

#include <dynvert/models/program/term_adjoint.hpp>

#include <cstddef>
#include <vector>

namespace dynvert {

class CircleSolver {
 public:
  /// @param references  all of the same time
  explicit CircleSolver(std::vector<CircuitPlan::Reference> references) : references_(std::move(references)) {}

  /// A population that is a sum of terms, after those that it reads.
  /// @throws ValueError  a function without a slope
  void add(std::size_t population, std::span<const equations::Term> terms, const CircuitPlan& plan,
           const equations::Phase* phase);
  /// Evaluates all that was added. @param values  by population: those of z are where the search begins
  /// @throws NumericalError  there is no solution, or no unique one
  void solve(const Network& network, std::size_t columns, std::vector<arma::mat>& values) const;

 private:
  struct Sum {
    std::size_t population = 0;
    SumProgram value;
    SumAdjoint adjoint;
  };
  void evaluate(const Network& network, std::size_t columns, std::vector<arma::mat>& values) const;
  /// (dF/dz)' of one column
  [[nodiscard]] arma::mat transposed_slopes(const Network& network, const std::vector<arma::mat>& values,
                                            std::size_t column) const;

  std::vector<CircuitPlan::Reference> references_;
  std::vector<Sum> sums_;
};

}  // namespace dynvert
