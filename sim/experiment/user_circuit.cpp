#include <dynvert/models/circuit/input_signal.hpp>
#include <dynvert/models/random.hpp>
#include <dynvert/sim/experiment/projection_kinds.hpp>
#include <dynvert/sim/experiment/user_circuit.hpp>
#include <dynvert/sim/solvers/solver.hpp>
#include <dynvert/sim/trial/model_setup.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace dynvert {

namespace {

PopulationIndex index_of(const CircuitConfig& config, const std::string& name) {
  return static_cast<PopulationIndex>(std::ranges::find(config.populations, name, &PopulationConfig::name) -
                                      config.populations.begin());
}

Circuit make_circuit(const CircuitConfig& config, const WeightsOf& weights) {
  Circuit circuit;
  for (const PopulationConfig& p : config.populations) {
    circuit.add(
        Population{.name = p.name, .units = p.units, .tau = p.tau, .leak = p.leak, .rate = p.rate, .noise = p.noise});
  }
  for (const ProjectionConfig& p : config.projections) {
    const PopulationIndex source = index_of(config, p.source);
    const PopulationIndex target = index_of(config, p.target);
    Projection projection{
        .name = p.name,
        .source = source,
        .target = target,
        .weights = weights(p, circuit.populations()[target].units, circuit.populations()[source].units),
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
  return user_circuit(config, [&config](const ProjectionConfig& p, std::size_t rows, std::size_t columns) {
    return projection_kind(p.kind).make(p, rows, columns, config.seed);
  });
}

UserCircuit user_circuit(const Config& config, const WeightsOf& weights) {
  return {.config = config.circuit, .seed = config.seed, .circuit = make_circuit(config.circuit, weights)};
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

std::vector<Phase> UserCircuit::phases() const {
  const double duration = config.dynamics.duration;
  if (!has_time()) return {{.duration = duration}};
  std::vector<InputSignal> all;
  for (PopulationIndex p = 0; p < config.populations.size(); ++p) {
    const InputSignals of_population = signals(p, 0, 0);
    all.insert(all.end(), of_population->begin(), of_population->end());
  }
  std::vector<double> switches = intervals(all, duration);
  switches.push_back(duration);
  std::vector<Phase> phases;
  for (std::size_t i = 1; i < switches.size(); ++i) {
    phases.push_back({.start = switches[i - 1], .duration = switches[i] - switches[i - 1]});
  }
  return phases;
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

void UserCircuit::set_inputs(RightHandSide& f, std::size_t trial, const Phase& phase) const {
  for (PopulationIndex p = 0; p < config.populations.size(); ++p) {
    set_input(f, p, signals(p, trial, 1), phase.start, phase.start + phase.duration);
  }
}

TransientBatch UserCircuit::batch(std::size_t first, std::size_t count) const {
  TransientBatch batch{.first = first, .count = count, .stages = {}, .activity = {}, .credit = {}};
  Stage stage;
  stage.name = "circuit";
  stage.timing = Stage::Timing::schedule;
  stage.circuit = circuit;
  std::vector<InputSignals> inputs;
  for (PopulationIndex p = 0; p < config.populations.size(); ++p) {
    inputs.push_back(signals(p, first, count));
    if (inputs.back()->empty()) continue;
    stage.derived.push_back({.name = "input_" + config.populations[p].name,
                             .role = "external_input",
                             .like = stage.circuit.populations()[p],
                             .description = "sum of the inputs to the population",
                             .value = [in = inputs.back()](const DerivedSignal::Sample& at) {
                               const std::size_t column[]{at.column};
                               arma::vec value(in->front().amplitude.n_rows);
                               sum_signals(*in, at.phase.start, at.phase.start + at.phase.duration, at.time, column,
                                           {value.memptr(), value.n_elem, 1, value.n_elem});
                               return value;
                             }});
  }
  stage.load = [](const Network&, const Feedback&, RightHandSide&) {};
  stage.begin = [count](const Network&, const Activity&, const Credit&, RightHandSide& f) { f.set_columns(count); };
  stage.enter = [self = *this, inputs, first](const Network&, const Activity&, const Credit&, const Phase& phase,
                                              RightHandSide& f, State& x) {
    if (phase.start == 0) self.set_initial_state(f, first, x);
    for (PopulationIndex p = 0; p < inputs.size(); ++p) {
      set_input(f, p, inputs[p], phase.start, phase.start + phase.duration);
    }
  };
  stage.read = [](const Network&, const RightHandSide&, const State&, Activity&, Credit&) {};
  batch.stages.push_back({std::move(stage), phases()});
  return batch;
}

bool is_near(const Layout& layout, const State& x, const State& steady, double band) {
  double size = 0;
  for (std::size_t p = 0; p < layout.populations(); ++p) {
    for (const double v : layout.view(std::span<const double>(steady), p).column(0)) size = std::max(size, std::abs(v));
  }
  for (std::size_t p = 0; p < layout.populations(); ++p) {
    const arma::vec end = to_matrix(layout.view(std::span<const double>(x), p)).col(0);
    const arma::vec target = to_matrix(layout.view(std::span<const double>(steady), p)).col(0);
    // a population whose steady state is zero is measured by the size of the others
    if (!(arma::norm(end - target) <= band * std::max(arma::norm(target), band * size))) return false;
  }
  return true;
}

}  // namespace dynvert
