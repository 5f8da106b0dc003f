// Rosenbrock 4(3), for stiff circuits, by odeint (rosenbrock4_stepper.hpp). It takes the column's variables without
// padding, and the Jacobian.

#include <dynvert/sim/solvers/adaptive.hpp>
#include <dynvert/sim/solvers/rosenbrock4_stepper.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace dynvert {

namespace {

class Rosenbrock4 final : public AdaptiveMethod {
 public:
  Rosenbrock4(RightHandSide& f, const SolverSettings& s)
      : f_(f),
        x_(f.layout().size()),
        dxdt_(x_),
        shown_(x_),
        stepper_(
            f.layout().variables(), s.atol, s.rtol,
            [this](const double* x, double t, double* dxdt) { slope(x, t, dxdt); },
            [this](const double* x, double t, double* J, double* dfdt) { jacobian(x, t, J, dfdt); }) {}

  void start(const State& x, double t, double dt) override {
    stepper_.start(arma::conv_to<std::vector<double>>::from(f_.layout().gather(x, 0)), t, dt);
  }
  void step() override { stepper_.step(); }
  [[nodiscard]] double time() const override { return stepper_.current_time(); }
  [[nodiscard]] double next_step() const override { return stepper_.current_time_step(); }
  [[nodiscard]] const State& state() override { return padded_state(stepper_.current_state()); }
  [[nodiscard]] const State& previous_state() override { return padded_state(stepper_.previous_state()); }
  [[nodiscard]] const State& state_at(double t) override {
    std::vector<double> x(f_.layout().variables());
    stepper_.calc_state(t, x);
    return padded_state(x);
  }

 private:
  const State& padded_state(const std::vector<double>& x) {
    f_.layout().scatter(arma::vec(x), 0, shown_);
    return shown_;
  }

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
    std::vector<double> now(n);
    slope(x, t, now.data());
    slope(x, t + h, dfdt);
    for (std::size_t i = 0; i < n; ++i) dfdt[i] = (dfdt[i] - now[i]) / h;
  }

  RightHandSide& f_;
  State x_, dxdt_, shown_;
  Rosenbrock4Stepper stepper_;
};

}  // namespace

SolverKind rosenbrock4_solver() {
  return {.name = "rosenbrock4",
          .summary = "Rosenbrock 4(3), adaptive, dense output, for stiff circuits",
          .order = 4,
          .adaptive = true,
          .can_settle = true,
          .single_columns = true,
          .make = [](const SolverSettings& settings) {
            return make_adaptive(settings,
                                 [](RightHandSide& f, const SolverSettings& s) -> std::unique_ptr<AdaptiveMethod> {
                                   return std::make_unique<Rosenbrock4>(f, s);
                                 });
          }};
}

}  // namespace dynvert
