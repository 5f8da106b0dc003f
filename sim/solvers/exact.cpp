// The exact solution of a linear circuit under constant input, by the exponential of the augmented matrix
// [[J, c], [0, 0]] (Van Loan 1978), which needs no inverse and so holds for singular J.

#include <dynvert/analysis/matrix_exponential.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/sim/solvers/columns.hpp>

namespace dynvert {

namespace {

class ExactSolver final : public Solver {
 public:
  explicit ExactSolver(const SolverSettings& settings) : limit_(settings.divergence_limit) {}

  SolverRun run(RightHandSide& f, State& x, const Segment& segment, Trajectory* trajectory, double interval) override {
    if (!f.circuit().is_linear()) throw ValueError("solver exact", "the circuit is not linear", "linear circuits");
    if (f.has_drives()) throw ValueError("solver exact", "an input depends on time", "constant inputs");
    SolverRun result = run_single_columns(
        f, x, segment, trajectory, interval, [&](RightHandSide& g, State& state, const auto& sample) {
          return column(g, state, segment, trajectory != nullptr ? interval : 0, sample);
        });
    result.steps = 1;
    result.evaluations = f.layout().columns();
    return result;
  }

 private:
  ColumnEnd column(RightHandSide& f, State& x, const Segment& segment, double interval,
                   const std::function<void(std::size_t, const State&)>& sample) const {
    const Layout& layout = f.layout();
    const arma::uword n = layout.variables();
    const State zero(layout.size());
    State constant(layout.size());
    f(zero, constant, segment.start);
    arma::mat generator(n + 1, n + 1);
    generator.submat(0, 0, n - 1, n - 1) = f.jacobian(zero, 0);
    generator.submat(0, n, n - 1, n) = layout.gather(constant, 0);
    const arma::vec start = arma::join_cols(layout.gather(x, 0), arma::vec{1.0});

    // Samples go by powers of their own propagator; the state at the end does not depend on them.
    if (interval > 0) {
      const arma::mat propagator = matrix_exponential(generator * interval);
      arma::vec z = start;
      State state(layout.size());
      const auto samples = static_cast<std::size_t>(std::floor(segment.duration / interval * (1 + 1e-12)));
      for (std::size_t k = 1; k <= samples; ++k) {
        z = propagator * z;
        layout.scatter(z.head(n), 0, state);
        if (const auto p = out_of_range(layout, state, 0, limit_)) {
          x = state;
          return {Ending::diverged, segment.start + static_cast<double>(k) * interval, *p, 1};
        }
        sample(k, state);
      }
    }
    layout.scatter(arma::vec(matrix_exponential(generator * segment.duration) * start).head(n), 0, x);
    const double end = segment.start + segment.duration;
    if (const auto p = out_of_range(layout, x, 0, limit_)) return {Ending::diverged, end, *p, 1};
    return {Ending::finished, end, 0, 1};
  }

  double limit_;
};

}  // namespace

SolverKind exact_solver() {
  return {.name = "exact",
          .summary = "the matrix exponential; linear circuits with constant input",
          .linear_only = true,
          .coordinate_free = true,
          .make = [](const SolverSettings& settings) -> std::unique_ptr<Solver> {
            return std::make_unique<ExactSolver>(settings);
          }};
}

}  // namespace dynvert
