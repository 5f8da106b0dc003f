#pragma once

/// The steady state of a circuit under constant input: the root of its right-hand side, clamped populations staying
/// where they are. For the control loops this is the paper's non-dynamic inversion (NDI).
///
/// Newton's method with the circuit's Jacobian and a backtracking line search on |tau dx/dt|, from the given state; of
/// a linear circuit its one step is the direct solution. Where that comes to rest elsewhere than at a root, implicit
/// steps of the flow itself, then Newton again. Where the circuit is a cycle (cycle.hpp) with leaks leak_i >
/// 0, i > 0, the unknown is x_0 alone: x_i = (C_i f_i(x_{i-1}) + input_i) / leak_i in turn, and
///
///     F(x_0) = -leak_0 x_0 + C_0 f_0(x_{k-1}) + input_0,   F' = A_0 A_{k-1} .. A_1 / (leak_1 .. leak_{k-1}) - leak_0
///     I.
///
/// Columns of a linear cycle that differ in their inputs alone share one factorisation of F'.

#include <dynvert/models/circuit/right_hand_side.hpp>

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
/// @throws ValueError      an input that depends on time, or weights that move
[[nodiscard]] SteadyState steady_state(RightHandSide& f, const State& start, const SteadyStateOptions& options = {});

}  // namespace dynvert
