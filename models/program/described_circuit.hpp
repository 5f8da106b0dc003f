#pragma once

/// A described circuit as a model of credit assignment: its phases as the stages of a trial, its rules as changes of
/// the network. Whatever a built-in model does by code follows here from the equations.
///
/// | of the description                           | in a trial                                                  |
/// |----------------------------------------------|-------------------------------------------------------------|
/// | a phase in which something moves             | a stage (models/credit), with the control loops found in it |
/// | a phase in which nothing does                | an evaluation                                               |
/// | what reads the post factor of W[l]'s rule    | the credit signal of layer l                                |
/// | a controller and what answers to it          | a control loop                                              |

#include <dynvert/models/credit/credit.hpp>
#include <dynvert/models/program/circuit_plan.hpp>
#include <dynvert/models/program/phase_program.hpp>
#include <dynvert/models/program/rule_program.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace dynvert {

class DescribedCircuit : public std::enable_shared_from_this<DescribedCircuit> {
 public:
  /// @param network   its shape
  /// @param recorded  names of populations, as files have them, that traces show; those that move are shown anyway
  /// @throws EquationError, ValueError  what an engine cannot do
  static std::shared_ptr<const DescribedCircuit> make(equations::Description description, const Network& network,
                                                      const RunNumbers& run,
                                                      const std::vector<std::string>& recorded = {});

  [[nodiscard]] const CircuitPlan& plan() const noexcept { return plan_; }
  /// As any other model. It owns what it needs of this.
  [[nodiscard]] CreditModel credit() const;

  /// Makes room for the matrices of the circuit that are not the network's, and for what optimisers remember: zeros.
  void size_matrices(Network& network) const;
  /// Copies B of the loops from the network, where measures look for it, or back.
  void take_feedback(const Network& network, Feedback& feedback) const;
  void put_feedback(const Feedback& feedback, Network& network) const;

  /// Which trial it is that begins. States that are drawn are a function of the seed, of this and of the population.
  struct Beginning {
    std::size_t trial = 0;
    bool evaluates = false;        ///< an evaluation: of its samples alone, nothing is carried over to it
    std::size_t first_sample = 0;  ///< in evaluations: of the first column, in the data set
    /// What earlier trials have left, by carried(); nullptr: nothing. NaN: nothing for that column yet.
    const std::vector<arma::mat>* carried = nullptr;
    std::span<const std::size_t> places = {};  ///< by column of the trial: its column there
  };
  /// The values that a trial begins with: [initial], or what was carried, input and target, and what follows from them.
  /// @param activity  holds x and t, and a and h where the forward pass is the network's
  void start(const Network& network, Activity& activity, Credit& credit, const Beginning& beginning) const;
  /// Populations whose states go over to the next trial, or to the next of the same sample.
  [[nodiscard]] const std::vector<std::size_t>& carried() const noexcept { return carried_; }
  [[nodiscard]] bool carries_per_sample() const { return plan_.description().carry_per == "sample"; }
  /// Takes those states of a trial. @param places  as in Beginning
  void carry(const Activity& activity, std::span<const std::size_t> places, std::vector<arma::mat>& carried) const;
  /// Gives the network the weights that have moved in the trial.
  void take_moved(const PopulationValues& values, Network& network) const;
  /// What the rules make of a trial: changes by rule, and what optimisers remember then. All are of the weights as
  /// they are; nothing is changed yet.
  struct Changes {
    std::vector<arma::mat> of_rules;
    std::vector<arma::mat> memory;
    /// Whether weights stay finite by them.
    [[nodiscard]] bool is_finite() const;
  };
  [[nodiscard]] Changes changes(std::size_t trial, const Activity& activity, const Network& network) const;
  void apply(const Changes& changes, Network& network) const;
  [[nodiscard]] const std::vector<RuleProgram>& rules() const noexcept { return rules_; }
  /// The output is what [readout] says, by phases; else it is that of the network's own forward pass.
  [[nodiscard]] bool has_own_readout() const noexcept;
  /// The stages of an evaluation: those up to the readout's phase, without rules.
  [[nodiscard]] std::vector<Stage> evaluation_stages() const;
  /// Some rule, or the readout, averages over time: trajectories are needed, a sample each step.
  [[nodiscard]] bool takes_averages() const noexcept { return averages_ > 0 || averages_readout(); }
  [[nodiscard]] bool averages_readout() const noexcept { return !averaged_.empty(); }

