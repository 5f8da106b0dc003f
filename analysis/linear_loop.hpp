#pragma once

/// The reduced form of a control loop, at one operating point. Where a circuit is two populations that project onto
/// each other and onto nothing else, p -> q by K and q -> p by F,
///
///     tau_p dp/dt = -leak_p p + F q + input_p,   tau_q dq/dt = -leak_q q + K p + input_q,
///
/// its spectrum and its steady state follow from the n_p x n_p matrix F K: for each eigenvalue mu of F K the two roots
/// of
///
///     (tau_q lambda + leak_q)(tau_p lambda + leak_p) = mu,
///
/// and for n_q > n_p the eigenvalue -leak_q/tau_q, n_q - n_p times. With p = u, q = delta: F = W, K = B. Equal to the
/// whole Jacobian up to rounding (a test holds the two together), and some 20 times cheaper at 10x20.
///
/// | symbol | shape     | meaning                                        |
/// |--------|-----------|------------------------------------------------|
/// | F      | n_p x n_q | weights q -> p, times the slope of what is transmitted |
/// | K      | n_q x n_p | weights p -> q, likewise                       |

#include <dynvert/models/right_hand_side.hpp>

#include <optional>

namespace dynvert {

/// p is the smaller population (n_p <= n_q).
struct LinearLoop {
  PopulationIndex p = 0, q = 0;
  double tau_p = 1, tau_q = 1, leak_p = 0, leak_q = 1;
  arma::mat F, K;
};

/// @return the loop, or nothing where the circuit is not of this form or not linear
[[nodiscard]] std::optional<LinearLoop> as_linear_loop(RightHandSide& f, std::size_t column);

/// All n_p + n_q eigenvalues.
[[nodiscard]] arma::cx_vec spectrum(const LinearLoop& loop);

}  // namespace dynvert
