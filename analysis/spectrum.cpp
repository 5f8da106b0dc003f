#include <dynvert/analysis/cycle.hpp>
#include <dynvert/analysis/spectrum.hpp>
#include <dynvert/models/error.hpp>

#include <vector>

namespace dynvert {

namespace {

arma::cx_vec eigenvalues(const arma::mat& M) {
  arma::cx_vec values;
  if (!M.is_finite() || !arma::eig_gen(values, M)) {
    throw NumericalError("spectrum", "the matrix is not finite, or the eigenvalue iteration failed",
                         "a look at the weights: they may have grown without bound");
  }
  return values;
}

}  // namespace

arma::cx_vec spectrum(RightHandSide& f, const State& x, std::size_t column) {
  const Circuit& circuit = f.circuit();
  if (circuit.plasticity().empty()) {
    std::vector<PopulationIndex> moving;
    for (PopulationIndex p = 0; p < circuit.populations().size(); ++p) {
      if (!circuit.populations()[p].clamped) moving.push_back(p);
    }
    return spectrum(f, x, column, moving);
  }
  const arma::uvec variables = f.free_variables();
  return eigenvalues(f.jacobian(x, column).submat(variables, variables));
}

arma::cx_vec spectrum(RightHandSide& f, const State& x, std::size_t column, std::span<const PopulationIndex> members) {
  if (const auto cycle = as_cycle(f.circuit(), members)) return spectrum(*cycle, f, x, column);
  const arma::uvec variables = f.variables_of(members);
  return eigenvalues(f.jacobian(x, column).submat(variables, variables));
}

double spectral_abscissa(RightHandSide& f, const State& x, std::size_t column) {
  return arma::real(spectrum(f, x, column)).max();
}

double spectral_abscissa(RightHandSide& f, const State& x, std::size_t column,
                         std::span<const PopulationIndex> members) {
  return arma::real(spectrum(f, x, column, members)).max();
}

double slowest_time_constant(double abscissa) { return abscissa < 0 ? -1 / abscissa : arma::datum::nan; }

double spectral_abscissa(const arma::mat& M) { return arma::real(eigenvalues(M)).max(); }

}  // namespace dynvert
