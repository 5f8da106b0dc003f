#pragma once

/// Solvers advance a circuit through a segment of time: the circuit says what moves, the solver how, the trajectory
/// takes what is asked for. Recording never changes the solution: samples are copies (fixed steps) or interpolations
/// (dense output) and no step is shortened for one.
///
/// | name             | scheme                                                    | order |
/// |------------------|-----------------------------------------------------------|-------|
/// | euler            | forward Euler (odeint)                                    | 1     |
/// | sequential_euler | Euler, population after population with the newest values | 1     |
/// | rk4              | Runge-Kutta 4 (odeint)                                    | 4     |
/// | dopri5           | Dormand-Prince 5(4), adaptive, dense output (odeint)      | 5     |
/// | rosenbrock4      | Rosenbrock 4(3), adaptive, stiff (odeint)                 | 4     |
/// | exact            | matrix exponential; linear circuits                       | exact |
/// | fixed_point      | the steady state: direct, or Newton                       | -     |
///
/// A new solver is one file and one line in solver.cpp.

#include <dynvert/analysis/trajectory.hpp>
#include <dynvert/models/circuit/right_hand_side.hpp>

#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace dynvert {

struct SolverSettings {
  double dt = 0.5;              ///< step; of the adaptive solvers the first step
  double settle_tolerance = 0;  ///< > 0: a column ends when max tau_i |dx_i/dt| <= tolerance max |x|
  double rtol = 1e-6, atol = 1e-9;
  double divergence_limit = 1e6;  ///< a column ends as diverged when a state is not finite or larger than this
  std::size_t max_steps = 1'000'000;
  std::size_t threads = 1;  ///< for batches; nothing depends on it
};

/// A stretch of time in which inputs do not switch.
struct Segment {
  double start = 0;
  double duration = 0;
};

enum class Ending { finished, settled, diverged };

struct ColumnEnd {
  Ending ending = Ending::finished;
  double time = 0;
  PopulationIndex population = 0;  ///< diverged: the one that left the allowed range
  std::size_t steps = 0;           ///< that it took; Newton iterations of fixed_point
};

struct SolverRun {
  std::vector<ColumnEnd> columns;
  std::size_t steps = 0;        ///< the most that a column took
  std::size_t evaluations = 0;  ///< of the right-hand side, all columns; one for a step of sequential Euler

  /// the first column that diverged, or nullptr
  [[nodiscard]] const ColumnEnd* diverged() const;
};

class Solver {
 public:
  virtual ~Solver() = default;
  Solver() = default;
  Solver(const Solver&) = delete;
  Solver& operator=(const Solver&) = delete;

  /// Advances x (of f's layout) through the segment. A column that settles or diverges keeps the state it ended with.
  /// @param trajectory  nullptr, or where samples go, `interval` apart from the segment's start on; columns that have
  /// ended
  ///                    are NaN in it. Fixed steps: the interval is a multiple of dt.
  /// @throws NumericalError  step limit, a singular or non-converging steady state
  /// @throws ValueError      a circuit that the solver cannot take (exact: not linear)
  virtual SolverRun run(RightHandSide& f, State& x, const Segment& segment, Trajectory* trajectory,
                        double interval) = 0;
};

struct Scheme;  // fixed_step.hpp

struct SolverKind {
  std::string_view name;
  bool fixed_step = false;     ///< dt divides durations and intervals
  bool adaptive = false;       ///< has tolerances
  bool can_settle = false;     ///< looks at the slope on its way, so that a phase can end early
  bool has_trajectory = true;  ///< false: it gives a state and no path to it
  /// in any linear coordinates of a circuit its result is the same, but for rounding
  bool coordinate_free = false;
  bool one_by_one = false;       ///< a step moves one population after the other, each with the newest values
  Scheme (*scheme)() = nullptr;  ///< of fixed steps
  std::unique_ptr<Solver> (*make)(const SolverSettings&) = nullptr;
};

[[nodiscard]] std::span<const SolverKind> solver_kinds();
/// @throws ValueError naming the known solvers
[[nodiscard]] const SolverKind& solver_kind(std::string_view name);

}  // namespace dynvert
