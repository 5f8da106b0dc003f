#pragma once

/// A second baseline for batches: the steady states of all loops (NDI) of a batch by one BLAS matrix-matrix product
/// for each product and one factorisation a loop, as a user of NumPy would write it, tanh by std::tanh.

#include <dynvert/models/network/network.hpp>

namespace dynvert::benchmarks {

class BatchBaseline {
 public:
  BatchBaseline(Network network, Feedback feedback, double eta, double lambda);

  /// @param x  n_0 x batch, @param t  n_L x batch
  void show(const arma::mat& x, const arma::mat& t);

 private:
  Network network_;
  Feedback feedback_;
  double eta_, lambda_;
  std::vector<arma::mat> h_, delta_;
};

}  // namespace dynvert::benchmarks
