#pragma once

/// What all models of dynamic inversion are made of: a controller u, the feedback B to the lowest of a chain of error
/// populations, and the forward weights along the chain back to the controller,
///
///     tau_delta d(delta_m)/dt = -delta_m + B u                                  m = bottom
///     tau_delta d(delta_l)/dt = -delta_l + W_l f(delta_{l-1})                   bottom < l < top
///     tau_u     du/dt         = -alpha u + W_top f(delta_{top-1}) - s .
///
/// | symbol    | shape           | meaning                            | units |
/// |-----------|-----------------|------------------------------------|-------|
/// | delta_l   | n_l x columns   | error population of layer l        | 1     |
/// | u, s      | n_top x columns | controller; the signal to invert   | 1     |
/// | W_l       | n_l x n_{l-1}   | forward weights                    | 1     |
/// | B         | n_bottom x n_top | feedback weights                  | 1     |
/// | f         |                 | identity, g_l, or x / g_l'(a_l): Transfer | 1 |
/// | alpha     |                 | leak of the controller             | 1     |
/// | tau_delta, tau_u |          | time constants                     | time  |

#include <dynvert/models/credit/credit.hpp>

#include <string>
#include <vector>

namespace dynvert {

struct ChainOptions {
  std::size_t number = 0;  ///< of the loop
  std::size_t bottom = 0, top = 0;
  /// sequential Euler takes u before the error populations, or after them
  bool controller_first = true;
  /// the error populations above the bottom are credit signals, too
  bool reads_all = true;
  /// appended to the names of the error populations above the bottom, where several chains would share them
  std::string suffix = {};
  /// the population of a_l, by layer, where gains follow the live activity; empty: gains are given per trial
  std::vector<PopulationIndex> live = {};
};

struct Chain {
  ControlLoop loop;                    ///< with what `reads_all` says as readouts
  std::vector<ProjectionIndex> W;      ///< index l = bottom + 1 .. top
  std::vector<PopulationIndex> delta;  ///< index l = bottom .. top - 1
  ChainOptions options;
};

/// Adds the populations and projections to the circuit.
[[nodiscard]] Chain add_chain(Circuit& circuit, const Network& network, const LoopParameters& parameters,
                              const ChainOptions& options);

/// The chain's weights.
void load_chain(const Chain& chain, const Network& network, const Feedback& feedback, RightHandSide& f);

/// delta_l of a layer as credit: the state, times g_l'(a_l) for the linear transfer.
void read_credit(Transfer transfer, const Network& network, const Activity& activity, std::size_t layer,
                 const ConstMatrixView& delta, Credit& credit);

/// A stage of one chain that inverts the credit of its top layer, which is known when the stage begins.
[[nodiscard]] Stage chain_stage(const Network& network, const LoopParameters& parameters, const ChainOptions& options);

}  // namespace dynvert
