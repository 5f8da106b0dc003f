#pragma once

/// The steady state of a circuit under constant input: the root of its right-hand side. For the control loops this is
/// the paper's non-dynamic inversion (NDI).
///
/// Linear circuits: one direct solve, J x = -f(0), by the loop's reduced form where it has one: with p and q of
/// linear_loop.hpp,  (F K / leak_q - leak_p I) p = -input_p - F input_q / leak_q,  q = (K p + input_q) / leak_q.
/// Others: Newton's method with the circuit's Jacobian and a backtracking line search on |tau dx/dt|, from the given
/// state.

#include <dynvert/models/right_hand_side.hpp>

#include <cstddef>

namespace dynvert {

struct SteadyStateOptions {
  /// Newton ends when the estimated distance from the root, |step| / (1 - contraction), is below this times |x|
  double tolerance = 1e-12;
  std::size_t max_iterations = 60;
};

struct SteadyState {
  State x;                      ///< of the layout of f
  std::size_t iterations = 0;   ///< the most that a column took; 1 for a direct solve
  std::size_t evaluations = 0;  ///< of the right-hand side
};

/// @param start  where Newton begins, of the layout of f
/// @throws NumericalError  a singular system (for example W B with alpha = 0 and n_l > n_{l-1}), or no convergence
/// @throws ValueError      an input that depends on time
[[nodiscard]] SteadyState steady_state(RightHandSide& f, const State& start, const SteadyStateOptions& options = {});

}  // namespace dynvert
