// Heun's method, the explicit trapezoidal rule (Hairer, Norsett & Wanner, Solving Ordinary Differential Equations I,
// 1993, section II.1):
//
//     k_1 = f(t, x),   k_2 = f(t + dt, x + dt k_1),   x <- x + dt/2 (k_1 + k_2)

#include <dynvert/analysis/stable_step.hpp>
#include <dynvert/sim/solvers/odeint_scheme.hpp>

#include <boost/fusion/container/vector.hpp>
#include <boost/numeric/odeint/stepper/explicit_generic_rk.hpp>

namespace dynvert {

namespace {

/// odeint has the algorithm for any tableau, but no stepper for this one.
class HeunStepper : public boost::numeric::odeint::explicit_generic_rk<2, 2, State> {
 public:
  HeunStepper()
      : explicit_generic_rk(coef_a_type(boost::array<double, 1>{{1.0}}), coef_b_type{{0.5, 0.5}},
                            coef_c_type{{0.0, 1.0}}) {}
};

Scheme heun_scheme() { return odeint_scheme<HeunStepper>(2); }

/// R(z) - 1 = z + z^2/2; |R| >= 1 from |z| = 3 on
double heun_stable_step(const arma::cx_vec& lambda) {
  return largest_stable_step([](std::complex<double> z) { return z * (1.0 + z / 2.0); }, 3, lambda);
}

}  // namespace

SolverKind heun_solver() {
  return {.name = "heun",
          .summary = "Heun's method, the explicit trapezoidal rule",
          .order = 2,
          .fixed_step = true,
          .can_settle = true,
          .coordinate_free = true,
          .largest_stable_step = [](const CycleModes& modes) { return heun_stable_step(spectrum(modes)); },
          .largest_stable_step_of_spectrum = heun_stable_step,
          .steps = StepScheme{.a = {{}, {1}}, .b = {0.5, 0.5}},
          .scheme = heun_scheme,
          .make = [](const SolverSettings& settings) { return make_fixed_step(settings, heun_scheme()); }};
}

}  // namespace dynvert
