#pragma once

/// Models of credit assignment: how the output error e becomes a credit signal delta_l for each hidden layer. A model
/// is an algebraic rule, or a builder of *loops*: circuits that a trial runs one after the other from zero state.
///
/// A new model is one file with one function that returns its CreditModel, and one line in credit.cpp.

#include <dynvert/models/circuit.hpp>
#include <dynvert/models/network.hpp>
#include <dynvert/models/right_hand_side.hpp>

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dynvert {

/// The parameters of a control loop.
struct LoopParameters {
  double alpha = 0.01;   ///< leak of the controller, >= 0
  double tau_delta = 1;  ///< time constant of the error populations
  double tau_u = 1;      ///< of the controllers
};

/// One run of a circuit within a trial: how the trial drives it and what is read from it.
struct Loop {
  std::size_t layer = 0;  ///< l of the loop that inverts W_l: names the loop in messages, measures and files
  std::string name;       ///< "loop 2"
  Circuit circuit;
  ProjectionIndex feedback = 0;    ///< the projection whose weights are B_l
  PopulationIndex controller = 0;  ///< u: its input is minus the signal s that the loop is to invert
  PopulationIndex readout = 0;     ///< the population that the credit signal is read from
  std::size_t credit_layer = 0;    ///< the layer whose credit signal it is

  /// takes the weights of the network and the feedback
  std::function<void(const Network&, const Feedback&, RightHandSide&)> load;
  /// sets inputs and gains for the trial; the credit holds e and what earlier loops of the trial gave
  std::function<void(const Network&, const Activity&, const Credit&, RightHandSide&)> drive;
  /// writes the credit signal from the state at the end
  std::function<void(const Network&, const Activity&, const RightHandSide&, const State&, Credit&)> read;
};

struct CreditModel {
  std::string_view name;
  std::string_view summary;  ///< one line for people
  bool uses_feedback = false;
  /// algebraic: fills delta_1 .. delta_{L-1} from delta_L = e
  std::function<void(const Network&, const Feedback&, const Activity&, Credit&)> assign = nullptr;
  /// control loop: the loops of a trial, in their order. Exactly one of `assign` and `loops` is set.
  std::function<std::vector<Loop>(const Network&, const LoopParameters&)> loops = nullptr;
};

[[nodiscard]] std::span<const CreditModel> credit_models();
/// @throws ValueError naming the known models
[[nodiscard]] const CreditModel& credit_model(std::string_view name);

/// Sets delta_L = e and walks down: delta_{l-1} = back(l, delta_l) .* g_{l-1}'(a_{l-1}). The frame of algebraic rules.
void propagate(const Network& network, const Activity& activity, Credit& credit,
               const std::function<arma::mat(std::size_t l, const arma::mat& delta)>& back);

/// W^+ s, the minimum-norm least-squares solution (Moore-Penrose).
/// @param W  m x n, any rank, @param s  m x batch
[[nodiscard]] arma::mat pseudo_inverse_times(const arma::mat& W, const arma::mat& s);

}  // namespace dynvert
