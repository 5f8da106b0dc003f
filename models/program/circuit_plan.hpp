#pragma once

/// A description (models/equations) with everything looked up: what each name is, the value of each number, which
/// matrix is the network's, of which layer a population is. Made once for a network and a run, and shared by the
/// phases.
///
/// | found from the equations | how                                                                               |
/// |--------------------------|-----------------------------------------------------------------------------------|
/// | layer of a population    | what W[l] reaches has layer l, what it reads l - 1; equal where units meet one by |
/// |                          | one; of `input` 0, of `target` L                                                  |
/// | the network's own pass   | a_l = W[l] h_{l-1} + b[l], or tau da_l/dt = -a_l + .., and h_l = g_l(a_l)         |
/// | learning as a network    | W[l] += eta s_l h_{l-1}' - lambda W[l] for each l, b[l] likewise, and no other    |
/// | feedback                 | B from layer `top` down to layer `bottom`                                         |
///
/// last(x) becomes a population of its own, which stands for x a step before, and so does each reference that
/// algebraic_loop = "lag" makes one to the step before. With algebraic_loop = "solve" a reference to a population that
/// is evaluated later becomes one that stands for it at the same time. These come after the populations of the
/// description.

#include <dynvert/models/credit/credit.hpp>
#include <dynvert/models/equations/description.hpp>
#include <dynvert/models/network/network.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dynvert {

/// What the solver of a run can do, as far as some constructs need it.
struct SolverTraits {
  std::string_view name = "euler";
  bool fixed_steps = true;    ///< all steps are dt
  bool integrates = true;     ///< through time; else it gives a steady state
  bool linear_only = false;   ///< takes linear circuits alone
  bool joins_columns = true;  ///< can move what all columns share
  bool settles = false;       ///< columns may end before their time
};

/// What equations know of the run: eta, lambda, batch, duration, dt.
struct RunNumbers {
  double eta = 0, lambda = 0;
  double batch = 1;
  double duration = 0, dt = 0;
  double clip_delta = 0;   ///< of the post factors of hidden layers, where the circuit says nothing; 0: none
  bool normalise = false;  ///< changes are divided by their norm, likewise
  SolverTraits solver{};
  std::uint64_t seed = 0;  ///< of states that are drawn
};

/// Where the values of a matrix are.
struct MatrixPlace {
  enum class In { weights, bias, others };
  In in = In::others;
  std::size_t number = 0;  ///< l of the network's, else the place in Network::others

  [[nodiscard]] const arma::mat& of(const Network& network) const;
  [[nodiscard]] arma::mat& of(Network& network) const;
};

class CircuitPlan {
 public:
  /// @param network  its shape
  /// @throws EquationError, ValueError  what an engine cannot do
  CircuitPlan(equations::Description description, const Network& network, const RunNumbers& run);

  [[nodiscard]] const equations::Description& description() const noexcept { return description_; }
  /// L
  [[nodiscard]] std::size_t depth() const noexcept { return depth_; }

  /// Its number among the description's populations, or matrices. @throws ValueError  there is none
  [[nodiscard]] std::size_t population(const equations::Name& name) const;
  [[nodiscard]] std::size_t population(const equations::Expression& name) const;
  [[nodiscard]] std::size_t matrix(const equations::Name& name) const;
  [[nodiscard]] const MatrixPlace& place(std::size_t matrix) const { return places_[matrix]; }
  /// as files have it: "W2", "B2", "Q_1"
  [[nodiscard]] std::string matrix_name(std::size_t matrix) const;
  /// Populations of the rows and of the columns of a matrix; columns absent: of a bias.
  struct Ends {
    std::size_t rows = 0;
    std::optional<std::size_t> columns;
  };
  /// @return nothing where no equation reads it
  [[nodiscard]] std::optional<Ends> ends(std::size_t matrix) const;
  [[nodiscard]] std::optional<std::size_t> layer(std::size_t population) const { return layers_[population]; }
  /// The role that the description gives it, or that follows; empty: none
  [[nodiscard]] std::string role(std::size_t population) const;

