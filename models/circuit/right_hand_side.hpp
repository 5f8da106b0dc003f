#pragma once

/// The one right-hand side of the project: evaluates a circuit, whole for the odeint steppers or (SequentialStep) block
/// by block, and gives its Jacobian from the same description.

#include <dynvert/models/circuit/circuit.hpp>
#include <dynvert/models/circuit/rate_function.hpp>
#include <dynvert/models/circuit/state.hpp>
#include <dynvert/models/kernels/kernels.hpp>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace dynvert {

/// Holds a circuit's weights in the kernels' layout, and what belongs to the trials that are run now: inputs, gains,
/// time constants and leaks, a column a trial. Used by one thread at a time (it has scratch space of its own).
///
/// The state has a block for each population, in the circuit's order, and after them one for each plastic projection:
/// its weights, column-major, which all columns share. Where populations stand for others of the same time, their
/// inputs are where the search for the solution begins.
class RightHandSide {
 public:
  /// @param columns  trials that run together
  RightHandSide(Circuit circuit, std::size_t columns);

  /// without its weight matrices: weights() has them
  [[nodiscard]] const Circuit& circuit() const noexcept { return circuit_; }
  [[nodiscard]] const Layout& layout() const noexcept { return layout_; }
  /// name of a block of the state: of the population, or of the projection whose weights move
  [[nodiscard]] const std::string& block_name(std::size_t block) const;

  /// Starts new trials: all inputs 0, all gains 1, no drives; time constants and leaks as the circuit has them.
  void set_columns(std::size_t columns);
  /// Keeps the named columns (ascending), in their order, with what belongs to them. For trials that have ended.
  void keep_columns(std::span<const std::size_t> columns);
  /// Becomes the single column c of another evaluator of the same circuit: its input, gains, parameters and drives.
  /// Weights that move are then moved by that column alone.
  void take_column(const RightHandSide& from, std::size_t c);

  /// @param weights  target units x source units. @throws ValueError on another shape, or for a one-to-one projection
  void set_weights(ProjectionIndex projection, const arma::mat& weights);
  /// The number c of a one-to-one projection. @throws ValueError for a projection with a matrix
  void set_scale(ProjectionIndex projection, double scale);
  /// @return target units x source units; c I for a one-to-one projection. Of a plastic projection: those set last.
  [[nodiscard]] arma::mat weights(ProjectionIndex projection) const;
  /// The same where it lies, target units x source units. @throws ValueError for a one-to-one projection
  [[nodiscard]] ConstMatrixView weights_view(ProjectionIndex projection) const;

  /// A plastic projection's rule, whose rate, decay and coefficients may be changed between segments.
  [[nodiscard]] Plasticity& plasticity(std::size_t i) { return plasticity_[i]; }
  /// Writes the weights that were set last into the state, or takes them from there.
  void put_weights(State& x) const;
  void take_weights(const State& x);
  /// Clips weights that move to their bounds, in the state and here.
  [[nodiscard]] bool has_bounds() const noexcept { return has_bounds_; }
  void clip_weights(State& x);
  /// Where populations stand for others of the step before: what they will be in the next step, of a complete state at
  /// the beginning of this one; and gives them those values.
  [[nodiscard]] bool looks_back() const noexcept { return looks_back_; }
  void look(const State& x);
  void step_back(State& x) const;

  /// The input of a population, units x columns, to be written by the caller.
  [[nodiscard]] MatrixView input(PopulationIndex population) {
    return layout_.view(std::span<double>(inputs_), population);
  }
  [[nodiscard]] ConstMatrixView input(PopulationIndex population) const {
    return layout_.view(std::span<const double>(inputs_), population);
  }
  /// The gain of a projection, source units x columns. @throws ValueError if it transmits none or follows a population
  [[nodiscard]] MatrixView gain(ProjectionIndex projection);
  [[nodiscard]] ConstMatrixView gain(ProjectionIndex projection) const;
  /// Time constant and leak of a population, by column.
  [[nodiscard]] std::span<double> tau(PopulationIndex population) { return tau_[population]; }
  [[nodiscard]] double tau(PopulationIndex population, std::size_t column) const { return tau_[population][column]; }
  [[nodiscard]] std::span<double> leak(PopulationIndex population) { return leak_[population]; }
  [[nodiscard]] double leak(PopulationIndex population, std::size_t column) const { return leak_[population][column]; }

