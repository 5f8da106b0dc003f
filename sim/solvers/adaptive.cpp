// Solvers with adaptive steps and dense output, by odeint: dopri5 and rosenbrock4. One driver for both; each column
// takes its own steps.

#include <dynvert/models/error.hpp>
#include <dynvert/sim/solvers/rosenbrock4_stepper.hpp>
#include <dynvert/sim/solvers/solver_support.hpp>

#include <fmt/format.h>
#include <boost/numeric/odeint/stepper/generation.hpp>
#include <boost/numeric/odeint/stepper/runge_kutta_dopri5.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace dynvert {

namespace odeint = boost::numeric::odeint;

namespace {

/// Step of the differences by time, relative to the time.
constexpr double time_difference = 1e-7;

/// dopri5 on the state as it is.
class Dopri5 {
 public:
  using Vector = State;
  Dopri5(RightHandSide& f, const SolverSettings& s)
      : f_(f), stepper_(odeint::make_dense_output(s.atol, s.rtol, odeint::runge_kutta_dopri5<State>())) {}

  /// A new stepper, not a reset one: dopri5 reuses the last derivative, which is stale once an input has changed.
  void start(const Vector& x, double t, double dt) { stepper_.initialize(x, t, dt); }
  void step() {
    stepper_.do_step([this](const State& x, State& dxdt, double t) {
      ++evaluations;
      f_(x, dxdt, t);
    });
  }
  auto& dense() { return stepper_; }
  [[nodiscard]] static const State& to_state(const Vector& x) { return x; }
  [[nodiscard]] static Vector from_state(const State& x) { return x; }

  std::size_t evaluations = 0;

 private:
  RightHandSide& f_;
  odeint::result_of::make_dense_output<odeint::runge_kutta_dopri5<State>>::type stepper_;
};

/// rosenbrock4 takes the column's variables without padding, and the Jacobian.
class Rosenbrock4 {
 public:
  using Vector = std::vector<double>;
  Rosenbrock4(RightHandSide& f, const SolverSettings& s)
      : f_(f),
        x_(f.layout().size()),
        dxdt_(x_),
        stepper_(
            f.layout().variables(), s.atol, s.rtol,
            [this](const double* x, double t, double* dxdt) { slope(x, t, dxdt); },
            [this](const double* x, double t, double* J, double* dfdt) { jacobian(x, t, J, dfdt); }) {}

  void start(const Vector& x, double t, double dt) { stepper_.start(x, t, dt); }
  void step() { stepper_.step(); }
  auto& dense() { return stepper_; }
  [[nodiscard]] const State& to_state(const Vector& x) {
    scatter(x.data());
    return x_;
  }
  [[nodiscard]] Vector from_state(const State& x) const {
    return arma::conv_to<Vector>::from(f_.layout().gather(x, 0));
  }

  std::size_t evaluations = 0;

 private:
  void scatter(const double* x) { f_.layout().scatter(arma::vec(x, f_.layout().variables()), 0, x_); }

  void slope(const double* x, double t, double* dxdt) {
    ++evaluations;
    scatter(x);
    f_(x_, dxdt_, t);
    const arma::vec values = f_.layout().gather(dxdt_, 0);
    std::copy(values.begin(), values.end(), dxdt);
  }

  void jacobian(const double* x, double t, double* J, double* dfdt) {
    const std::size_t n = f_.layout().variables();
    scatter(x);
    const arma::mat values = f_.jacobian(x_, 0);
    std::copy(values.begin(), values.end(), J);
    std::fill_n(dfdt, n, 0.0);
    if (!f_.has_drives()) return;
    // an input that moves: forward difference, one-sided so that a switch behind t is not seen
    const double h = time_difference * std::max(1.0, std::abs(t));
    Vector now(n);
    slope(x, t, now.data());
    slope(x, t + h, dfdt);
    for (std::size_t i = 0; i < n; ++i) dfdt[i] = (dfdt[i] - now[i]) / h;
  }

  RightHandSide& f_;
  State x_, dxdt_;
  Rosenbrock4Stepper stepper_;
};

template <typename Method>
class AdaptiveSolver final : public Solver {
 public:
  explicit AdaptiveSolver(const SolverSettings& settings) : settings_(settings) {}

