#pragma once

/// Solvers advance a circuit through a segment of time: the circuit says what moves, the solver how, the trajectory
/// takes what is asked for. Recording never changes the solution: samples are copies (fixed steps) or interpolations
/// (dense output) and no step is shortened for one.
///
/// A solver is a file of this folder with a function that returns its SolverKind, and one line in registry.cpp. What
/// solvers share: fixed_step.hpp (equal steps), adaptive.hpp (steps that follow an error estimate), columns.hpp.

#include <dynvert/analysis/cycle.hpp>
#include <dynvert/analysis/step_scheme.hpp>
#include <dynvert/analysis/trajectory.hpp>
#include <dynvert/models/circuit/right_hand_side.hpp>
#include <dynvert/models/parameter.hpp>

#include <functional>
#include <memory>
#include <optional>
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
  std::size_t threads = 1;          ///< for batches; nothing depends on it
  ParameterValues parameters = {};  ///< of keys that the solver declares
};

/// An interval of time in which inputs do not switch.
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
  ///                    ended are NaN in it. Fixed steps: the interval is a multiple of dt.
  /// @throws NumericalError  step limit, a singular or non-converging steady state
  /// @throws ValueError      a circuit that the solver cannot take (exact: not linear)
  virtual SolverRun run(RightHandSide& f, State& x, const Segment& segment, Trajectory* trajectory,
                        double interval) = 0;
};

struct Scheme;  // fixed_step.hpp

/// A solver as the registry knows it: what the rest of the program asks in place of its name.
struct SolverKind {
  std::string_view name;
  std::string_view summary;                ///< one line for people
  std::vector<Parameter> parameters = {};  ///< keys of [dynamics] that it declares itself
  std::size_t order = 0;                   ///< of convergence in the step; 0: without a step
  bool fixed_step = false;                 ///< dt divides durations and intervals
  bool adaptive = false;                   ///< has tolerances
  bool can_settle = false;                 ///< looks at the slope on its way, so that a phase can end early
  bool has_trajectory = true;              ///< false: it gives a state and no path to it
  bool linear_only = false;                ///< takes linear circuits with constant input
  bool coordinate_free = false;            ///< gives the same result in all linear coordinates, up to rounding error
  bool takes_noise = false;                ///< adds the white noise of populations; the others refuse it
  bool single_columns = false;             ///< cannot move weights that several columns share
  bool one_by_one = false;                 ///< a step moves one population after the other, each with the newest values
  /// The largest step with which all deviations of a linear(ised) loop decay, units time; NaN where the loop itself is
  /// not stable. Empty: the solver has no such limit.
  std::function<double(const CycleModes&)> largest_stable_step = nullptr;
  /// The same from the spectrum (1/time) of any loop, also of one that is no cycle. Empty: no limit, or one that does
  /// not follow from the spectrum (one_by_one).
  std::function<double(const arma::cx_vec& lambda)> largest_stable_step_of_spectrum = nullptr;
  /// The same steps as a formula, for gradients along trajectories; nothing: there are none.
  std::optional<StepScheme> steps = std::nullopt;
  Scheme (*scheme)() = nullptr;  ///< of fixed steps
  std::unique_ptr<Solver> (*make)(const SolverSettings&) = nullptr;
};

[[nodiscard]] std::span<const SolverKind> solver_kinds();
/// @throws ValueError naming the known solvers
[[nodiscard]] const SolverKind& solver_kind(std::string_view name);

}  // namespace dynvert
