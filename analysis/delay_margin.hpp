#pragma once

/// The delay margin of a control loop: the longest conduction delay T, all around the loop together, that leaves it
/// stable. With the loop as a cycle (cycle.hpp) a delay makes the characteristic equation, for each mu,
///
///     P(s) = mu exp(-s T),      P(s) = (tau_0 s + leak_0) .. (tau_{k-1} s + leak_{k-1});
///
/// of the paper's loop (tau_delta s + 1)(tau_u s + alpha) = mu exp(-s T). As T grows from 0, roots can reach the right
/// half plane through the imaginary axis only, where |P(i w)| = |mu| and w T = arg mu - arg P(i w) (mod 2 pi). |P(i w)|
/// grows with |w|, so each mu has one such w > 0, or none where |mu| <= P(0): it then is stable under any delay. The
/// margin is the smallest T > 0 over all mu (Michiels & Niculescu, Stability, Control, and Computation for Time-Delay
/// Systems, 2014, chapter 4: the delay margin of a single delay). mu and its conjugate together account for w < 0.

#include <dynvert/analysis/cycle.hpp>

namespace dynvert {

/// @return units time; infinite: stable under any delay; NaN: not stable without delay
[[nodiscard]] double delay_margin(const CycleModes& modes);

}  // namespace dynvert
