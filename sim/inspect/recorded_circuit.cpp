#include <dynvert/analysis/spectrum.hpp>
#include <dynvert/analysis/steady_state.hpp>
#include <dynvert/models/circuit/input_signal.hpp>
#include <dynvert/models/circuit/rate_function.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/sim/experiment/projection_kinds.hpp>
#include <dynvert/sim/inspect/recorded_circuit.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/trial/loop_stability.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace dynvert {

namespace {

/// The weights of a projection as the file holds them.
Weights recorded_weights(const RunReader& file, const ProjectionConfig& p, std::size_t rows, std::size_t columns) {
  const std::string dataset = "/models/circuit/weights/" + p.name;
  const bool one_to_one = projection_kind(p.kind).one_to_one;
  const auto values = file.rows(dataset, 0, 1).values;
  const std::size_t expected = one_to_one ? 1 : rows * columns;
  if (values.size() != expected) {
    throw IoError(file.path() + ":" + dataset, fmt::format("has {} values", values.size()),
                  fmt::format("{}, as its configuration says", expected));
  }
  if (!std::ranges::all_of(values, [](double v) { return std::isfinite(v); }))
    throw IoError(file.path() + ":" + dataset, "holds values that are not finite");
  if (one_to_one) return values.front();
  // Armadillo keeps columns together, the file rows.
  return arma::mat(arma::mat(values.data(), columns, rows).t());
}

std::vector<UnitValues> states_of(const RightHandSide& f, const State& x) {
  std::vector<UnitValues> states;
  for (PopulationIndex p = 0; p < f.circuit().populations().size(); ++p) {
    const auto column = f.layout().view(std::span<const double>(x), p).column(0);
    states.push_back({f.circuit().populations()[p].name, {column.begin(), column.end()}});
  }
  return states;
}

std::vector<UnitValues> rates_of(const RightHandSide& f, std::vector<UnitValues> values) {
  for (PopulationIndex p = 0; p < values.size(); ++p) {
    std::vector<double>& x = values[p].values;
    rate_function(f.circuit().populations()[p].rate).value(x.data(), x.data(), x.size());
  }
  return values;
}

/// Largest difference of two states, relative to the largest value of either.
double relative_difference(const State& a, const State& b) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = std::max(difference, std::abs(a[i] - b[i]));
    size = std::max({size, std::abs(a[i]), std::abs(b[i])});
  }
  return size > 0 ? difference / size : 0;
}

}  // namespace

RecordedCircuit::RecordedCircuit(const RunReader& file, const Config& config)
    : file_(file),
      user_(user_circuit(config, [&file](const ProjectionConfig& p, std::size_t rows, std::size_t columns) {
        return recorded_weights(file, p, rows, columns);
      })) {}

std::string RecordedCircuit::changing_inputs() const {
  std::vector<std::string> names;
  for (const InputConfig& in : user_.config.inputs) {
    const bool is_on = in.duration == 0 || in.start + in.duration >= user_.config.dynamics.duration;
    if (is_on && signal_shape(in.shape) != InputSignal::Shape::step) names.push_back(in.name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

RecordedCircuit::Ended RecordedCircuit::ended(std::size_t trial) const {
  Ended at{.f = RightHandSide(user_.circuit, 1), .x = {}, .steady = {}, .missing = {}};
  State x(at.f.layout().size());
  for (PopulationIndex p = 0; p < user_.circuit.populations().size(); ++p) {
    const Population& population = user_.circuit.populations()[p];
    const std::string dataset = "/models/circuit/grid/end_" + population.name;
    const auto values = file_.rows(dataset, trial, 1).values;
    if (values.size() != population.units) {
      throw IoError(file_.path() + ":" + dataset, fmt::format("has {} units", values.size()),
                    fmt::format("{}, as its configuration says", population.units));
    }
    std::ranges::copy(values, at.f.layout().view(std::span<double>(x), p).column(0).begin());
  }
  if (!std::ranges::all_of(x, [](double v) { return std::isfinite(v); })) {
    at.missing = "the trial failed";
    return at;
  }
  at.x = std::move(x);
  user_.set_inputs(at.f, trial, user_.phases().back());
  if (at.f.layout().variables() > max_steady_variables) {
    at.missing = fmt::format("not computed: the circuit has more than {} variables", max_steady_variables);
  } else if (user_.circuit.has_noise()) {
    at.missing = "none: white noise keeps the circuit in motion";
  } else if (at.f.has_drives()) {
    at.missing = fmt::format("none: an input was still changing at the end ({})", changing_inputs());
  } else {
    try {
      at.steady = steady_state(at.f, at.x).x;
    } catch (const NumericalError& error) {
      at.missing = fmt::format("none that is unique: {}", error.what());
    }
  }
  return at;
}

FixedPoint RecordedCircuit::describe(RightHandSide& f, const State& x) const {
  FixedPoint point;
  point.states = states_of(f, x);
  point.rates = rates_of(f, point.states);
  const arma::cx_vec eigenvalues = spectrum(f, x, 0);
  point.eigenvalues.assign(eigenvalues.begin(), eigenvalues.end());
  std::ranges::sort(point.eigenvalues, std::ranges::greater(),
                    [](const std::complex<double>& v) { return std::pair(v.real(), v.imag()); });
  point.stability = circuit_stability(f, x);
  point.findings = circuit_findings(point.stability, user_.config.dynamics);
  return point;
}

CircuitTrial RecordedCircuit::trial(std::size_t trial) const {
  Ended at = ended(trial);
  CircuitTrial result{.trial = trial, .end = {}, .fixed_point = std::nullopt, .missing = at.missing};
  if (!at.x.empty()) result.end = states_of(at.f, at.x);
  if (at.steady.empty()) return result;
  result.fixed_point = describe(at.f, at.steady);
  result.settled = is_near(at.f.layout(), at.x, at.steady, user_.config.dynamics.settling_band);
  return result;
}

FixedPoints RecordedCircuit::fixed_points(std::size_t trials, std::size_t most) const {
  constexpr double same = 1e-6;  // Newton ends within 1e-12 of a root
  FixedPoints result;
  result.looked_at = std::min(trials, most);
  std::vector<State> states;
  for (std::size_t k = 0; k < result.looked_at; ++k) {
    const std::size_t number = result.looked_at == 1 ? 0 : k * (trials - 1) / (result.looked_at - 1);
    Ended at = ended(number);
    if (at.steady.empty()) {
      if (result.without++ == 0) result.missing = at.missing;
      continue;
    }
    const auto known =
        std::ranges::find_if(states, [&](const State& s) { return relative_difference(s, at.steady) < same; });
    if (known != states.end()) {
      ++result.found[static_cast<std::size_t>(known - states.begin())].trials;
      continue;
    }
    result.found.push_back({.first_trial = number, .trials = 1, .point = describe(at.f, at.steady)});
    states.push_back(std::move(at.steady));
  }
  return result;
}

}  // namespace dynvert
