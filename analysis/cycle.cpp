#include <dynvert/analysis/cycle.hpp>
#include <dynvert/models/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <complex>

namespace dynvert {

namespace {

/// Whether a member is algebraic, or acts on a member through populations that are.
bool is_joined_by_algebraic(const Circuit& circuit, std::span<const PopulationIndex> members) {
  if (!circuit.has_algebraic()) return false;
  const auto& populations = circuit.populations();
  std::vector<bool> reached(populations.size(), false);
  for (const PopulationIndex p : members) reached[p] = true;
  const auto is_reached = [&](PopulationIndex p) { return reached[p]; };
  const auto is_member = [&](PopulationIndex p) { return std::ranges::find(members, p) != members.end(); };
  // each comes after the algebraic ones that it depends on
  for (PopulationIndex p = 0; p < populations.size(); ++p) {
    if (!populations[p].algebraic) continue;
    if (is_member(p)) return true;
    if (populations[p].signal) reached[p] = std::ranges::any_of(populations[p].signal->arguments, is_reached);
    for (const Projection& j : circuit.projections()) {
      if (j.target == p) reached[p] = reached[p] || reached[j.source] || (j.follows && reached[j.follows->population]);
    }
  }
  return std::ranges::any_of(circuit.projections(), [&](const Projection& j) {
    const auto brings = [&](PopulationIndex p) { return populations[p].algebraic && reached[p]; };
    return is_member(j.target) && (brings(j.source) || (j.follows && brings(j.follows->population)));
  });
}

}  // namespace

std::optional<Cycle> as_cycle(const Circuit& circuit, std::span<const PopulationIndex> members) {
  const auto& projections = circuit.projections();
  const auto is_member = [&](PopulationIndex p) { return std::ranges::find(members, p) != members.end(); };
  const std::size_t k = members.size();
  if (k < 2 || is_joined_by_algebraic(circuit, members)) return std::nullopt;
  std::vector<std::optional<ProjectionIndex>> leaving(circuit.populations().size());
  std::size_t inside = 0;
  for (ProjectionIndex j = 0; j < projections.size(); ++j) {
    const Projection& p = projections[j];
    if (!is_member(p.source) || !is_member(p.target)) continue;
    if (leaving[p.source] || (p.follows && is_member(p.follows->population)) ||
        (p.transmits == Transmit::rate && !rate_function(circuit.populations()[p.source].rate).elementwise)) {
      return std::nullopt;
    }
    leaving[p.source] = j;
    ++inside;
  }
  if (inside != k) return std::nullopt;
  const auto units = [&](PopulationIndex p) { return circuit.populations()[p].units; };
  Cycle cycle;
  PopulationIndex at = *std::ranges::min_element(members, {}, units);
  for (std::size_t i = 0; i < k; ++i) {
    if (circuit.populations()[at].clamped || !leaving[at]) return std::nullopt;
    cycle.populations.push_back(at);
    cycle.projections.push_back(*leaving[at]);
    at = projections[*leaving[at]].target;
  }
  // k members, each left once: a walk of k steps that ends where it began and visits nobody twice is the cycle
  std::vector<PopulationIndex> visited = cycle.populations;
  std::ranges::sort(visited);
  if (at != cycle.populations.front() || std::ranges::adjacent_find(visited) != visited.end()) return std::nullopt;
  // from leaving to arriving
  std::rotate(cycle.projections.begin(), cycle.projections.end() - 1, cycle.projections.end());
  return cycle;
}

std::size_t CycleModes::position(PopulationIndex population) const {
  const auto found = std::ranges::find(populations, population);
  if (found == populations.end()) {
    throw ValueError("loop", fmt::format("population {} is not in it", population), "one of its members");
  }
  return static_cast<std::size_t>(found - populations.begin());
}

CycleModes cycle_modes(const Cycle& cycle, RightHandSide& f, const State& x, std::size_t column) {
  const std::size_t k = cycle.populations.size();
  CycleModes modes;
  arma::mat product;
  for (std::size_t i = 1; i <= k; ++i) {
    const ProjectionIndex arriving = cycle.projections[i % k];
    arma::mat A = f.weights(arriving);
    if (f.circuit().projections()[arriving].transmits != Transmit::state) {
      A.each_row() %= f.slope(arriving, x, column).t();
    }
    product = i == 1 ? std::move(A) : arma::mat(A * product);
  }
  if (!product.is_finite() || !arma::eig_gen(modes.mu, product)) {
    throw NumericalError("spectrum of a loop", "the weights are not finite, or the eigenvalue iteration failed",
                         "check the weights: they may have grown without bound");
  }
  modes.populations = cycle.populations;
  for (std::size_t i = 0; i < k; ++i) {
    const PopulationIndex p = cycle.populations[i];
    modes.tau.push_back(f.tau(p, column));
    modes.leak.push_back(f.leak(p, column));
    modes.rest.push_back(f.layout().units(p) - product.n_rows);
    modes.newest.push_back(cycle.populations[(i + k - 1) % k] < p);
  }
  return modes;
}

arma::cx_vec spectrum(const CycleModes& modes) {
  const std::size_t k = modes.tau.size();
  const std::vector<double>& tau = modes.tau;
  const std::vector<double>& leak = modes.leak;
  std::vector<std::complex<double>> lambda;
  if (k == 2) {
    const double a = tau[0] * tau[1];
    const double b = tau[1] * leak[0] + tau[0] * leak[1];
    for (const std::complex<double> m : modes.mu) {
      // a lambda^2 + b lambda + c = 0 with b >= 0: the root that subtracts is had from the product of the roots
      const std::complex<double> c = leak[0] * leak[1] - m;
      const std::complex<double> root = std::sqrt(b * b - 4 * a * c);
      const std::complex<double> far = -0.5 * (b + root);
      lambda.push_back(far / a);
      lambda.push_back(std::abs(far) > 0 ? c / far : std::complex<double>(0));
    }
  } else {
    arma::cx_vec polynomial{1.0};  // highest power first
    for (std::size_t i = 0; i < k; ++i) polynomial = arma::conv(polynomial, arma::cx_vec{tau[i], leak[i]});
    for (const std::complex<double> m : modes.mu) {
      arma::cx_vec shifted = polynomial;
      shifted.back() -= m;
      const arma::cx_vec roots = arma::roots(shifted);
      // arma::roots leaves out roots at zero of a polynomial without a constant term
      lambda.insert(lambda.end(), roots.begin(), roots.end());
      lambda.insert(lambda.end(), k - roots.n_elem, std::complex<double>(0));
    }
  }
  for (std::size_t i = 0; i < k; ++i)
    lambda.insert(lambda.end(), modes.rest[i], std::complex<double>(-leak[i] / tau[i]));
  return lambda;
}

arma::cx_vec spectrum(const Cycle& cycle, RightHandSide& f, const State& x, std::size_t column) {
  return spectrum(cycle_modes(cycle, f, x, column));
}

}  // namespace dynvert
