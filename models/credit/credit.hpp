#pragma once

/// Models of credit assignment: how the output error e becomes a credit signal delta_l for each hidden layer. A model
/// is an algebraic rule, or a builder of *stages*: circuits that a trial integrates one after the other from zero
/// state, with the control loops that are in them.
///
/// A new model is one file with one function that returns its CreditModel, and one line in credit.cpp.

#include <dynvert/models/circuit/circuit.hpp>
#include <dynvert/models/circuit/right_hand_side.hpp>
#include <dynvert/models/credit/settling_band.hpp>
#include <dynvert/models/network/network.hpp>
#include <dynvert/models/parameter.hpp>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dynvert {

/// A feedback matrix B, n_bottom x n_top, and the forward path that it closes to a loop: W_top .. W_{bottom+1}.
struct FeedbackPath {
  std::size_t number = 0;  ///< its place in Feedback, and l in the names of its loop's measures
  std::string name;        ///< in files: "B2", "B"
  std::size_t bottom = 0, top = 0;
};

/// What the error populations transmit, and how credit is read from them (Podlaski & Machens 2020).
enum class Transfer {
  linear,     ///< f(x) = x, credit delta .* g'(a)
  nonlinear,  ///< f(x) = g(x), credit delta
  linearised  ///< f(x) = x / g'(a), credit delta
};
struct TransferKind {
  std::string_view name;
  std::string_view summary;
};
/// In the order of the enumeration.
[[nodiscard]] std::span<const TransferKind> transfer_kinds();
/// @throws ValueError naming the transfers
[[nodiscard]] Transfer transfer(std::string_view name);

/// dW/dt within the trial: tau dW_l/dt = eta delta_l h_{l-1}' - lambda W_l, likewise b_l.
struct ContinuousPlasticity {
  double tau = 1, eta = 0, lambda = 0;
};

/// The parameters of control loops.
struct LoopParameters {
  double alpha = 0.01;   ///< leak of the controller, >= 0
  double tau_delta = 1;  ///< time constant of the error populations
  double tau_u = 1;      ///< of the controllers
  double tau_h = 1;      ///< of the forward populations, where they move
  Transfer transfer = Transfer::linear;
  std::optional<ContinuousPlasticity> plasticity = std::nullopt;  ///< of concurrent models
  ParameterValues parameters = {};                                ///< of keys that the model declares
};

/// An interval of time in which stimulus and target are on or off.
struct Phase {
  double start = 0, duration = 0;
  bool stimulus = true, target = true;
};

/// A controller u, with the populations that it drives and that answer to it.
struct ControlLoop {
  std::size_t number = 0;                     ///< l: names the loop in messages, measures and files
  std::size_t source = 0;                     ///< the layer whose credit signal s the loop inverts
  PopulationIndex controller = 0;             ///< u
  ProjectionIndex feedback = 0;               ///< the projection whose weights are B
  std::vector<PopulationIndex> members = {};  ///< u and the populations around the loop
  std::vector<std::pair<PopulationIndex, std::size_t>> readouts = {};  ///< error populations, and whose credit they are
};

/// What a trace shows beside the states: a function of time and of the state then.
struct DerivedSignal {
  /// One sample of a trajectory.
  struct Sample {
    const Network& network;
    const Activity& activity;
    const Phase& phase;
    double time;
    const RightHandSide& f;         ///< for its layout
    std::span<const double> state;  ///< of that layout
    std::size_t column;             ///< of the batch
  };
  std::string name;
  std::string role;      ///< in files: "output_error", "external_input"
  Population like = {};  ///< whose units and layer it has
  std::string description;
  std::function<arma::vec(const Sample&)> value = nullptr;  ///< a value a unit
};

/// The way of a stage through time, as samples of its state; without any: its end alone is known.
struct StatePath {
  std::size_t samples = 0;
  double interval = 0;
  std::size_t order = 1;  ///< of the scheme that made it: averages follow a scheme of order 1 by its own sums
  std::function<std::span<const double>(std::size_t sample)> state = nullptr;
};

