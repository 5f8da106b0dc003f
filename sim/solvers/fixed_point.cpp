// The steady state in place of the way to it: the paper's non-dynamic inversion, for any circuit.

#include <dynvert/analysis/steady_state.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/sim/solvers/columns.hpp>

namespace dynvert {

namespace {

class FixedPointSolver final : public Solver {
 public:
  explicit FixedPointSolver(const SolverSettings& settings) : limit_(settings.divergence_limit) {}

  SolverRun run(RightHandSide& f, State& x, const Segment& segment, Trajectory* trajectory, double) override {
    if (trajectory != nullptr)
      throw ValueError("solver fixed_point", "a trajectory was requested", "only the final state");
    refuse_noise(f.circuit());
    const SteadyState steady = steady_state(f, x);
    x = steady.x;
    f.complete(x, segment.start);
    SolverRun result;
    result.steps = steady.iterations;
    result.evaluations = steady.evaluations;
    for (std::size_t c = 0; c < f.layout().columns(); ++c) {
      const auto p = out_of_range(f.layout(), x, c, limit_);
      result.columns.push_back(p ? ColumnEnd{Ending::diverged, segment.start, *p, steady.iterations}
                                 : ColumnEnd{Ending::settled, segment.start, 0, steady.iterations});
    }
    return result;
  }

 private:
  double limit_;
};

}  // namespace

SolverKind fixed_point_solver() {
  return {.name = "fixed_point",
          .summary = "the steady state: directly, or by Newton's method",
          .has_trajectory = false,
          .make = [](const SolverSettings& settings) -> std::unique_ptr<Solver> {
            return std::make_unique<FixedPointSolver>(settings);
          }};
}

}  // namespace dynvert
