// What the solvers with adaptive steps share: where steps begin and end, samples, columns that end.

#include <dynvert/models/error.hpp>
#include <dynvert/sim/platform/interruption.hpp>
#include <dynvert/sim/solvers/adaptive.hpp>
#include <dynvert/sim/solvers/columns.hpp>

#include <fmt/format.h>
#include <boost/numeric/odeint/util/odeint_error.hpp>

#include <algorithm>
#include <cmath>

namespace dynvert {

namespace {

class AdaptiveSolver final : public Solver {
 public:
  AdaptiveSolver(const SolverSettings& settings, MakeAdaptiveMethod method)
      : settings_(settings), make_method_(method) {}

  SolverRun run(RightHandSide& f, State& x, const Segment& segment, Trajectory* trajectory, double interval) override {
    std::size_t evaluations = 0;
    SolverRun result = run_single_columns(
        f, x, segment, trajectory, interval, [&](RightHandSide& g, State& state, const auto& sample) {
          // a new one for each run: dopri5 reuses the last derivative, which is stale once an input has changed
          const auto method = make_method_(g, settings_);
          const ColumnEnd end = column(*method, g, state, segment, trajectory != nullptr ? interval : 0, sample);
          evaluations += method->evaluations;
          return end;
        });
    result.evaluations = evaluations;
    for (const ColumnEnd& end : result.columns) result.steps = std::max(result.steps, end.steps);
    return result;
  }

 private:
  ColumnEnd column(AdaptiveMethod& method, RightHandSide& f, State& x, const Segment& segment, double interval,
                   const std::function<void(std::size_t, const State&)>& sample) const {
    const double end = segment.start + segment.duration;
    // what is left below this is rounding of the last step
    const double resolution = 1e-13 * std::max({std::abs(segment.start), std::abs(end), segment.duration});
    double t = segment.start;
    std::size_t steps = 0;
    std::size_t next_sample = 1;
    State slope(x.size());
    method.start(x, t, std::min(settings_.dt, segment.duration));
    while (end - t > resolution) {
      work_advanced(t - segment.start, segment.duration);
      if (steps++ == settings_.max_steps) {
        throw NumericalError(
            "adaptive solver", fmt::format("max_steps = {} taken at time {:g}", settings_.max_steps, t),
            "a larger rtol or atol, rosenbrock4 if the circuit is stiff, or a larger max_steps", Fault::step_limit);
      }
      if (method.next_step() > end - t) method.start(State(method.state()), t, end - t);
      // The controlled steppers take a step whose error is NaN for a success; then a shorter one is tried, until the
      // step no longer moves the time.
      if (!advance(method, f, x, t)) return {Ending::diverged, t, 0, steps};
      if (!finite(method.state())) {
        const double shorter = 0.1 * (method.time() - t);
        if (shorter < resolution) {
          x = method.state();
          return {Ending::diverged, t, out_of_range(f.layout(), x, settings_.divergence_limit).value_or(0), steps};
        }
        method.start(State(method.previous_state()), t, shorter);
        continue;
      }
      t = method.time();
      if (end - t <= resolution) t = end;
      for (; interval > 0; ++next_sample) {
        const double at = segment.start + static_cast<double>(next_sample) * interval;
        if (at > t + resolution) break;
        sample(next_sample, at >= method.time() ? method.state() : method.state_at(at));
      }
      x = method.state();
      if (const auto p = out_of_range(f.layout(), x, settings_.divergence_limit))
        return {Ending::diverged, t, *p, steps};
      if (settings_.settle_tolerance > 0) {
        f(x, slope, t);
        ++method.evaluations;
        if (has_settled(f, x, slope, 0, settings_.settle_tolerance)) return {Ending::settled, t, 0, steps};
      }
    }
    return {Ending::finished, end, 0, steps};
  }

  /// odeint gives up on a step that it cannot make small enough with an exception of its own.
  /// @return false where the reason is a slope that is not finite just ahead
  static bool advance(AdaptiveMethod& method, RightHandSide& f, const State& x, double t) {
    try {
      method.step();
      return true;
    } catch (const boost::numeric::odeint::odeint_error& error) {
      State slope(x.size());
      // as far ahead as the differences by time look (rosenbrock4.cpp)
      f(x, slope, t + 2 * time_difference * std::max(1.0, std::abs(t)));
      if (!finite(slope)) return false;
      throw NumericalError("adaptive solver", fmt::format("no step is small enough at time {:g} ({})", t, error.what()),
                           "a larger rtol or atol, or rosenbrock4 if the circuit is stiff", Fault::step_limit);
    }
  }

  static bool finite(const State& x) {
    return std::ranges::all_of(x, [](double v) { return std::isfinite(v); });
  }

  SolverSettings settings_;
  MakeAdaptiveMethod make_method_;
};

}  // namespace

std::unique_ptr<Solver> make_adaptive(const SolverSettings& settings, MakeAdaptiveMethod method) {
  return std::make_unique<AdaptiveSolver>(settings, method);
}

}  // namespace dynvert
