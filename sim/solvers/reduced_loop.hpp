#pragma once

/// A control loop in as many units as its smallest population has. In a cycle p_0 -> p_1 -> .. -> p_{k-1} -> p_0
/// (cycle.hpp; p_0 is the smallest population) that starts from rest and has one constant input s, into p_d,
///
///     tau_i dx_i/dt = -leak_i x_i + C_i f_i(x_{i-1}) + [i = d] s,          f_i the identity for i != 1,
///
/// every population stays in the span of what p_0 sends it and of what s sends it,
///
///     x_i = T_i z_i + g_i y_i,       T_i = C_i .. C_1,   g_i = C_i .. C_{d+1} s,
///
///     tau_i dz_i/dt = -leak_i z_i + z_{i-1}                                z_1 driven by f_1(x_0)
///     tau_i dy_i/dt = -leak_i y_i + y_{i-1}                                i >= d > 0, y_d driven by 1
///     tau_0 dx_0/dt = -leak_0 x_0 + M z_{k-1} + g_0 y_{k-1},               M = C_0 T_{k-1},
///
/// where for d = 0 there are no y, and s is the input of x_0. So M (n_0 x n_0) takes the place of all weights: the loop
/// between 1000 hidden units and 10 outputs is one of 10 units. This is again a circuit, which any solver can take; a
/// fixed step of it is the same step of the whole loop, up to rounding error, since these schemes act alike in all
/// linear coordinates. With the equations of dynamic inversion (delta, u): d = 0 contracts (n_l < n_{l-1}, f linear: z
/// is delta in the span of B), d = 1 expands (n_l > n_{l-1}, f any: u = W v - s y).
///
/// | symbol    | shape         | meaning                                                     | units |
/// |-----------|---------------|-------------------------------------------------------------|-------|
/// | x_i       | n_i x columns | state of p_i                                                | 1     |
/// | C_i       | n_i x n_{i-1} | weights of the projection p_{i-1} -> p_i, of all columns    | 1     |
/// | f_i       |               | what it transmits                                           | 1     |
/// | s         | n_d x columns | input                                                       | 1     |
/// | z_i       | n_0 x columns | coordinates of x_i                                          | 1     |
/// | y_i       | 1 x columns   | response of p_d .. p_i to a constant 1                      | 1     |
/// | M         | n_0 x n_0     | the weights once around the cycle                           | 1     |

#include <dynvert/analysis/cycle.hpp>
#include <dynvert/sim/solvers/fixed_step.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace dynvert {

class ReducedLoop {
 public:
  /// @param driven  the population that has an input
  /// @return nothing where the circuit is not one such cycle, or has plasticity
  [[nodiscard]] static std::optional<ReducedLoop> of(const Circuit& circuit, PopulationIndex driven);
  ReducedLoop(const ReducedLoop&) = delete;
  ReducedLoop& operator=(const ReducedLoop&) = delete;
  ReducedLoop(ReducedLoop&&) noexcept = default;
  ReducedLoop& operator=(ReducedLoop&&) noexcept = default;
  ~ReducedLoop() = default;

  /// n_0
  [[nodiscard]] std::size_t units() const { return units_; }
  /// all f_i are the identity
  [[nodiscard]] bool linear() const { return circuit_.is_linear() && !has_gain_; }
  /// Multiplications that a step of one column takes: of the whole loop, of the reduced one; and those that reducing
  /// takes once.
  [[nodiscard]] std::size_t whole_cost() const { return whole_cost_; }
  [[nodiscard]] std::size_t reduced_cost() const { return units_ * units_; }
  [[nodiscard]] std::size_t reduction_cost() const { return units_ * whole_cost_; }

  /// Takes weights, gains, time constants, leaks and the input from an evaluator of the circuit, with its columns.
  void load(const RightHandSide& whole);
  /// The reduced circuit, ready to be run from zero state.
  [[nodiscard]] RightHandSide& f() { return *f_; }
  /// No population leaves +-limit while the reduced circuit stays within +-limit / growth().
  [[nodiscard]] double growth() const { return growth_; }
  /// x from the state of the reduced circuit. @param x  of the layout of the circuit
  void lift(const State& reduced, State& x) const;

