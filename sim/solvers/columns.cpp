#include <dynvert/models/error.hpp>
#include <dynvert/sim/solvers/columns.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace dynvert {

const ColumnEnd* SolverRun::diverged() const {
  const auto found = std::ranges::find(columns, Ending::diverged, &ColumnEnd::ending);
  return found == columns.end() ? nullptr : &*found;
}

std::optional<PopulationIndex> out_of_range(const Layout& layout, std::span<const double> x, std::size_t column,
                                            double limit) {
  for (PopulationIndex p = 0; p < layout.populations(); ++p) {
    if (any_out_of_range(layout.view(x, p).column(column), limit)) return p;
  }
  return std::nullopt;
}

std::optional<PopulationIndex> out_of_range(const Layout& layout, std::span<const double> x, double limit) {
  for (std::size_t c = 0; c < layout.columns(); ++c) {
    if (const auto p = out_of_range(layout, x, c, limit)) return p;
  }
  return std::nullopt;
}

bool has_settled(const RightHandSide& f, const State& x, const State& dxdt, std::size_t column, double tolerance) {
  double slope = 0;
  double size = 0;
  const Layout& layout = f.layout();
  // weights that move do so for as long as there is an error: they have no part in it
  for (PopulationIndex p = 0; p < f.circuit().populations().size(); ++p) {
    if (!f.circuit().populations()[p].moves()) continue;
    const double tau = f.tau(p, column);
    for (const double d : layout.view(std::span<const double>(dxdt), p).column(column))
      slope = std::max(slope, tau * std::abs(d));
    for (const double v : layout.view(std::span<const double>(x), p).column(column)) size = std::max(size, std::abs(v));
  }
  return slope <= tolerance * size;
}

void refuse_noise(const Circuit& circuit) {
  const auto noisy = std::ranges::find_if(circuit.populations(), [](const Population& p) { return p.noise > 0; });
  if (noisy == circuit.populations().end()) return;
  throw ValueError(fmt::format("population \"{}\"", noisy->name), "has white noise, which the solver cannot add",
                   "the solver euler_maruyama, or noise = 0");
}

SolverRun run_single_columns(RightHandSide& f, State& x, const Segment& segment, Trajectory* trajectory,
                             double interval, const SingleColumn& run) {
  refuse_noise(f.circuit());
  const Layout& layout = f.layout();
  SolverRun result;
  if (trajectory != nullptr) {
    trajectory->start(layout, segment.start, interval);
    const State nothing(layout.size(), std::numeric_limits<double>::quiet_NaN());
    const std::size_t samples = 1 + static_cast<std::size_t>(std::floor(segment.duration / interval * (1 + 1e-12)));
    for (std::size_t k = 0; k < samples; ++k) trajectory->append(nothing);
  }
  if (layout.columns() > 1 && !f.circuit().plasticity().empty()) {
    State shown;
    const auto sample = [&](std::size_t k, const State& values) {
      if (trajectory == nullptr || k >= trajectory->samples()) return;
      shown.assign(values.begin(), values.end());
      f.complete(shown, trajectory->time(k));
      std::ranges::copy(shown, trajectory->sample(k).begin());
    };
    sample(0, x);
    const ColumnEnd end = run(f, x, sample);
    f.complete(x, end.time);
    result.columns.assign(layout.columns(), end);
    return result;
  }
  std::optional<RightHandSide> reduced;
  State column_state;
  for (std::size_t c = 0; c < layout.columns(); ++c) {
    RightHandSide* single = &f;
    if (layout.columns() > 1) {
      if (!reduced) reduced.emplace(f);
      reduced->take_column(f, c);
      single = &*reduced;
    }
    const Layout& own = single->layout();
    column_state.assign(own.size(), 0.0);
    own.scatter(layout.gather(x, c), 0, column_state);
    State shown;
    const auto sample = [&](std::size_t k, const State& values) {
      if (trajectory == nullptr || k >= trajectory->samples()) return;
      shown.assign(values.begin(), values.end());
      single->complete(shown, trajectory->time(k));
      layout.scatter(own.gather(shown, 0), c, trajectory->sample(k));
    };
    sample(0, column_state);
    result.columns.push_back(run(*single, column_state, sample));
    single->complete(column_state, result.columns.back().time);
    layout.scatter(own.gather(column_state, 0), c, x);
  }
  return result;
}

}  // namespace dynvert
