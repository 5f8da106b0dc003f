// Runge-Kutta 4, by odeint.

#include <dynvert/analysis/stable_step.hpp>
#include <dynvert/sim/solvers/odeint_scheme.hpp>

#include <boost/numeric/odeint/stepper/runge_kutta4.hpp>

namespace dynvert {

namespace {

Scheme rk4_scheme() { return odeint_scheme<boost::numeric::odeint::runge_kutta4<State>>(4); }

/// R(z) - 1 = z + z^2/2 + z^3/6 + z^4/24; |R| >= 1 from |z| = 3 on
double rk4_stable_step(const arma::cx_vec& lambda) {
  return largest_stable_step(
      [](std::complex<double> z) { return z * (1.0 + z / 2.0 * (1.0 + z / 3.0 * (1.0 + z / 4.0))); }, 3, lambda);
}

}  // namespace

SolverKind rk4_solver() {
  return {.name = "rk4",
          .summary = "classical Runge-Kutta",
          .order = 4,
          .fixed_step = true,
          .can_settle = true,
          .coordinate_free = true,
          .largest_stable_step = [](const CycleModes& modes) { return rk4_stable_step(spectrum(modes)); },
          .largest_stable_step_of_spectrum = rk4_stable_step,
          .steps = StepScheme{.a = {{}, {0.5}, {0, 0.5}, {0, 0, 1}}, .b = {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6}},
          .scheme = rk4_scheme,
          .make = [](const SolverSettings& settings) { return make_fixed_step(settings, rk4_scheme()); }};
}

}  // namespace dynvert
