#include <dynvert/analysis/cycle.hpp>
#include <dynvert/analysis/loop_measure.hpp>
#include <dynvert/analysis/numerical_abscissa.hpp>
#include <dynvert/models/error.hpp>

#include <algorithm>
#include <cmath>

namespace dynvert {

namespace {

/// Eigenvalues of a symmetric matrix, ascending.
arma::vec symmetric_eigenvalues(const arma::mat& H) {
  arma::vec values;
  if (!H.is_finite() || !arma::eig_sym(values, H)) {
    throw NumericalError("numerical abscissa", "the matrix is not finite, or the eigenvalue iteration failed",
                         "check the weights: they may have grown without bound");
  }
  return values;
}

/// C of a projection times the slope of what it transmits
arma::mat effective_weights(RightHandSide& f, ProjectionIndex projection, const State& x, std::size_t column) {
  arma::mat A = f.weights(projection);
  if (f.circuit().projections()[projection].transmits != Transmit::state) {
    A.each_row() %= f.slope(projection, x, column).t();
  }
  return A;
}

}  // namespace

double numerical_abscissa(const arma::mat& M) { return symmetric_eigenvalues((M + M.t()) / 2).max(); }

double numerical_abscissa(RightHandSide& f, const State& x, std::size_t column,
                          std::span<const PopulationIndex> members) {
  const auto cycle = as_cycle(f.circuit(), members);
  if (!cycle || cycle->populations.size() != 2) {
    const arma::uvec variables = f.variables_of(members);
    return numerical_abscissa(arma::mat(f.jacobian(x, column).submat(variables, variables)));
  }
  const auto tau = [&](std::size_t i) { return f.tau(cycle->populations[i], column); };
  const auto rate = [&](std::size_t i) { return f.leak(cycle->populations[i], column) / tau(i); };
  // the first population is the smaller one: S S' is of its size
  const arma::mat S = (effective_weights(f, cycle->projections[0], x, column) / tau(0) +
                       effective_weights(f, cycle->projections[1], x, column).t() / tau(1)) /
                      2;
  const double squared = std::max(0.0, symmetric_eigenvalues(S * S.t()).max());
  const double half = (rate(0) - rate(1)) / 2;
  return -(rate(0) + rate(1)) / 2 + std::sqrt(half * half + squared);
}

LoopMeasure numerical_abscissa_measure() {
  return {.name = "numerical_abscissa",
          .label = "numerical abscissa",
          .units = "1/time",
          .description = "fastest initial growth rate of the norm of a perturbation",
          .needs_circuit = true,
          .value = [](const LinearisedLoop& loop) {
            const auto& [f, x, control] = loop.place().value();
            return numerical_abscissa(*f, *x, 0, control->members);
          }};
}

}  // namespace dynvert
