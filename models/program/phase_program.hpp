#pragma once

/// One phase of a described circuit, ready to be integrated: what moves as a Circuit (models/circuit), what does not as
/// its inputs, gains and clamped populations, evaluated once when the phase opens.
///
/// | population                                     | is                                                              |
/// |------------------------------------------------|-----------------------------------------------------------------|
/// | moves in the phase                             | a population of the circuit, in the order of the equations      |
/// | algebraic, on the way from moving to moving,   | an algebraic population of the circuit, or folded into what     |
/// | or asked for                                   | reads it, if it only renames, transmits or scales by a slope    |
/// | algebraic, depends on what moves, otherwise    | evaluated when the phase closes                                 |
/// | stands for another (circuit_plan.hpp)          | a clamped population of the circuit, which stands for the other |
/// | anything else                                  | evaluated when the phase opens; its terms are inputs            |
///
/// Signals become what the circuit transmits, so that they run by its kernels, and loops are seen by their structure:
///
/// | signal                   | transmits                                       |
/// |--------------------------|-------------------------------------------------|
/// | x                        | the state                                       |
/// | f(x), a rate function    | the rate                                        |
/// | x .* c, x ./ c           | the state times a gain, c at rest               |
/// | x .* f'(y), x ./ f'(y)   | the state times a gain that follows y           |
/// | any other                | the state of an algebraic population, a signal  |

#include <dynvert/models/circuit/circuit.hpp>
#include <dynvert/models/program/circle_solver.hpp>
#include <dynvert/models/program/sum_program.hpp>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dynvert {

class PhaseProgram {
 public:
  /// @param kept   populations that are to be evaluated as the phase goes on, whether or not what moves needs them
  PhaseProgram(const CircuitPlan& plan, const equations::Phase& phase, const std::vector<std::size_t>& kept);

  [[nodiscard]] const equations::Phase& phase() const noexcept { return phase_; }
  [[nodiscard]] const Circuit& circuit() const noexcept { return circuit_; }
  /// Where a population of the description is in the circuit; nothing: it is not in it, or it is folded.
  [[nodiscard]] std::optional<PopulationIndex> block(std::size_t population) const { return blocks_[population]; }
  /// The projection through which a population acts by a matrix, and the matrix.
  struct MatrixProjection {
    ProjectionIndex projection = 0;
    std::size_t matrix = 0;
    bool transposed = false;
    double coefficient = 1;
  };
  [[nodiscard]] const std::vector<MatrixProjection>& matrices() const noexcept { return matrices_; }
  /// Depends on what moves in this phase.
  [[nodiscard]] bool varies(std::size_t population) const { return varies_[population]; }

  /// Takes the weights.
  void load(const Network& network, RightHandSide& f) const;
  /// Populations that the phase sets or gives, and what depends on them. Does nothing where there are none.
  /// @param again  the phase before had equations of its own, so that everything at rest is evaluated
  void open(const Network& network, std::size_t columns, bool again, std::vector<arma::mat>& values) const;
  /// Whether `open` changes anything.
  [[nodiscard]] bool opens() const noexcept { return opens_; }
  /// Inputs, gains and states from the values at the beginning.
  void enter(const Network& network, const std::vector<arma::mat>& values, RightHandSide& f, State& x) const;
  /// The values of what moved and of what depends on it. @param x  at the end
  void close(const Network& network, const RightHandSide& f, const State& x, std::vector<arma::mat>& values) const;
  /// Of values of one column, those that follow from a state on the way: of what moves and all that depends on it.
  void follow(const Network& network, const RightHandSide& f, std::span<const double> state, std::size_t column,
              std::vector<arma::mat>& values) const;
  /// Weights that earlier phases of the trial have moved, in place of the network's.
  void load_moved(const std::map<std::size_t, arma::mat>& weights, RightHandSide& f) const;
  /// The weights that the phase has moved, by matrix. @param x  at the end
  void take_moved(const RightHandSide& f, const State& x, std::map<std::size_t, arma::mat>& weights) const;