/// One circuit that a trial integrates: how the trial drives it and what is read from it.
struct Stage {
  /// which interval of the trial it takes
  enum class Timing {
    forward,    ///< the forward pass, where that is dynamic
    inversion,  ///< `duration`, with the error as it is
    schedule,   ///< the phases of stimulus and target
    described   ///< its own interval, forward activity included
  };

  std::string name;  ///< "loop 2"
  Timing timing = Timing::inversion;
  Circuit circuit;
  std::vector<ControlLoop> loops = {};
  std::vector<DerivedSignal> derived = {};
  std::optional<Phase> interval = std::nullopt;  ///< its own; nothing: what its timing says
  std::string clock = {};                        ///< name of its time axis; empty: that of the trial
  bool continues = false;                        ///< begins where the stage before it on its clock ends
  bool until_settled = false;                    ///< it ends when everything has settled
  double settling_band = default_settling_band;  ///< within which its loops have settled

  /// takes the weights of the network and the feedback
  std::function<void(const Network&, const Feedback&, RightHandSide&)> load = nullptr;
  /// starts new trials: number of columns and gains; the credit holds what earlier stages of the trial gave
  std::function<void(const Network&, const Activity&, const Credit&, RightHandSide&)> begin = nullptr;
  /// sets inputs and clamped populations for a phase
  std::function<void(const Network&, const Activity&, const Credit&, const Phase&, RightHandSide&, State&)> enter =
      nullptr;
  /// takes averages over the stage, before `read`; nullptr: there are none. A column that has settled is NaN from then
  /// on
  std::function<void(const Network&, const RightHandSide&, const StatePath&, const State& end, Activity&)> follow =
      nullptr;
  /// writes what the stage is for, activity or credit signals, from the state where it is read
  std::function<void(const Network&, const RightHandSide&, const State&, Activity&, Credit&)> read = nullptr;
  /// takes the weights that have moved from the state at the end; nullptr: none move
  std::function<void(RightHandSide&, const State&, Network&)> learned = nullptr;
};

struct CreditModel {
  std::string_view name;
  std::string_view summary;                ///< one line for people
  std::vector<Parameter> parameters = {};  ///< keys of [[model]] that it declares itself
  bool concurrent = false;                 ///< forward activity is part of its circuit: runs on a schedule of phases
  /// the feedback matrices of a network of this depth; nullptr: it has none
  std::function<std::vector<FeedbackPath>(std::size_t depth)> feedback = nullptr;
  /// algebraic: fills delta_1 .. delta_{L-1} from delta_L = e
  std::function<void(const Network&, const Feedback&, const Activity&, const ParameterValues&, Credit&)> assign =
      nullptr;
  /// control loops: the stages of a trial, in their order. Exactly one of `assign` and `stages` is set.
  std::function<std::vector<Stage>(const Network&, const LoopParameters&)> stages = nullptr;
};

[[nodiscard]] std::span<const CreditModel> credit_models();
/// @throws ValueError naming the known models
[[nodiscard]] const CreditModel& credit_model(std::string_view name);

/// B_l of each layer l = 2..L, n_{l-1} x n_l: the feedback of sequential models.
[[nodiscard]] std::vector<FeedbackPath> sequential_feedback(std::size_t depth);

/// Sets delta_L = e and walks down: delta_{l-1} = back(l, delta_l) .* g_{l-1}'(a_{l-1}). The frame of algebraic rules.
void propagate(const Network& network, const Activity& activity, Credit& credit,
               const std::function<arma::mat(std::size_t l, const arma::mat& delta)>& back);

/// W^+ s, the minimum-norm least-squares solution (Moore-Penrose).
/// @param W  m x n, any rank, @param s  m x batch
[[nodiscard]] arma::mat pseudo_inverse_times(const arma::mat& W, const arma::mat& s);

}  // namespace dynvert