  /// Takes so many steps of a scheme from a given state of an evaluator of the reduced circuit.
  using Stepper = std::function<void(RightHandSide&, State&, std::size_t)>;

  /// Of a linear loop whose columns have the same time constants and leaks: the state of the reduced circuit after a
  /// number of steps from rest, by squaring the matrix of one step. The core (x_0, z_1 ..), the N = k n_0 variables
  /// that the cycle connects, moves by  X <- A X + R Y,  Y <- S Y  with Y = (y_d, .., y_{k-1}, 1); two steps are
  /// A^2, A R + R S and S^2.
  /// @param limit  nothing is returned where a variable may have been beyond it after a multiple of
  /// steps_between_checks, or at the end
  [[nodiscard]] std::optional<State> propagate(std::size_t steps, const Stepper& step, double limit);
  /// Multiplications that propagate() takes.
  [[nodiscard]] double propagation_cost(std::size_t steps, std::size_t columns) const;

  /// The same by strides of m <= steps_between_checks steps, of a loop of two populations that a step moves one after
  /// the other. The blocks of the step's matrix A are polynomials of M, so they commute, and A is a root of its own
  /// characteristic polynomial over them (Cayley-Hamilton): A^2 = t A - d with the trace t = c_0 + c_1 M and the
  /// determinant d, which for such a step is a number. So what the core moves by in one stride after another
  /// follows by itself,
  ///
  ///     e_k = X((k + 1) m) - X(k m),   e_{k+1} = t_m e_k - d^m e_{k-1},
  ///
  /// which slow modes need as a motion that changes little,
  ///
  ///     f_{k+1} = d^m f_k + P_m e_k + sigma^k rho,   e_{k+1} = e_k + f_{k+1},   X((k + 1) m) = X(k m) + e_k,
  ///     P_m = t_m - 1 - d^m,   P_2m = 2 (1 + d^m) P_m + P_m^2,
  ///
  /// where sigma is the factor by which y_1 comes closer to its end in a stride (without y there is no such term). The
  /// first two or three strides are taken step by step. log2 m products of n_0 x n_0 matrices, and one of P and two
  /// columns a stride.
  /// @param length  m
  [[nodiscard]] std::optional<State> stride(std::size_t steps, std::size_t length, const Stepper& step, double limit);
  [[nodiscard]] bool can_stride(std::size_t steps) const;
  struct StrideCost {
    double multiplications = 0;
    std::size_t length = 0;
  };
  /// The length that takes the least multiplications, and how many. @param of_step  what one of a step of one column
  /// counts
  [[nodiscard]] StrideCost stride_cost(std::size_t steps, std::size_t columns, double of_step) const;
  [[nodiscard]] std::size_t stride_values(std::size_t columns) const;

  [[nodiscard]] bool columns_are_alike() const;
  /// Numbers that are kept in memory, by the reduced circuit and by propagate().
  [[nodiscard]] std::size_t reduced_values(std::size_t columns) const;
  [[nodiscard]] std::size_t propagation_values(std::size_t columns) const;

 private:
  class Blocks;
  struct Power;
  struct Strides;
  ReducedLoop() = default;
  void take_first_step(const Stepper& step);
  double find_recurrence(std::size_t length, const Stepper& step);
  [[nodiscard]] std::size_t members() const { return cycle_.populations.size(); }

  Cycle cycle_;
  std::size_t d_ = 0;  // of the driven population
  std::size_t units_ = 0, whole_cost_ = 0;
  std::vector<std::size_t> whole_units_;  // n_i
  bool has_gain_ = false;
  Circuit circuit_;                         // reduced
  std::vector<PopulationIndex> core_;       // x_0, z_1 .. z_{k-1} in it
  std::vector<PopulationIndex> q_, y_;      // of i = d .. k-1; q_i is g_0 y_i
  ProjectionIndex first_ = 0, around_ = 0;  // f_1, M
  std::optional<RightHandSide> f_;
  // scratch, which only their own files know; shared_ptr needs to know no more
  std::shared_ptr<Power> power_;      // of propagate()
  std::shared_ptr<Strides> strides_;  // of stride()
  std::vector<arma::mat> T_, g_;      // by i; T_1 is C_1 itself, g_d is s
  ConstMatrixView C_1_;
  double growth_ = 1;
};

}  // namespace dynvert
