#pragma once

/// The baseline: the paper's way of computing (its published code, Podlaski & Machens 2020), in C++. Sample after
/// sample, each product one BLAS matrix-vector product, tanh by std::tanh element after element, loops by 999 steps of
/// sequential Euler.

#include "problem.hpp"

#include <armadillo>

#include <cstddef>
#include <functional>
#include <vector>

namespace dynvert::benchmarks {

/// y = A x
void product(const arma::mat& A, const double* x, arma::vec& y);
/// y = A' x
void transposed_product(const arma::mat& A, const double* x, arma::vec& y);

/// One loop from zero state, with its scratch space.
class LoopBaseline {
 public:
  /// @param s  the error, @param nonlinear  transmits tanh(delta) @return delta after 999 steps
  const arma::vec& invert(const arma::mat& W, const arma::mat& B, const double* s, bool nonlinear);

 private:
  arma::vec u_, delta_, rate_, product_;
};

/// Learning in a network by single samples. Batches keep the weights until end_batch() applies the sum of the changes.
class LearningBaseline {
 public:
  enum class Rule {
    backprop,
    feedback_alignment,
    pseudo_backprop,
    steady_state,        ///< NDI
    inversion,           ///< DI, linear transfer
    nonlinear_inversion  ///< DI, nonlinear transfer (linear where the layer is)
  };
  /// how a single sample changes the weights
  enum class Update {
    published,  ///< W += eta outer(delta, h) - lambda W operation by operation, as the paper's NumPy code has it
    in_place    ///< W *= 1 - lambda, W += eta delta h': two BLAS calls
  };
  struct Settings {
    double eta = 0, lambda = 0;
    bool batches = false;
    Update update = Update::published;
  };
  LearningBaseline(Network network, Feedback feedback, Rule rule, const Settings& settings);

  /// Of a batch: computes what its samples share.
  void begin_batch();
  /// Forward pass, credit and change of one sample.
  void show(const double* x, const double* t);
  void end_batch();

 private:
  void forward(const double* x, const double* t);
  void assign();
  void change(const double* x);
  void change_weights(std::size_t l, const double* h);
  /// the matrix whose inverse the steady state of loop l takes, of the loop's smaller side
  [[nodiscard]] arma::mat loop_matrix(std::size_t l) const;

  Network network_;
  Feedback feedback_;
  Rule rule_;
  Settings settings_;
  LoopBaseline loop_;
  std::vector<arma::vec> a_, h_, delta_;
  std::vector<arma::mat> inverse_, dW_;
  std::vector<arma::vec> db_;
  arma::vec work_;
  arma::mat outer_, learned_, lost_, difference_;
};

}  // namespace dynvert::benchmarks
