#include <dynvert/models/random.hpp>
#include <dynvert/sim/experiment/projection_kinds.hpp>
#include <dynvert/sim/experiment/user_circuit.hpp>
#include <dynvert/sim/solvers/solver.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace dynvert {

namespace {

PopulationIndex index_of(const CircuitConfig& config, const std::string& name) {
  return static_cast<PopulationIndex>(std::ranges::find(config.populations, name, &PopulationConfig::name) -
                                      config.populations.begin());
}

Circuit circuit_of_tables(const CircuitConfig& config, std::uint64_t seed) {
  Circuit circuit;
  for (const PopulationConfig& p : config.populations) {
    circuit.add(
        Population{.name = p.name, .units = p.units, .tau = p.tau, .leak = p.leak, .rate = p.rate, .noise = p.noise});
  }
  for (const ProjectionConfig& p : config.projections) {
    const PopulationIndex source = index_of(config, p.source);
    const PopulationIndex target = index_of(config, p.target);
    Projection projection{.name = p.name,
                          .source = source,
                          .target = target,
                          .weights = projection_kind(p.kind).make(p, circuit.populations()[target].units,
                                                                  circuit.populations()[source].units, seed),
                          .transmits = transmission_kind(p.transmits).transmits};
    if (projection.transmits == Transmit::gain)
      projection.follows = GainFollows{index_of(config, p.follows), p.reciprocal};
    circuit.add(std::move(projection));
  }
  return circuit;
}

arma::vec by_unit(const std::vector<double>& values, std::size_t units) {
  if (values.size() > 1) return arma::vec(values);
  return arma::vec(units, arma::fill::value(values.empty() ? 0.0 : values.front()));
}

}  // namespace

UserCircuit user_circuit(const Config& config) {
  return {config.circuit, config.seed, circuit_of_tables(config.circuit, config.seed)};
}

bool UserCircuit::has_time() const { return solver_kind(config.dynamics.solver).has_trajectory; }

InputSignals UserCircuit::signals(PopulationIndex p, std::size_t first, std::size_t count) const {
  auto signals = std::make_shared<std::vector<InputSignal>>();
  const DynamicsConfig& d = config.dynamics;
  for (std::size_t i = 0; i < config.inputs.size(); ++i) {
    const InputConfig& in = config.inputs[i];
    if (index_of(config, in.population) != p) continue;
    const std::size_t units = config.populations[p].units;
    InputSignal signal{
        .shape = signal_shape(in.shape), .amplitude = by_unit(in.amplitude, units), .start = in.start, .spacing = d.dt};
    signal.take(in.parameters);
    if (in.duration > 0) signal.stop = in.start + in.duration;
    if (signal.shape == InputSignal::Shape::noise) {
      const auto knots = static_cast<std::size_t>((std::min(signal.stop, d.duration) - in.start) / d.dt) + 2;
      std::vector<arma::mat> xi;
      for (std::size_t c = 0; c < count; ++c) {
        RandomStream random(seed, fmt::format("noise of input {}, trial {}", i, first + c));
        xi.push_back(ornstein_uhlenbeck(random, units, knots, d.dt, signal.noise_tau));
      }
      signal.knots = std::make_shared<const std::vector<arma::mat>>(std::move(xi));
    }
    signals->push_back(std::move(signal));
  }
  return signals;
}

void UserCircuit::set_initial_state(const RightHandSide& f, std::size_t first, State& x) const {
  for (PopulationIndex p = 0; p < config.populations.size(); ++p) {
    const PopulationConfig& population = config.populations[p];
    const arma::vec start = by_unit(population.initial, population.units);
    for (std::size_t c = 0; c < f.layout().columns(); ++c) {
      RandomStream random(seed, fmt::format("start of {}, trial {}", population.name, first + c));
      const arma::vec state = start + random.uniform(population.units, 1, population.initial_half_width).col(0);
      std::ranges::copy(state, f.layout().view(std::span<double>(x), p).column(c).begin());
    }
  }
}

}  // namespace dynvert
