// Dormand-Prince 5(4), by odeint.

#include <dynvert/sim/solvers/adaptive.hpp>

#include <boost/numeric/odeint/stepper/generation.hpp>
#include <boost/numeric/odeint/stepper/runge_kutta_dopri5.hpp>

namespace dynvert {

namespace odeint = boost::numeric::odeint;

namespace {

class Dopri5 final : public AdaptiveMethod {
 public:
  Dopri5(RightHandSide& f, const SolverSettings& s)
      : f_(f), stepper_(odeint::make_dense_output(s.atol, s.rtol, odeint::runge_kutta_dopri5<State>())) {}

  void start(const State& x, double t, double dt) override { stepper_.initialize(x, t, dt); }
  void step() override {
    stepper_.do_step([this](const State& x, State& dxdt, double t) {
      ++evaluations;
      f_(x, dxdt, t);
    });
  }
  [[nodiscard]] double time() const override { return stepper_.current_time(); }
  [[nodiscard]] double next_step() const override { return stepper_.current_time_step(); }
  [[nodiscard]] const State& state() override { return stepper_.current_state(); }
  [[nodiscard]] const State& previous_state() override { return stepper_.previous_state(); }
  [[nodiscard]] const State& state_at(double t) override {
    interpolated_.resize(f_.layout().size());
    stepper_.calc_state(t, interpolated_);
    return interpolated_;
  }

 private:
  RightHandSide& f_;
  odeint::result_of::make_dense_output<odeint::runge_kutta_dopri5<State>>::type stepper_;
  State interpolated_;
};

}  // namespace

SolverKind dopri5_solver() {
  return {.name = "dopri5",
          .summary = "Dormand-Prince 5(4), adaptive, dense output",
          .order = 5,
          .adaptive = true,
          .can_settle = true,
          .make = [](const SolverSettings& settings) {
            return make_adaptive(settings,
                                 [](RightHandSide& f, const SolverSettings& s) -> std::unique_ptr<AdaptiveMethod> {
                                   return std::make_unique<Dopri5>(f, s);
                                 });
          }};
}

}  // namespace dynvert
