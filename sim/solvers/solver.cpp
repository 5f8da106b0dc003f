#include <dynvert/models/error.hpp>
#include <dynvert/models/registry.hpp>
#include <dynvert/sim/solvers/fixed_step.hpp>
#include <dynvert/sim/solvers/solver.hpp>
#include <dynvert/sim/solvers/solver_support.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace dynvert {

const ColumnEnd* SolverRun::diverged() const {
  const auto found = std::ranges::find(columns, Ending::diverged, &ColumnEnd::ending);
  return found == columns.end() ? nullptr : &*found;
}

std::span<const SolverKind> solver_kinds() {
  static constexpr std::array kinds{
      SolverKind{.name = "euler",
                 .fixed_step = true,
                 .can_settle = true,
                 .coordinate_free = true,
                 .scheme = euler_scheme,
                 .make = make_euler},
      SolverKind{.name = "sequential_euler",
                 .fixed_step = true,
                 .can_settle = true,
                 .coordinate_free = true,
                 .one_by_one = true,
                 .scheme = sequential_euler_scheme,
                 .make = make_sequential_euler},
      SolverKind{.name = "rk4",
                 .fixed_step = true,
                 .can_settle = true,
                 .coordinate_free = true,
                 .scheme = rk4_scheme,
                 .make = make_rk4},
      SolverKind{.name = "dopri5", .adaptive = true, .can_settle = true, .make = make_dopri5},
      SolverKind{.name = "rosenbrock4", .adaptive = true, .can_settle = true, .make = make_rosenbrock4},
      SolverKind{.name = "exact", .coordinate_free = true, .make = make_exact},
      SolverKind{.name = "fixed_point", .has_trajectory = false, .make = make_fixed_point},
  };
  return kinds;
}

const SolverKind& solver_kind(std::string_view name) { return find_by_name(solver_kinds(), name, "solver"); }

std::optional<PopulationIndex> out_of_range(const Layout& layout, std::span<const double> x, std::size_t column,
                                            double limit) {
  for (PopulationIndex p = 0; p < layout.populations(); ++p) {
    if (any_out_of_range(layout.view(x, p).column(column), limit)) return p;
  }
  return std::nullopt;
}

bool has_settled(const RightHandSide& f, const State& x, const State& dxdt, std::size_t column, double tolerance) {
  double slope = 0;
  double size = 0;
  const Layout& layout = f.layout();
  // weights that move do so for as long as there is an error: they have no part in it
  for (PopulationIndex p = 0; p < f.circuit().populations().size(); ++p) {
    const double tau = f.tau(p, column);
    for (const double d : layout.view(std::span<const double>(dxdt), p).column(column))
      slope = std::max(slope, tau * std::abs(d));
    for (const double v : layout.view(std::span<const double>(x), p).column(column)) size = std::max(size, std::abs(v));
  }
  return slope <= tolerance * size;
}

std::size_t whole_steps(double duration, double h, std::string_view what) {
  const double ratio = duration / h;
  const double whole = std::round(ratio);
  if (!(whole >= 1) || std::abs(ratio - whole) > 1e-9 * whole) {
    throw ValueError(std::string(what), fmt::format("{} is no whole multiple of the step {}", duration, h),
                     fmt::format("{} or {}", std::max(1.0, std::floor(ratio)) * h, (std::floor(ratio) + 1) * h));
  }
  return static_cast<std::size_t>(whole);
}

SolverRun run_single_columns(RightHandSide& f, State& x, const Segment& segment, Trajectory* trajectory,
                             double interval, const SingleColumn& run) {
  const Layout& layout = f.layout();
  SolverRun result;
  if (trajectory != nullptr) {
    trajectory->start(layout, segment.start, interval);
    const State nothing(layout.size(), std::numeric_limits<double>::quiet_NaN());
    const std::size_t samples = 1 + static_cast<std::size_t>(std::floor(segment.duration / interval * (1 + 1e-12)));
    for (std::size_t k = 0; k < samples; ++k) trajectory->append(nothing);
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
    const auto sample = [&](std::size_t k, const State& values) {
      if (trajectory != nullptr && k < trajectory->samples()) {
        layout.scatter(own.gather(values, 0), c, trajectory->sample(k));
      }
    };
    sample(0, column_state);
    result.columns.push_back(run(*single, column_state, sample));
    layout.scatter(own.gather(column_state, 0), c, x);
  }
  return result;
}

}  // namespace dynvert
