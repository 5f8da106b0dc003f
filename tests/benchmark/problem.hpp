#pragma once

/// What the inversions of the benchmarks invert: one loop with a matrix W (n_l x n_{l-1}) as the tasks have it,
/// U(-w, w) with B = -W', scaled so that its largest singular value is near 1: there all fixed-step schemes are stable.

#include <dynvert/models/credit/inversion_chain.hpp>
#include <dynvert/sim/solvers/solver.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace dynvert::benchmarks {

// The paper's published results: 999 steps of 0.5, leak 0.01.
inline constexpr std::size_t steps = 999;
inline constexpr double dt = 0.5;
inline constexpr double duration = static_cast<double>(steps) * dt;
inline constexpr double alpha = 0.01;

/// "10x1000": rows and columns of W
struct Size {
  std::size_t rows = 0, columns = 0;
  [[nodiscard]] std::string name() const { return std::to_string(rows) + "x" + std::to_string(columns); }
};
inline constexpr Size sizes[] = {{10, 20}, {10, 1000}, {250, 30}, {250, 500}, {784, 500}};

struct LoopProblem {
  /// @param trials  columns of s: errors to invert
  LoopProblem(Size size, Transfer transfer, std::size_t trials = 1);

  Network network;
  Feedback feedback;  ///< B_2
  Activity activity;
  Credit credit;  ///< delta_2 holds the errors
  Stage stage;

  [[nodiscard]] const arma::mat& W() const { return network.W[2]; }
  [[nodiscard]] const arma::mat& B() const { return feedback[2]; }
  [[nodiscard]] const arma::mat& s() const { return credit[2]; }
  [[nodiscard]] std::size_t trials() const { return s().n_cols; }

  /// Hands weights, columns and error to f: what each trial of an experiment begins with.
  void enter(RightHandSide& f, State& x) const;
};

/// A right-hand side that holds the problem, and its state.
struct LoopRun {
  explicit LoopRun(const LoopProblem& problem) : f(problem.stage.circuit, problem.trials()) { problem.enter(f, x); }
  RightHandSide f;
  State x;
};

}  // namespace dynvert::benchmarks
