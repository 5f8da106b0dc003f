#pragma once

/// The largest stable step of a solver with fixed steps on a linear(ised) loop: the largest h such that with every
/// smaller step all deviations from the steady state decay.
///
/// *Runge-Kutta methods* multiply the mode of each eigenvalue lambda of the Jacobian by R(h lambda):
///
///     euler  R(z) = 1 + z:                               h < -2 Re(lambda) / |lambda|^2 for each lambda
///     rk4    R(z) = 1 + z + z^2/2 + z^3/6 + z^4/24:      |R(h lambda)| < 1
///
/// (Hairer & Wanner, Solving Ordinary Differential Equations II, 1996, section IV.2). Each ray from 0 into the left
/// half plane leaves the region |R| < 1 once (a test looks), so bisection along it finds the step.
///
/// *Sequential Euler* takes the populations in their order, each with the newest values of the others. Around a cycle
/// (cycle.hpp) a mode that one step multiplies by z satisfies
///
///     product over i of (z - 1 + h leak_i/tau_i) = mu z^q product over i of h/tau_i,
///
/// q the number of populations whose source is taken before them. For the paper's loop (u, then delta) this is
/// z^2 + b z + c with b = h leak_u/tau_u + h/tau_delta - 2 - mu h^2/(tau_u tau_delta) and
/// c = (1 - h leak_u/tau_u)(1 - h/tau_delta); all |z| < 1 where |c| < 1 and (Re b/(1 + c))^2 + (Im b/(1 - c))^2 < 1
/// (Schur's criterion; docs/mathematics.md has the limit for B = -W'), longer loops by Schur and Cohn's recursion. The
/// first h that is not stable is looked for in steps of 1/64 of the fastest time scale 1/max |lambda|, and then
/// bisected.

#include <dynvert/analysis/cycle.hpp>

#include <armadillo>

#include <string_view>

namespace dynvert {

/// @param lambda  spectrum, 1/time
/// @return units time; NaN where the loop itself is not stable
[[nodiscard]] double largest_stable_step_euler(const arma::cx_vec& lambda);
[[nodiscard]] double largest_stable_step_rk4(const arma::cx_vec& lambda);
[[nodiscard]] double largest_stable_step_sequential_euler(const CycleModes& modes);

/// |R(z)|^2 - 1 of Runge-Kutta 4, without the cancellation at small z.
[[nodiscard]] double rk4_growth(std::complex<double> z);

/// Of the solver of that name ("euler", "rk4", "sequential_euler").
/// @throws ValueError  a solver without fixed steps
[[nodiscard]] double largest_stable_step(std::string_view solver, const CycleModes& modes);

}  // namespace dynvert
