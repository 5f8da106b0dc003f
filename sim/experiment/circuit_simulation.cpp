#include <dynvert/analysis/spectrum.hpp>
#include <dynvert/analysis/steady_state.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/models/nearest_name.hpp>
#include <dynvert/sim/experiment/circuit_simulation.hpp>
#include <dynvert/sim/experiment/transient_experiment.hpp>
#include <dynvert/sim/solvers/batched_solver.hpp>
#include <dynvert/sim/trial/model_setup.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>

namespace dynvert {

namespace {

UserCircuit tables_of(const Config& config) {
  if (config.kind != ExperimentKind::circuit) {
    throw ValueError("simulation", "the configuration describes no circuit of its own",
                     "a configuration with [[population]] tables");
  }
  return user_circuit(config);
}

/// Times that a sum of steps reaches are equal up to rounding.
bool is_reached(double t, double time) { return t <= time + 1e-9 * std::max(1.0, std::abs(t)); }

template <typename Part>
std::size_t named(const std::vector<Part>& parts, const std::string& name, const char* what) {
  const auto found = std::ranges::find(parts, name, &Part::name);
  if (found != parts.end()) return static_cast<std::size_t>(found - parts.begin());
  std::vector<std::string> known;
  for (const Part& part : parts) known.push_back(part.name);
  const std::string nearest = nearest_name(name, known);
  throw ValueError(fmt::format("{} \"{}\"", what, name),
                   nearest.empty() ? "is not known" : fmt::format("is not known; did you mean \"{}\"?", nearest),
                   fmt::format("{}", fmt::join(known, ", ")));
}

void add(const MatrixView& to, const ConstMatrixView& from, std::span<const std::size_t> columns) {
  for (std::size_t c = 0; c < columns.size(); ++c) {
    for (std::size_t i = 0; i < to.units; ++i) to(i, c) += from(i, columns[c]);
  }
}

}  // namespace

CircuitSimulation::CircuitSimulation(const Config& config, std::size_t columns)
    : circuit_(tables_of(config)), f_(circuit_.circuit, columns) {
  const DynamicsConfig& d = circuit_.config.dynamics;
  if (!circuit_.has_time()) {
    throw ValueError("dynamics.solver", fmt::format("{} takes no steps in time", d.solver),
                     "a solver that does, sequential_euler among them");
  }
  const auto moves = [](const InputConfig& in) { return signal_shape(in.shape) != InputSignal::Shape::step; };
  check_linear_only(d.solver, circuit_.circuit.is_linear(), std::ranges::none_of(circuit_.config.inputs, moves));
  SolverSettings settings = solver_settings(d);
  settings.threads = config.threads;
  solver_ = make_reference_solver(solver_kind(d.solver), settings);
  for (PopulationIndex p = 0; p < populations().size(); ++p) {
    signals_.push_back(circuit_.signals(p, 0, columns));
    for (const InputSignal& signal : *signals_.back()) {
      const std::vector<double> own = signal.switches();
      switches_.insert(switches_.end(), own.begin(), own.end());
      if (signal.shape == InputSignal::Shape::noise && signal.stop > d.duration) noise_ends_ = d.duration;
    }
  }
  std::ranges::sort(switches_);
  given_.assign(f_.layout().size(), 0.0);
  if (circuit_.circuit.has_noise()) {  // the paths of the trials
    std::vector<std::uint64_t> paths(columns);
    std::iota(paths.begin(), paths.end(), std::uint64_t{0});
    f_.set_noise(circuit_.seed, paths);
  }
  reset();
}

PopulationIndex CircuitSimulation::population(const std::string& name) const {
  return named(populations(), name, "population");
}

ProjectionIndex CircuitSimulation::projection(const std::string& name) const {
  return named(projections(), name, "projection");
}

bool CircuitSimulation::has_matrix(ProjectionIndex k) const {
  return std::holds_alternative<arma::mat>(projections()[k].weights);
}

double CircuitSimulation::scale(ProjectionIndex k) const { return f_.weights(k)(0, 0); }

void CircuitSimulation::set_weights(ProjectionIndex k, const arma::mat& weights) {
  if (!weights.is_finite()) {
    throw ValueError(fmt::format("projection \"{}\"", projections()[k].name), "has weights that are not finite",
                     "finite numbers");
  }
  f_.set_weights(k, weights);
}

void CircuitSimulation::set_scale(ProjectionIndex k, double scale) {
  if (!std::isfinite(scale)) {
    throw ValueError(fmt::format("projection \"{}\"", projections()[k].name), "has a weight that is not finite",
                     "a finite number");
  }
  f_.set_scale(k, scale);
}

double CircuitSimulation::next_switch(double t) const {
  const auto after = std::ranges::find_if(switches_, [&](double at) { return !is_reached(at, t); });
  return after == switches_.end() ? std::numeric_limits<double>::infinity() : *after;
}

void CircuitSimulation::set_inputs(double begin, double end) {
  for (PopulationIndex p = 0; p < signals_.size(); ++p) {
    set_input(f_, p, signals_[p], begin, end);
    const ConstMatrixView given = f_.layout().view(std::span<const double>(given_), p);
    if (!signals_[p]->empty() &&
        !std::ranges::all_of(*signals_[p], [&](const InputSignal& signal) { return signal.is_constant(begin, end); })) {
      f_.set_drive(p, [signals = signals_[p], begin, end, given](double t, std::span<const std::size_t> columns,
                                                                 MatrixView input) {
        sum_signals(*signals, begin, end, t, columns, input);
        add(input, given, columns);
      });
      continue;
    }
    const MatrixView input = f_.input(p);
    for (std::size_t c = 0; c < input.columns; ++c) {
      for (std::size_t i = 0; i < input.units; ++i) input(i, c) += given(i, c);
    }
  }
}

void CircuitSimulation::advance(double duration) {
  if (!(duration > 0) || !std::isfinite(duration)) {
    throw ValueError("advance", fmt::format("a duration of {}", duration), "a positive, finite time");
  }
  const double end = time_ + duration;
  if (!is_reached(end, noise_ends_)) {
    throw ValueError("advance", fmt::format("to time {}, and noise was drawn for {}", end, noise_ends_),
                     "a longer dynamics.duration");
  }
  moving_.assign(x_.begin(), x_.end());
  for (double t = time_; !is_reached(end, t);) {
    double stop = next_switch(t);
    if (is_reached(end, stop)) stop = end;
    set_inputs(t, stop);
    const SolverRun run = solver_->run(f_, moving_, {.start = t, .duration = stop - t}, nullptr, 0);
    if (const ColumnEnd* diverged = run.diverged()) {
      throw DivergenceError({.model = "circuit",
                             .trial = static_cast<std::size_t>(diverged - run.columns.data()),
                             .loop = "circuit",
                             .population = populations()[diverged->population].name,
                             .time = diverged->time,
                             .limit = circuit_.config.dynamics.divergence_limit});
    }
    t = stop;
  }
  std::ranges::copy(moving_, x_.begin());
  time_ = end;
}

void CircuitSimulation::reset() {
  time_ = 0;
  if (x_.empty()) x_.resize(f_.layout().size());
  std::ranges::fill(x_, 0.0);
  circuit_.set_initial_state(f_, 0, x_);
}

void CircuitSimulation::check_column(std::size_t column) const {
  if (column < columns()) return;
  throw ValueError("column", fmt::format("is {}", column), fmt::format("0 to {}", columns() - 1));
}

arma::mat CircuitSimulation::jacobian(std::size_t column) {
  check_column(column);
  return f_.jacobian(x_, column);
}

arma::cx_vec CircuitSimulation::spectrum(std::size_t column) {
  check_column(column);
  return dynvert::spectrum(f_, x_, column);
}

State CircuitSimulation::steady_state() {
  set_inputs(time_, std::min(next_switch(time_), time_ + 1));  // an interval that no switch divides
  return dynvert::steady_state(f_, x_).x;
}

}  // namespace dynvert