  /// The value of an expression of numbers and parameters. @param phase  whose parameters hold; nullptr: none
  [[nodiscard]] double number(const equations::Expression& e, const equations::Phase* phase = nullptr) const;
  /// Likewise for another eta, to see how it depends on it.
  [[nodiscard]] double number_with_eta(const equations::Expression& e, double eta) const;
  /// Whether a name is a number: a parameter, eta, ..
  [[nodiscard]] bool is_number(const equations::Expression& name) const;

  [[nodiscard]] bool is_continuous(std::size_t matrix, const equations::Phase& phase) const;

  /// A population that stands for another one: a step before, or at the same time.
  struct Reference {
    std::size_t population = 0;  ///< it
    std::size_t of = 0;          ///< the other
    bool same_time = false;
  };
  [[nodiscard]] const std::vector<Reference>& references() const noexcept { return references_; }
  [[nodiscard]] bool has_circles() const;
  /// The low-pass of post pre' of each synapse, as a population that moves, after those of the description:
  ///     tau dE/dt = -E + post pre',     rows * columns units, the columns of E one below the other
  struct LowPass {
    std::size_t population = 0;
    std::size_t matrix = 0;
    equations::Expression tau{}, post{}, pre{};
  };
  [[nodiscard]] const std::vector<LowPass>& low_passes() const noexcept { return low_passes_; }
  /// That of a term of a rule on a matrix.
  [[nodiscard]] const LowPass& low_pass(std::size_t matrix, const equations::RuleTerm& term) const;

  /// The forward pass of the network, where the circuit has it: numbers of a_l and h_l, l = 0..L (a_0 does not count).
  struct Forward {
    std::vector<std::size_t> a, h;
    bool instantaneous = true;  ///< nothing of it moves, or is given by a phase: models/network computes it
  };
  [[nodiscard]] const std::optional<Forward>& forward() const noexcept { return forward_; }
  /// Number of the population whose values are the credit of layer l, l = 1..L: the post factor of the rule of W[l].
  [[nodiscard]] std::optional<std::size_t> credit(std::size_t layer) const { return credit_[layer]; }
  /// The phase at whose end rules read it; empty: the last.
  [[nodiscard]] const std::string& credit_phase() const noexcept { return credit_phase_; }
  [[nodiscard]] const RunNumbers& run() const noexcept { return run_; }
  /// Nothing but the network's forward pass reads W[1].
  [[nodiscard]] bool reads_first_layer_once() const;
  /// All rules together are the network's own (models/network: learn).
  [[nodiscard]] bool learns_as_network() const noexcept { return learns_as_network_; }
  /// B of the loops, with the layers that they join.
  struct FeedbackMatrix {
    FeedbackPath path;
    std::size_t matrix = 0;
  };
  [[nodiscard]] const std::vector<FeedbackMatrix>& feedback() const noexcept { return feedback_; }

 private:
  [[nodiscard]] double number_of(const equations::Expression& e, const equations::Phase* phase,
                                 const RunNumbers& run) const;
  void find_references();
  void find_low_passes();
  void find_places();
  void find_layers(const Network& network);
  void find_forward(const Network& network);
  void find_credit();
  void find_feedback();
  void refuse() const;
  void refuse_by_solver() const;

  equations::Description description_;
  RunNumbers run_;
  std::size_t depth_ = 0;
  std::map<equations::Name, std::size_t> population_numbers_, matrix_numbers_;
  std::vector<Reference> references_;
  std::vector<LowPass> low_passes_;
  std::vector<MatrixPlace> places_;
  std::vector<std::optional<std::size_t>> layers_;
  std::optional<Forward> forward_;
  std::vector<std::optional<std::size_t>> credit_;
  std::string credit_phase_;
  bool learns_as_network_ = false;
  std::vector<FeedbackMatrix> feedback_;
};

/// All terms of a population in a phase: of the phase's own equation, or of the circuit's.
[[nodiscard]] const std::vector<equations::Term>& terms_in(const equations::Description& description,
                                                           const equations::Phase& phase, std::size_t population);
/// nullptr: the phase says nothing of it
[[nodiscard]] const equations::Given* given_in(const std::vector<equations::Given>& givens,
                                               const equations::Name& population);
/// Calls `visit` with each population that an expression names.
void for_each_population(const equations::Expression& e, const CircuitPlan& plan,
                         const std::function<void(std::size_t)>& visit);

}  // namespace dynvert