  SolverRun run(RightHandSide& f, State& x, const Segment& segment, Trajectory* trajectory, double interval) override {
    std::size_t evaluations = 0;
    SolverRun result = run_single_columns(
        f, x, segment, trajectory, interval, [&](RightHandSide& g, State& state, const auto& sample) {
          Method method(g, settings_);
          const ColumnEnd end = column(method, g, state, segment, trajectory != nullptr ? interval : 0, sample);
          evaluations += method.evaluations;
          return end;
        });
    result.evaluations = evaluations;
    for (const ColumnEnd& end : result.columns) result.steps = std::max(result.steps, end.steps);
    return result;
  }

 private:
  ColumnEnd column(Method& method, RightHandSide& f, State& x, const Segment& segment, double interval,
                   const std::function<void(std::size_t, const State&)>& sample) const {
    const double end = segment.start + segment.duration;
    // what is left below this is rounding of the last step
    const double resolution = 1e-13 * std::max({std::abs(segment.start), std::abs(end), segment.duration});
    double t = segment.start;
    std::size_t steps = 0;
    std::size_t next_sample = 1;
    State slope(x.size());
    typename Method::Vector interpolated = method.from_state(x);
    method.start(interpolated, t, std::min(settings_.dt, segment.duration));
    while (end - t > resolution) {
      if (steps++ == settings_.max_steps) {
        throw NumericalError(
            "adaptive solver", fmt::format("max_steps = {} taken at time {:g}", settings_.max_steps, t),
            "a larger rtol or atol, rosenbrock4 if the circuit is stiff, or a larger max_steps", Fault::step_limit);
      }
      const double step = method.dense().current_time_step();
      if (step > end - t) restart(method, t, end - t);
      // The controlled steppers take a step whose error is NaN for a success; then a shorter one is tried, until the
      // step no longer moves the time.
      if (!advance(method, f, x, t)) return {Ending::diverged, t, 0, steps};
      if (!finite(method.to_state(method.dense().current_state()))) {
        const double shorter = 0.1 * (method.dense().current_time() - t);
        if (shorter < resolution) {
          x = method.to_state(method.dense().current_state());
          return {Ending::diverged, t, out_of_range(f.layout(), x, 0, settings_.divergence_limit).value_or(0), steps};
        }
        const typename Method::Vector before = method.dense().previous_state();
        method.start(before, t, shorter);
        continue;
      }
      t = method.dense().current_time();
      if (end - t <= resolution) t = end;
      for (; interval > 0; ++next_sample) {
        const double at = segment.start + static_cast<double>(next_sample) * interval;
        if (at > t + resolution) break;
        if (at >= method.dense().current_time()) {
          sample(next_sample, method.to_state(method.dense().current_state()));
        } else {
          method.dense().calc_state(at, interpolated);
          sample(next_sample, method.to_state(interpolated));
        }
      }
      x = method.to_state(method.dense().current_state());
      if (const auto p = out_of_range(f.layout(), x, 0, settings_.divergence_limit))
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
  static bool advance(Method& method, RightHandSide& f, const State& x, double t) {
    try {
      method.step();
      return true;
    } catch (const odeint::odeint_error& error) {
      State slope(x.size());
      // as far ahead as the differences by time look (Rosenbrock4::jacobian)
      f(x, slope, t + 2 * time_difference * std::max(1.0, std::abs(t)));
      if (!finite(slope)) return false;
      throw NumericalError("adaptive solver", fmt::format("no step is small enough at time {:g} ({})", t, error.what()),
                           "a larger rtol or atol, or rosenbrock4 if the circuit is stiff", Fault::step_limit);
    }
  }

  static void restart(Method& method, double t, double dt) {
    const typename Method::Vector x = method.dense().current_state();
    method.start(x, t, dt);
  }

  static bool finite(const State& x) {
    return std::ranges::all_of(x, [](double v) { return std::isfinite(v); });
  }

  SolverSettings settings_;
};

}  // namespace

std::unique_ptr<Solver> make_dopri5(const SolverSettings& settings) {
  return std::make_unique<AdaptiveSolver<Dopri5>>(settings);
}

std::unique_ptr<Solver> make_rosenbrock4(const SolverSettings& settings) {
  return std::make_unique<AdaptiveSolver<Rosenbrock4>>(settings);
}

}  // namespace dynvert
