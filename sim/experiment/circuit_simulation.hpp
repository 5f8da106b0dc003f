#pragma once

/// A user-defined circuit that is advanced step by step by the caller, who reads and sets its state and its inputs in
/// between: for closed loops with other code. What moves it is what a trial has (circuit_experiment.cpp): the same
/// right-hand side, solver and inputs, so that advances that add up to a trial give the states of that trial.
///
/// Population i gets   [[input]] tables at time t   +   input(i), which the caller sets and which stays until it is set
/// again.
///
/// | symbol | shape           | meaning                                                          | units |
/// |--------|-----------------|------------------------------------------------------------------|-------|
/// | x_i    | n_i x columns   | state of population i; column c begins as trial c does           | 1     |
/// | input  | n_i x columns   | what the caller adds to the inputs of the configuration          | 1     |
/// | t      |                 | time since the beginning                                         | time  |

#include <dynvert/sim/experiment/user_circuit.hpp>
#include <dynvert/sim/solvers/solver.hpp>

#include <armadillo>

#include <cstddef>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace dynvert {

class CircuitSimulation {
 public:
  /// @throws ValueError  a configuration of another kind; a solver without steps in time; one for linear circuits, of
  ///                     a circuit that is not; no columns
  ///         ValueError, IoError  weights that cannot be had
  CircuitSimulation(const Config& config, std::size_t columns);

  [[nodiscard]] const std::vector<Population>& populations() const { return circuit_.circuit.populations(); }
  [[nodiscard]] const std::vector<Projection>& projections() const { return circuit_.circuit.projections(); }
  /// @throws ValueError naming the known ones
  [[nodiscard]] PopulationIndex population(const std::string& name) const;
  [[nodiscard]] ProjectionIndex projection(const std::string& name) const;
  [[nodiscard]] std::size_t columns() const { return f_.layout().columns(); }
  [[nodiscard]] double time() const noexcept { return time_; }

  /// The state and the caller's input: the same memory for as long as this lives.
  [[nodiscard]] MatrixView state(PopulationIndex p) { return f_.layout().view(std::span<double>(x_), p); }
  [[nodiscard]] MatrixView input(PopulationIndex p) { return f_.layout().view(std::span<double>(given_), p); }
  /// The matrix where it lies, target units x source units: the same memory for as long as this lives.
  /// @throws ValueError  a one-to-one projection
  [[nodiscard]] ConstMatrixView weights(ProjectionIndex k) const { return f_.weights_view(k); }
  /// The number c of a one-to-one projection c I.
  [[nodiscard]] double scale(ProjectionIndex k) const;
  /// @throws ValueError  another shape, values that are not finite
  void set_weights(ProjectionIndex k, const arma::mat& weights);
  /// @throws ValueError  a projection with a matrix, a value that is not finite
  void set_scale(ProjectionIndex k, double scale);
  /// Whether it has a matrix, and no single number.
  [[nodiscard]] bool has_matrix(ProjectionIndex k) const;

  /// Advances time and state. Fixed steps: by whole steps.
  /// @throws ValueError      a duration that is not positive, or no whole number of steps; noise beyond the duration
  ///                         for which it was drawn
  ///         DivergenceError a column has left the allowed range: time and state are then as they were before the call
  ///         NumericalError  step limit; likewise
  ///         Interrupted     see sim/platform/interruption.hpp; likewise
  void advance(double duration);
  /// Back to the beginning: time 0, the initial state. Weights and the caller's inputs stay.
  void reset();

  /// At the present state; 1/time. Rows and columns are the populations' units in their order.
  [[nodiscard]] arma::mat jacobian(std::size_t column);
  /// @throws NumericalError  not finite, or no convergence
  [[nodiscard]] arma::cx_vec spectrum(std::size_t column);
  /// Under the present inputs, from the present state on, which stays. Of the layout of `state`.
  /// @throws NumericalError  there is none, or none was found
  ///         ValueError      an input that is changing
  [[nodiscard]] State steady_state();
  [[nodiscard]] ConstMatrixView view(const State& x, PopulationIndex p) const {
    return f_.layout().view(std::span<const double>(x), p);
  }

 private:
  /// The first switch of an input after t; infinity: none.
  [[nodiscard]] double next_switch(double t) const;
  /// The inputs in an interval of time that no switch divides.
  void set_inputs(double begin, double end);
  void check_column(std::size_t column) const;

  UserCircuit circuit_;
  RightHandSide f_;
  std::unique_ptr<Solver> solver_;
  std::vector<InputSignals> signals_;  ///< by population
  std::vector<double> switches_;       ///< ascending
  double noise_ends_ = std::numeric_limits<double>::infinity();
  State x_, given_, moving_;  ///< moving_: what the solver works on
  double time_ = 0;
};

}  // namespace dynvert
