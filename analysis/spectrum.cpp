#include <dynvert/analysis/cycle.hpp>
#include <dynvert/analysis/loop_measure.hpp>
#include <dynvert/analysis/spectrum.hpp>
#include <dynvert/models/error.hpp>

#include <fmt/format.h>

#include <cmath>
#include <vector>

namespace dynvert {

namespace {

arma::cx_vec eigenvalues(const arma::mat& M) {
  arma::cx_vec values;
  if (!M.is_finite() || !arma::eig_gen(values, M)) {
    throw NumericalError("spectrum", "the matrix is not finite, or the eigenvalue iteration failed",
                         "check the weights: they may have grown without bound");
  }
  return values;
}

/// The slowest mode within the duration: it grows, or lasts longer than that, or until it has settled it does.
std::optional<Finding> slowest_mode(double abscissa, const LoopSetting& setting) {
  if (!(abscissa < 0)) {
    return Finding{true, fmt::format("not stable: spectral abscissa {:.3g}; it grows by a factor e in {:.4g}", abscissa,
                                     1 / abscissa)};
  }
  if (!setting.duration) return std::nullopt;
  const double slowest = slowest_time_constant(abscissa);
  const double needed = std::log(1 / setting.settling_band) * slowest;
  if (slowest > *setting.duration) {
    return Finding{false, fmt::format("abscissa {:.3g}: slowest time constant {:.4g} > duration {:g}: what lies along "
                                      "that mode does not settle",
                                      abscissa, slowest, *setting.duration)};
  }
  if (needed <= *setting.duration) return std::nullopt;
  return Finding{
      false, fmt::format("abscissa {:.3g}: slowest time constant {:.4g}: {:g} % takes {:.4g} > duration {:g}", abscissa,
                         slowest, 100 * setting.settling_band, needed, *setting.duration)};
}

}  // namespace

arma::cx_vec spectrum(RightHandSide& f, const State& x, std::size_t column) {
  const Circuit& circuit = f.circuit();
  if (circuit.plasticity().empty()) {
    std::vector<PopulationIndex> moving;
    for (PopulationIndex p = 0; p < circuit.populations().size(); ++p) {
      if (circuit.populations()[p].moves()) moving.push_back(p);
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

LoopMeasure spectral_abscissa_measure() {
  return {.name = "spectral_abscissa",
          .label = "abscissa",
          .units = "1/time",
          .description = "largest real part of the spectrum of the loop",
          .summary = OverTrials::largest,
          .unstable_above = 0,
          .value = [](const LinearisedLoop& loop) { return loop.abscissa(); },
          .finding = slowest_mode};
}

LoopMeasure slowest_time_constant_measure() {
  return {.name = "slowest_time_constant",
          .label = "slowest time constant",
          .units = "time",
          .description = "-1 / spectral abscissa; NaN: the loop is not stable",
          .value = [](const LinearisedLoop& loop) { return slowest_time_constant(loop.abscissa()); }};
}

}  // namespace dynvert