 private:
  struct PhaseEntry {
    std::unique_ptr<PhaseProgram> program;
    double begin = 0, duration = 0;
    bool again = false;      ///< what is at rest is evaluated anew: the phase before had equations of its own
    bool is_read = false;    ///< something refers to its end
    std::string clock;       ///< its time axis
    bool continues = false;  ///< begins where the phase before it on its clock ends
  };
  struct Initial {
    std::size_t population = 0;
    std::optional<SumProgram> sum = std::nullopt;       ///< of an algebraic population
    std::optional<SignalValue> signal = std::nullopt;   ///< of [initial]
    arma::vec constant = {};                            ///< likewise, of each unit
    double half_width = 0, standard_deviation = 0;      ///< of a distribution around it; 0: none
    std::optional<std::size_t> carried = std::nullopt;  ///< its place among the carried
  };

  DescribedCircuit(equations::Description description, const Network& network, const RunNumbers& run,
                   const std::vector<std::string>& recorded);
  [[nodiscard]] std::vector<DerivedSignal> derived(std::size_t phase) const;
  [[nodiscard]] const Network& newest(const Network& network, const PopulationValues& values, Network& moved) const;
  void make_rules();
  void find_initial();
  void find_carried();
  void find_readout();
  void make_phases();
  void find_clocks();
  void check_phases(const equations::RuleTerm& term) const;
  [[nodiscard]] std::vector<Stage> stages() const;
  [[nodiscard]] Stage stage(std::size_t phase) const;
  [[nodiscard]] std::vector<ControlLoop> loops(const PhaseProgram& program) const;
  /// The values with which a phase opens.
  [[nodiscard]] std::vector<arma::mat> opened(std::size_t phase, const Network& network,
                                              const PopulationValues& values) const;
  [[nodiscard]] arma::mat drawn(const Initial& initial, const Beginning& beginning, std::size_t columns) const;
  /// Stage::follow of a phase. @param for_rules  products that rules average, too
  [[nodiscard]] std::function<void(const Network&, const RightHandSide&, const StatePath&, const State&, Activity&)>
  follow(std::size_t phase, bool for_rules) const;
  /// A phase on its way.
  struct Way;
  void integrate_rules(const Way& way, Activity& activity) const;
  void integrate_readout(const Way& way, Activity& activity) const;
  [[nodiscard]] arma::mat average_readout(const Activity& activity) const;
  [[nodiscard]] bool averages_in(const RuleProgram::Average& average, std::size_t phase) const;
  void publish(std::size_t phase, Activity& activity, Credit& credit) const;

  CircuitPlan plan_;
  std::vector<std::size_t> units_;
  std::vector<std::size_t> shown_;  ///< algebraic populations that traces show
  std::vector<RuleProgram> rules_;
  std::size_t averages_ = 0;
  std::vector<Initial> initial_;  ///< in the order of dependence
  std::vector<PhaseEntry> phases_;
  std::optional<std::size_t> output_error_;
  std::vector<std::size_t> carried_;
  std::string carried_after_;  ///< the phase at whose end
  std::optional<CircleSolver> start_circles_;
  bool starts_alike_ = true;  ///< from the same values in every trial, up to input and target
  std::optional<SignalValue> readout_;
  std::vector<std::size_t> averaged_;  ///< what a readout names that is averaged over its phase; else empty
  std::size_t readout_phase_ = 0, credit_phase_ = 0;
};

}  // namespace dynvert
