#pragma once

/// The one right-hand side of the project: evaluates a circuit, whole for the odeint steppers or population by
/// population for sequential Euler, and gives its Jacobian from the same description.

#include <dynvert/models/circuit.hpp>
#include <dynvert/models/kernels.hpp>
#include <dynvert/models/rate_function.hpp>
#include <dynvert/models/state.hpp>

#include <functional>
#include <span>
#include <vector>

namespace dynvert {

/// Holds a circuit's weights in the kernels' layout, and what belongs to the trials that are run now: inputs and gains,
/// a column a trial. Used by one thread at a time (it has scratch space of its own).
class RightHandSide {
 public:
  /// @param columns  trials that run together
  RightHandSide(Circuit circuit, std::size_t columns);

  [[nodiscard]] const Circuit& circuit() const noexcept { return circuit_; }
  [[nodiscard]] const Layout& layout() const noexcept { return layout_; }

  /// Starts new trials: all inputs 0, all gains 1, no drives.
  void set_columns(std::size_t columns);
  /// Keeps the named columns (ascending), in their order, with their inputs and gains. For trials that have ended.
  void keep_columns(std::span<const std::size_t> columns);
  /// Becomes the single column c of another evaluator of the same circuit: its input, gains and drives.
  void take_column(const RightHandSide& from, std::size_t c);

  /// @param weights  target units x source units. @throws ValueError on another shape, or for a one-to-one projection
  void set_weights(ProjectionIndex projection, const arma::mat& weights);
  /// @return target units x source units; c I for a one-to-one projection
  [[nodiscard]] arma::mat weights(ProjectionIndex projection) const;

  /// The input of a population, units x columns, to be written by the caller.
  [[nodiscard]] MatrixView input(PopulationIndex population) {
    return layout_.view(std::span<double>(inputs_), population);
  }
  [[nodiscard]] ConstMatrixView input(PopulationIndex population) const {
    return layout_.view(std::span<const double>(inputs_), population);
  }
  /// The gain of a projection, source units x columns. @throws ValueError if it transmits none or follows a population
  [[nodiscard]] MatrixView gain(ProjectionIndex projection);

  /// An input that depends on time: called before each evaluation with the time, the input to fill, and the trials that
  /// its columns are (numbers of columns as they were before any ended).
  using Drive = std::function<void(double t, std::span<const std::size_t> columns, MatrixView input)>;
  void set_drive(PopulationIndex population, Drive drive);
  [[nodiscard]] bool has_drives() const;

  /// dx/dt; the system function of the odeint steppers.
  void operator()(const State& x, State& dxdt, double t);

  /// Sequential Euler in place: `bind` fixes the state and the step, `advance(p, t)` does x_p += dt dx_p/dt of the
  /// population p alone. The state may not move, nor weights, columns or gains be replaced, until the next `bind`.
  void bind(State& x, double dt);
  void advance(PopulationIndex p, double t);

  /// d(dx/dt)/dx of one column, variables x variables, in the order of the populations, at the state x.
  [[nodiscard]] arma::mat jacobian(const State& x, std::size_t column);

 private:
  /// The kernel's job for one population, and which of its terms must be computed anew before each evaluation.
  struct Job {
    AffineUpdate update;
    std::vector<AffineTerm> terms;
    std::vector<ProjectionIndex> computed;
  };

  void prepare(Job& job, PopulationIndex p, const State& x, double* out, double keep, double rate);
  void evaluate(const Job& job, PopulationIndex p, const State& x, double t);
  void transmit(ProjectionIndex k, const State& x);
  [[nodiscard]] std::size_t gain_stride(ProjectionIndex k) const { return padded(source_of(k).units); }
  [[nodiscard]] const Population& source_of(ProjectionIndex k) const {
    return circuit_.populations()[circuit_.projections()[k].source];
  }

  Circuit circuit_;
  Layout layout_;
  AffineKernel kernel_;
  std::vector<std::vector<ProjectionIndex>> incoming_;  // by target
  std::vector<const RateFunction*> rates_;              // by population
  std::vector<State> weights_;                          // by projection: padded columns; empty for one-to-one
  std::vector<State> gains_;                            // by projection: given gains, padded source units x columns
  std::vector<State> scratch_;                          // by projection: what it transmits, if not the state itself
  std::vector<Job> jobs_;                               // by population: of operator()
  std::vector<Job> bound_;                              // by population: of advance
  const State* bound_state_ = nullptr;
  State inputs_;
  std::vector<Drive> drives_;
  std::vector<std::size_t> columns_;  // the numbers of the columns that are left
};

}  // namespace dynvert
