#pragma once

/// The reduced form of a control loop. Where populations project around a cycle p_0 -> p_1 -> .. -> p_{k-1} -> p_0 and
/// onto each other in no other way,
///
///     tau_i dx_i/dt = -leak_i x_i + C_i f_i(x_{i-1}) + input_i          (i - 1 is k - 1 for i = 0),
///
/// the spectrum at a state follows from the n_0 x n_0 matrix  K = A_0 A_{k-1} .. A_1,  A_i = C_i diag f_i': for each
/// eigenvalue mu of K the k roots of
///
///     (tau_0 lambda + leak_0) .. (tau_{k-1} lambda + leak_{k-1}) = mu,
///
/// and -leak_i/tau_i, n_i - n_0 times, for each i. Equal to the spectrum of the whole Jacobian up to rounding (a test
/// holds the two together), and some 20 times cheaper at 10x20. Likewise the steady state is the root of a function of
/// x_0 alone (steady_state.hpp). Time constants and leaks stand outside K: what depends on them alone
/// (critical_leak.hpp, delay_margin.hpp, stable_step.hpp, stability maps) needs the eigenvalues mu once.
///
/// | symbol | shape         | meaning                                      |
/// |--------|---------------|----------------------------------------------|
/// | x_i    | n_i           | state; p_0 is the smallest population        |
/// | C_i    | n_i x n_{i-1} | weights of the projection p_{i-1} -> p_i     |
/// | f_i    |               | what it transmits; its slope is a diagonal   |

#include <dynvert/models/circuit/right_hand_side.hpp>

#include <optional>
#include <span>
#include <vector>

namespace dynvert {

struct Cycle {
  std::vector<PopulationIndex> populations;  ///< p_0 .. p_{k-1}, k >= 2
  std::vector<ProjectionIndex> projections;  ///< the one that arrives at p_i
};

/// @param members  populations of the circuit; what arrives from others counts as input
/// @return nothing where the members are not of this form
[[nodiscard]] std::optional<Cycle> as_cycle(const Circuit& circuit, std::span<const PopulationIndex> members);

/// What the spectrum of a cycle at an operating point is made of. Vectors over i = 0..k-1 as in the cycle.
struct CycleModes {
  arma::cx_vec mu = {};                ///< eigenvalues of K, n_0 of them; of a real matrix: with their conjugates
  std::vector<double> tau = {};        ///< time constants, > 0
  std::vector<double> leak = {};       ///< >= 0
  std::vector<std::size_t> rest = {};  ///< n_i - n_0: how often -leak_i/tau_i is an eigenvalue beside those of mu
  /// whether p_{i-1} stands before p_i in the circuit, so that sequential Euler hands its newest value on
  std::vector<bool> newest = {};
  std::vector<PopulationIndex> populations = {};  ///< p_i

  /// The i of a population. @throws ValueError  it is not in the cycle
  [[nodiscard]] std::size_t position(PopulationIndex population) const;
};

/// @throws NumericalError  weights that are not finite, or no convergence
[[nodiscard]] CycleModes cycle_modes(const Cycle& cycle, RightHandSide& f, const State& x, std::size_t column);

/// All n_0 + .. + n_{k-1} eigenvalues, units 1/time.
[[nodiscard]] arma::cx_vec spectrum(const CycleModes& modes);

/// The same from the circuit. @throws NumericalError  not finite, or no convergence
[[nodiscard]] arma::cx_vec spectrum(const Cycle& cycle, RightHandSide& f, const State& x, std::size_t column);

}  // namespace dynvert
