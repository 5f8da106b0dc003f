#pragma once

/// A feedforward network, layers 0..L:  a_l = W_l h_{l-1} + b_l,  h_l = g_l(a_l),  h_0 the input,  y = h_L.
///
/// | symbol | shape         | meaning                                  |
/// |--------|---------------|------------------------------------------|
/// | W_l    | n_l x n_{l-1} | forward weights, l = 1..L                |
/// | b_l    | n_l           | biases (zero and never changed without)  |
/// | a_l    | n_l x batch   | drives                                   |
/// | h_l    | n_l x batch   | rates                                    |
/// | t, y   | n_L x batch   | target and output                        |
/// | e      | n_L x batch   | output error t - y                       |
///
/// e is minus the derivative of the loss by a_L for the squared error |t - y|^2 / 2 with a linear output, and for the
/// cross-entropy - sum t log y with softmax; a softmax network's loss is the cross-entropy, any other's the squared
/// error.
///
/// Vectors over layers are indexed by l itself, so that code reads like the equations; entries that an index does not
/// have (W[0]) are empty.

#include <dynvert/models/circuit/rate_function.hpp>
#include <dynvert/models/network/online_block.hpp>

#include <armadillo>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace dynvert {

struct Network {
  std::vector<std::size_t> units;      ///< n_0 .. n_L
  std::vector<arma::mat> W;            ///< index l = 1..L
  std::vector<arma::vec> b;            ///< index l = 1..L
  std::vector<const RateFunction*> g;  ///< index l = 1..L
  bool bias = false;
  std::vector<arma::mat> others = {};  ///< further matrices of a described circuit (models/program)
  std::vector<arma::mat> memory = {};  ///< what its optimisers remember

  /// No layers at all: of circuits that are no network.
  Network() = default;
  /// Zero weights. @param activation  g_1 .. g_L
  /// @throws ValueError  fewer than two layers, an empty layer, not one activation a layer, an unknown one, a hidden
  ///                     layer whose units do not act by themselves (softmax)
  Network(std::vector<std::size_t> units, const std::vector<std::string>& activation, bool bias);

  /// L
  [[nodiscard]] std::size_t depth() const noexcept { return units.size() - 1; }
  /// no activation but the identity
  [[nodiscard]] bool is_linear() const;
  /// W_top .. W_{bottom+1}: the path from layer bottom to layer top, without the slopes of what is between.
  [[nodiscard]] arma::mat path(std::size_t bottom, std::size_t top) const;
};

/// What is known of a described circuit (models/program) in a trial. Index: number of the population.
struct PopulationValues {
  std::vector<arma::mat> now;                                ///< units x batch
  std::map<std::string, std::vector<arma::mat>> ended = {};  ///< by phase, where something refers to its end
  std::vector<arma::mat> integrals = {};                     ///< by product that rules average: over time
  std::vector<double> durations = {};                        ///< likewise: of that time
  std::map<std::size_t, arma::mat> weights = {};             ///< by matrix: those that have moved in the trial
};

/// What a forward pass leaves: index l as in the network.
struct Activity {
  std::vector<arma::mat> a;  ///< l = 1..L
  std::vector<arma::mat> h;  ///< l = 0..L
  arma::mat x;               ///< the stimulus: h_0 while it is on; not used by the instantaneous pass
  arma::mat t;               ///< the target
  arma::mat e;               ///< t - y
  PopulationValues values;   ///< of a described circuit; else empty
};

/// r = g(a) of a layer. r may be a.
void apply(const RateFunction& g, const arma::mat& a, arma::mat& r);

/// Instantaneous forward pass and output error.
/// @param x  n_0 x batch, @param t  n_L x batch
void forward(const Network& network, const arma::mat& x, const arma::mat& t, Activity& activity);
/// The same where activity.a[1] holds W_1 x already.
void forward_driven(const Network& network, const arma::mat& x, const arma::mat& t, Activity& activity);
/// The loss of each sample, summed: |t - y|^2, or the cross-entropy of a softmax output.
[[nodiscard]] double loss(const Network& network, const Activity& activity);

/// Credit signals delta_l, n_l x batch, index l = 1..L; delta_L = e.
using Credit = std::vector<arma::mat>;

/// Feedback weights, index: number of the path that they close (FeedbackPath in credit.hpp); of sequential models B_l,
/// n_{l-1} x n_l, l = 2..L. Empty where a model has none.
using Feedback = std::vector<arma::mat>;

/// delta := delta .* g_l'(a_l)
void multiply_by_slope(const RateFunction& g, const arma::mat& a, arma::mat& delta);

/// The weight change of one trial,
///
///     dW_l = eta delta_l h_{l-1}' - lambda W_l,   db_l = eta delta_l - lambda b_l   (batches sum over columns).
struct LearningRule {
  double eta = 0;
  double lambda = 0;
  double clip_delta = arma::datum::inf;  ///< hidden layers: delta_l := delta_l min(1, clip/|delta_l|), each column
  bool normalise_updates = false;        ///< delta h' is divided by its Frobenius norm before eta (db likewise)
  /// of one trial's activity and changes. 10^9 such trials leave the weights finite, which for those that are held in
  /// single precision takes 1e29.
  double largest = 1e290;
};

/// Clips the credit of the hidden layers in place, then changes the network.
/// @param first_layer  takes the change of W_1 in the network's place
void learn(const LearningRule& rule, const Activity& activity, Credit& credit, Network& network,
           OnlineBlock* first_layer = nullptr);

/// Whether the weights stay finite when they learn from this: with a rate of decay up to 1, for 10^9 trials of the
/// rule's largest change. Looks at activity and credit, not at the weights, so it costs next to nothing.
[[nodiscard]] bool can_learn(const LearningRule& rule, const Activity& activity, const Credit& credit);

}  // namespace dynvert