 private:
  /// What a projection or a factor of plasticity reads.
  struct Source {
    PopulationIndex population = 0;
    Transmit transmits = Transmit::state;
    std::optional<GainFollows> follows = std::nullopt;
    std::optional<equations::Expression> gain = std::nullopt;  ///< at rest: given
    bool reciprocal = false;                                   ///< of it
  };
  struct Evaluation {
    std::size_t population = 0;
    SumProgram sum;
  };
  struct Gain {
    ProjectionIndex projection = 0;
    SignalValue value;
    bool reciprocal = false;
  };

  static void evaluate(const std::vector<Evaluation>& evaluations, const Network& network, std::size_t columns,
                       std::vector<arma::mat>& values);
  void find_varying();
  void find_needed(const std::vector<std::size_t>& kept);
  void add_references();
  void add_low_passes();
  [[nodiscard]] PopulationIndex block_of(const equations::Expression& signal, std::size_t units);
  void find_folded(const std::vector<std::size_t>& kept);
  void add_population(std::size_t p, std::optional<Signal> signal = std::nullopt);
  void add_terms(std::size_t p);
  void add_plasticity();
  [[nodiscard]] std::vector<WeightUse> uses_of(std::size_t matrix) const;
  void add_products(const equations::Rule& rule, double faster, Plasticity& plasticity);
  void find_evaluations();
  [[nodiscard]] const std::vector<equations::Term>& terms(std::size_t p) const;
  [[nodiscard]] bool is_algebraic(std::size_t p) const;
  [[nodiscard]] bool is_moving_matrix(const equations::Term& term) const;
  [[nodiscard]] bool varies(const equations::Expression& e) const;
  [[nodiscard]] bool varies(const equations::Term& term) const;
  [[nodiscard]] equations::Expression folded(const equations::Expression& e) const;
  [[nodiscard]] std::optional<std::size_t> varying_name(const equations::Expression& e) const;
  /// f of f'(y) or f(y), and y; a rate function of the project, of a varying y
  [[nodiscard]] std::optional<std::pair<std::string, std::size_t>> rate_of(const equations::Expression& e,
                                                                           int primes) const;
  bool take_rate(PopulationIndex p, const std::string& rate);
  [[nodiscard]] PopulationIndex block_of_one();
  [[nodiscard]] PopulationIndex block_for(std::size_t p);
  [[nodiscard]] Source source(const equations::Expression& signal, std::size_t units);
  [[nodiscard]] std::optional<Source> known_source(const equations::Expression& signal);
  [[nodiscard]] Signal signal_of(const equations::Expression& e);
  [[nodiscard]] PopulationIndex add_scaled(PopulationIndex product, const equations::Expression& factor,
                                           std::size_t units);
  PopulationIndex add_signal(const equations::Expression& e, std::size_t units);
  ProjectionIndex project(const Source& source, PopulationIndex target, Weights weights, std::string name);
  [[nodiscard]] PopulationIndex add_product(const equations::Term& term, std::size_t units);

  const CircuitPlan& plan_;
  const equations::Phase& phase_;
  Circuit circuit_;
  std::vector<bool> varies_, moves_, needed_, stands_;  // by population; stands_: for another
  std::vector<std::optional<equations::Expression>> folded_;
  std::vector<std::optional<PopulationIndex>> blocks_;
  std::vector<bool> has_rate_;  // by block: its rate function is used
  std::vector<std::pair<equations::Expression, PopulationIndex>> signals_;
  std::vector<MatrixProjection> matrices_;
  std::vector<Gain> gains_;
  std::vector<std::pair<PopulationIndex, SumProgram>> inputs_;
  std::optional<PopulationIndex> one_;
  std::vector<std::size_t> plastic_;  // by plasticity of the circuit: its matrix
  std::vector<Evaluation> set_, resting_, closing_;
  std::optional<CircleSolver> circles_;  // of what rests
  bool opens_ = false;
};

}  // namespace dynvert