  /// An input that depends on time: called before each evaluation with the time, the input to fill, and the trials that
  /// its columns are (numbers of columns as they were before any ended).
  using Drive = std::function<void(double t, std::span<const std::size_t> columns, MatrixView input)>;
  void set_drive(PopulationIndex population, Drive drive);
  [[nodiscard]] bool has_drives() const;

  /// White noise of trials: which path each column has. Numbers are functions of seed, population, path, step and unit
  /// alone. @param paths  one a column. @throws ValueError  another number of them
  void set_noise(std::uint64_t seed, std::span<const std::uint64_t> paths);
  /// x += sigma/tau dW of a step, for all that has noise. @param step  its number, t / dt
  /// @throws ValueError  no paths have been set since the columns were
  void add_noise(State& x, std::uint64_t step, double dt) const;

  /// dx/dt; the system function of the odeint steppers. Algebraic populations are evaluated from the others, whatever
  /// the state says of them; theirs is 0.
  void operator()(const State& x, State& dxdt, double t);
  /// Writes the algebraic populations of the state x at the time t into it.
  /// @throws NumericalError  circles of algebraic populations without a solution that Newton's method finds
  void complete(State& x, double t);

  /// d(dx/dt)/dx of one column, variables x variables, in the order of the blocks, at the state x: total through
  /// algebraic populations, whose own rows and columns are zero.
  [[nodiscard]] arma::mat jacobian(const State& x, std::size_t column);
  /// Positions in a column's vector of the variables of these populations.
  [[nodiscard]] arma::uvec variables_of(std::span<const PopulationIndex> populations) const;
  /// Of all variables but those of clamped and algebraic populations.
  [[nodiscard]] arma::uvec free_variables() const;

  /// f(x) of a projection, source units, and its slope d f_j / d x_j of each unit of the source (what gains that follow
  /// another population owe to that population is not in it). @throws ValueError  slope of a rate function that does
  /// not act on each unit by itself
  [[nodiscard]] arma::vec transmitted(ProjectionIndex projection, const State& x, std::size_t column);
  [[nodiscard]] arma::vec slope(ProjectionIndex projection, const State& x, std::size_t column);

 private:
  friend class SequentialStep;  // moves populations one by one, by the jobs below

  /// W f of a projection whose weights are many: by BLAS.
  struct Product {
    ProjectionIndex projection = 0;
    ConstMatrixView f;
  };
  /// The kernel's job for one population, and which of its terms must be computed anew before each evaluation.
  struct Job {
    AffineUpdate update;
    std::vector<AffineTerm> terms;
    std::vector<double> rate;  // by column
    std::vector<ProjectionIndex> computed;
    std::vector<Product> products;
    std::vector<RowProduct> row_products;
  };
  /// By population: the projection whose scratch gets what the population transmits whenever it moves.
  using Carriers = std::vector<std::optional<ProjectionIndex>>;
  /// What is transmitted of a population: by a projection, or as a factor of plasticity.
  struct Transmission {
    PopulationIndex population = 0;
    Transmit transmits = Transmit::state;
    std::optional<GainFollows> follows = std::nullopt;
    const double* gain = nullptr;  // of a given gain, first column
  };
  /// Its derivative by the state of one population: a diagonal, or a full matrix.
  struct Derivative {
    PopulationIndex population = 0;
    arma::rowvec diagonal{};
    arma::mat full{};
  };

  void make_layout(std::size_t columns);
  [[nodiscard]] std::size_t populations() const { return circuit_.populations().size(); }
  [[nodiscard]] Transmission signal_of(ProjectionIndex k) const;
  [[nodiscard]] static Transmission signal_of(const Factor& factor);
  void value_of(const Transmission& signal, const State& x, std::size_t column, double* f) const;
  [[nodiscard]] std::vector<Derivative> derivatives(const Transmission& signal, const State& x,
                                                    std::size_t column) const;

