#pragma once

/// The largest stable step of a solver with fixed steps on a linear(ised) loop: the largest h such that with every
/// smaller step all deviations from the steady state decay.
///
/// *Methods that treat all variables alike* (Runge-Kutta) multiply the mode of each eigenvalue lambda of the Jacobian
/// by R(h lambda), the stability function of the method, and need |R(h lambda)| < 1 (Hairer & Wanner, Solving Ordinary
/// Differential Equations II, 1996, section IV.2). Each ray from 0 into the left half plane is taken to leave the
/// region |R| < 1 once (a test looks, for each solver), so bisection along it finds the step.
///
/// *Methods that take the populations one by one* (sequential Euler), in their order, each with the newest values of
/// the others: around a cycle (cycle.hpp) a mode that one step multiplies by z satisfies
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

#include <complex>
#include <functional>

namespace dynvert {

/// R(z) - 1: what a step of size h changes of a mode, z = h lambda. Without the 1 nothing cancels at small z.
using StabilityFunction = std::function<std::complex<double>(std::complex<double> z)>;

/// |R(z)|^2 - 1
[[nodiscard]] double growth(const StabilityFunction& change, std::complex<double> z);

/// Whether all modes decay (and there is one).
[[nodiscard]] bool decays(const arma::cx_vec& lambda);

/// Of a method with this stability function.
/// @param reach   |R(z)| >= 1 for all z of the left half plane with |z| >= reach
/// @param lambda  spectrum, 1/time
/// @return units time; NaN where the loop itself is not stable
[[nodiscard]] double largest_stable_step(const StabilityFunction& change, double reach, const arma::cx_vec& lambda);

/// Of Euler steps that take the populations of the circuit one by one, each with the newest values of the others.
[[nodiscard]] double largest_stable_step_one_by_one(const CycleModes& modes);

// Until the measures ask the solvers for their limits.
[[nodiscard]] double largest_stable_step_euler(const arma::cx_vec& lambda);
[[nodiscard]] double largest_stable_step_rk4(const arma::cx_vec& lambda);
[[nodiscard]] double largest_stable_step_sequential_euler(const CycleModes& modes);

}  // namespace dynvert
