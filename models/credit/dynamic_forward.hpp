#pragma once

/// The forward pass as a circuit, for models whose loops run after it (forward = "dynamic"):
///
///     tau_h da_l/dt = -a_l + W_l g_{l-1}(a_{l-1}) + b_l,   g_0(a_0) = h_0 the input,   from a = 0.
///
/// | symbol | shape         | meaning                              | units |
/// |--------|---------------|--------------------------------------|-------|
/// | a_l    | n_l x columns | drive of layer l, a population       | 1     |
/// | h_0    | n_0 x columns | the input, a clamped population         | 1     |
/// | W_l    | n_l x n_{l-1} | forward weights                      | 1     |
/// | b_l    | n_l x 1       | biases: weights of a clamped unit at 1  | 1     |
/// | tau_h  |               | time constant                        | time  |
///
/// Steady state: the instantaneous forward pass. Read at the end: a_l, h_l = g_l(a_l), e = t - h_L.

#include <dynvert/models/credit/credit.hpp>

#include <vector>

namespace dynvert {

/// The forward populations in a circuit, and their projections.
struct ForwardCircuit {
  std::vector<PopulationIndex> a;  ///< index l = 0 .. L; a[0] is h_0, clamped
  std::vector<ProjectionIndex> W;  ///< index l = 1 .. L
  PopulationIndex one = 0;         ///< the unit that the biases come from; with bias only
  std::vector<ProjectionIndex> b;  ///< index l = 1 .. L; with bias only
};

/// Adds the populations and projections to the circuit.
[[nodiscard]] ForwardCircuit add_forward(Circuit& circuit, const Network& network, double tau_h);
void load_forward(const ForwardCircuit& forward, const Network& network, RightHandSide& f);
/// Holds h_0 at the input, or at zero, and the unit of the biases at 1.
void set_stimulus(const ForwardCircuit& forward, const Network& network, const arma::mat& input, bool on,
                  const RightHandSide& f, State& x);
/// a, h and e from the state. The target is the activity's.
void read_activity(const ForwardCircuit& forward, const Network& network, const RightHandSide& f, const State& x,
                   Activity& activity);

/// The stage of a dynamic forward pass.
[[nodiscard]] Stage forward_stage(const Network& network, double tau_h);

}  // namespace dynvert