  /// The job of out = keep x + dt dx/dt.
  /// @param in_place  out is x's own block: nothing, or what is carried then
  void prepare(Job& job, PopulationIndex p, const State& x, double* out, double keep, double dt,
               const Carriers* in_place);
  void evaluate(const Job& job, PopulationIndex p, const State& x, double t);
  /// Fills the block of a signal in x.
  void evaluate_signal(PopulationIndex p, State& x);
  void transmit(ProjectionIndex k, const State& x);
  [[nodiscard]] bool is_for_rows(ProjectionIndex k) const;
  [[nodiscard]] RowProduct row_product(ProjectionIndex k, const double* source);
  void size_product(ProjectionIndex k);
  /// The algebraic populations in their order, each from those before it.
  void evaluate_algebraic(State& x, double t);
  /// The same where there are circles; the next search begins at this solution.
  void complete_and_keep(State& x, double t);
  void solve_circles(State& x, double t);
  [[nodiscard]] arma::mat circle_jacobian(const State& x, std::size_t column);
  /// The sum of post of a product, of one column. @param term  scratch
  void post_of(const PlasticProduct& product, const State& x, std::size_t column, double* post, double* term) const;
  /// out = keep W + dt dW/dt of the plastic projection i
  void move_weights(std::size_t i, const State& x, double* out, double keep, double dt);
  void eliminate_algebraic(arma::mat& jacobian) const;
  void eliminate_circles(arma::mat& jacobian) const;
  void add_plasticity(arma::mat& jacobian, std::size_t i, const State& x, std::size_t column) const;
  [[nodiscard]] std::size_t gain_stride(ProjectionIndex k) const { return padded(source_of(k).units); }
  [[nodiscard]] const Population& source_of(ProjectionIndex k) const {
    return circuit_.populations()[circuit_.projections()[k].source];
  }
  [[nodiscard]] const Population& target_of(ProjectionIndex k) const {
    return circuit_.populations()[circuit_.projections()[k].target];
  }

  Circuit circuit_;
  Layout layout_;
  const Kernels* kernels_;
  std::vector<std::vector<ProjectionIndex>> incoming_;  // by target
  std::vector<const RateFunction*> rates_;              // by population
  std::vector<bool> rates_padded_;                      // g(0) = 0
  std::vector<State> weights_;                          // by projection: padded columns; empty for one-to-one
  std::vector<double> scales_;                          // by projection: of one-to-one
  std::vector<State> gains_;                            // by projection: given gains, padded source units x columns
  std::vector<State> scratch_;                          // by projection: what it transmits, if not the state itself
  std::vector<State> products_;                         // by projection: W f, where it is computed by itself
  std::vector<bool> for_rows_;                          // by projection: few rows of many inputs
  std::vector<State> by_rows_;                          // by projection: its weights row by row, once asked for
  std::vector<bool> by_rows_is_current_;                // by projection
  std::vector<std::vector<double>> tau_, leak_;         // by population, by column
  std::vector<Plasticity> plasticity_;
  bool has_bounds_ = false, looks_back_ = false;
  std::vector<double> post_, pre_;        // scratch of plasticity
  std::vector<PopulationIndex> circles_;  // populations that stand for others of the same time
  State looked_;
  std::vector<Job> jobs_;  // by population: of operator()
  State inputs_;
  bool has_algebraic_ = false;
  State completed_;                         // of operator(): the state with its algebraic populations
  std::vector<ConstMatrixView> arguments_;  // scratch of signals
  std::vector<Drive> drives_;
  std::vector<std::size_t> columns_;  // the numbers of the columns that are left
  std::uint64_t noise_seed_ = 0;
  std::vector<std::uint64_t> noise_keys_;  // by population: of noise_seed_
  std::vector<std::uint64_t> paths_;       // by column; empty: not set
};

}  // namespace dynvert
