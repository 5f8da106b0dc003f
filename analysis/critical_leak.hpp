#pragma once

/// The critical leak of a control loop: the smallest leak alpha of its controller from which on the loop is stable, all
/// else as it is. With the loop as a cycle (cycle.hpp), tau_c the controller's time constant and P the product of
/// (tau_i s + leak_i) over the other populations, the spectrum is that of
///
///     (tau_c s + alpha) P(s) = mu .
///
/// A larger leak never makes a stable loop unstable: at a root s = i w on the imaginary axis
///
///     ds/dalpha = -1 / (tau_c + (tau_c s + alpha) P'/P),
///     Re[(tau_c s + alpha) P'/P] = sum over i of tau_i (alpha leak_i + w^2 tau_c tau_i) / (leak_i^2 + w^2 tau_i^2) >=
///     0,
///
/// so that roots cross to the left only, and there is one critical leak; on the imaginary axis |P| >= P(0), so it lies
/// below max |mu| / P(0). It is had by bisection. For the loop of the paper (P = tau_delta s + 1) it is the largest
/// root, over mu = a + ib, of
///
///     (tau_u + tau_delta alpha)^2 (alpha - a) = tau_u tau_delta b^2          (Hurwitz' criterion, complex
///     coefficients),
///
/// for real mu = -sigma^2 (B = -W') it is 0. (Podlaski & Machens 2020 choose alpha by this need of stability.)

#include <dynvert/analysis/cycle.hpp>

#include <cstddef>

namespace dynvert {

/// @param controller  which population of the cycle has the leak
/// @return >= 0, correct to rounding; 0: stable with any positive leak. Infinite: with none, because another population
///         does not leak.
[[nodiscard]] double critical_leak(const CycleModes& modes, std::size_t controller);

}  // namespace dynvert
