// Forward Euler, by odeint.

#include <dynvert/analysis/spectrum.hpp>
#include <dynvert/analysis/stable_step.hpp>
#include <dynvert/sim/solvers/odeint_scheme.hpp>

#include <boost/numeric/odeint/stepper/euler.hpp>

#include <algorithm>

namespace dynvert {

namespace {

Scheme euler_scheme() { return odeint_scheme<boost::numeric::odeint::euler<State>>(1); }

/// |1 + h lambda| < 1 in closed form: h < -2 Re(lambda) / |lambda|^2.
double euler_stable_step(const arma::cx_vec& lambda) {
  if (!decays(lambda)) return arma::datum::nan;
  double h = arma::datum::inf;
  for (const std::complex<double> l : lambda) h = std::min(h, -2 * l.real() / std::norm(l));
  return h;
}

}  // namespace

SolverKind euler_solver() {
  return {.name = "euler",
          .summary = "forward Euler",
          .order = 1,
          .fixed_step = true,
          .can_settle = true,
          .coordinate_free = true,
          .largest_stable_step = [](const CycleModes& modes) { return euler_stable_step(spectrum(modes)); },
          .largest_stable_step_of_spectrum = euler_stable_step,
          .steps = StepScheme{.a = {{}}, .b = {1}},
          .scheme = euler_scheme,
          .make = [](const SolverSettings& settings) { return make_fixed_step(settings, euler_scheme()); }};
}

}  // namespace dynvert
