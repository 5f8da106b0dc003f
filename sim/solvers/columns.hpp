#pragma once

/// What solvers do column by column: look whether a column has ended, and run single columns.

#include <dynvert/sim/solvers/solver.hpp>

#include <functional>
#include <optional>

namespace dynvert {

/// The population of a column that is not finite or beyond the limit, if there is one.
[[nodiscard]] std::optional<PopulationIndex> out_of_range(const Layout& layout, std::span<const double> x,
                                                          std::size_t column, double limit);
/// The same of any column.
[[nodiscard]] std::optional<PopulationIndex> out_of_range(const Layout& layout, std::span<const double> x,
                                                          double limit);
/// The settling criterion of one column: max over populations of tau_i |dx_i/dt| <= tolerance times the largest |x|.
[[nodiscard]] bool has_settled(const RightHandSide& f, const State& x, const State& dxdt, std::size_t column,
                               double tolerance);

/// Of solvers that cannot add white noise. @throws ValueError  a population has it
void refuse_noise(const Circuit& circuit);

/// Runs columns one by one through a solver of single columns: x and f with one column, and the samples of that column.
/// What the adaptive solvers use: a column's steps are its own, whoever shares the batch. Columns that share weights
/// which move are one system, and run together.
using SingleColumn = std::function<ColumnEnd(RightHandSide& f, State& x,
                                             const std::function<void(std::size_t k, const State&)>& sample)>;
SolverRun run_single_columns(RightHandSide& f, State& x, const Segment& segment, Trajectory* trajectory,
                             double interval, const SingleColumn& run);

}  // namespace dynvert
