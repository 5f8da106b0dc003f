#pragma once

/// The equations of a phase at the level of populations, forwards and backwards: what an adjoint needs of them. Only
/// what counts for given values at the end is looked at; what else the phase moves is not evaluated, and may be without
/// slopes.
///
///     x_q = y_q(x)                                 q algebraic, in the order of dependence
///     tau_p dx_p/dt = F_p(x) = -leak_p x_p + sum of terms       p moving
///
/// Backwards, from adjoints x^ of all populations: those of algebraic ones go to what they read, x_r^ += (dy_q/dx_r)'
/// x_q^, in the reverse order; what is left is of states, of what the phase keeps, and of matrices.

#include <dynvert/models/program/term_adjoint.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace dynvert {

class PhaseAdjoint {
 public:
  /// @param needed  by population: whether its value at the end counts
  /// @param settles its end does not depend on where what moves begins
  /// @throws ValueError  a function without a slope, in what counts
  PhaseAdjoint(const CircuitPlan& plan, const equations::Phase& phase, std::vector<bool> needed, bool settles);
  /// What a trial begins with: algebraic populations and signals of [initial], each from numbers and from others.
  PhaseAdjoint(const CircuitPlan& plan, std::vector<bool> needed);

  /// By population: whether its value before the phase counts.
  [[nodiscard]] const std::vector<bool>& needed_before() const noexcept { return needed_before_; }

  /// A population that moves and counts, in the order of their equations.
  struct Moving {
    std::size_t population = 0;
    double tau = 1, leak = 1;
    SumProgram sum;
    SumAdjoint adjoint;
  };
  [[nodiscard]] std::span<const Moving> moving() const noexcept { return moving_; }

  /// What the phase sets, from the values before it; then what does not depend on anything that moves.
  void open(const Network& network, std::vector<arma::mat>& values) const;
  /// Algebraic populations that depend on what moves.
  void evaluate(const Network& network, std::vector<arma::mat>& values) const;
  /// F of a moving population, where everything is evaluated.
  [[nodiscard]] arma::mat slope(const Network& network, std::span<const arma::mat> values, std::size_t moving) const;

  /// Backwards through `slope`. @param y  dE/dF
  void back_slope(const Network& network, std::span<const arma::mat> values, std::size_t moving, const arma::mat& y,
                  Adjoints& adjoints) const;
  /// Backwards through `evaluate`.
  void back_evaluate(const Network& network, std::span<const arma::mat> values, Adjoints& adjoints) const;
  /// Backwards through `open`. @param values  evaluated as the phase opens, @param before  before it
  void back_open(const Network& network, std::span<const arma::mat> values, std::span<const arma::mat> before,
                 Adjoints& adjoints) const;

 private:
  struct Evaluation {
    std::size_t population = 0;
    SumProgram sum;
    SumAdjoint adjoint;
  };
  [[nodiscard]] Evaluation evaluation(const CircuitPlan& plan, std::size_t population,
                                      std::span<const equations::Term> terms, const equations::Phase* phase) const;
  static void back(const std::vector<Evaluation>& list, const Network& network, std::span<const arma::mat> values,
                   Adjoints& adjoints);

  std::vector<bool> needed_before_;
  std::vector<Evaluation> set_, resting_, varying_;
  std::vector<Moving> moving_;
};

}  // namespace dynvert
