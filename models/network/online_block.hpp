#pragma once

/// Learning from one sample at a time in a large first layer without passing over its weights twice a sample. Within a
/// block of k samples whose inputs X = [x_1 .. x_k] are known, plain learning changes W by
///
///     W(j) = q_j W(j-1) + c_j delta_j x_j'     q = 1 - lambda, c = eta; where a trial changes nothing q = 1, c = 0
///
/// so that the drive of sample j is one column of a product, corrected by the changes made since the block began,
///
///     W(j-1) x_j = p_{j-1} (W(0) X)_j + sum_{i<j} (p_{j-1} / p_i) c_i delta_i (X'X)_ij,     p_j = q_1 .. q_j
///
/// and the changes are applied together, W(k) = p_k W(0) + [(p_k / p_i) c_i delta_i] X'. Two matrix products a block in
/// place of a matrix-vector product and a rank-one update a sample; equal to plain learning up to rounding error.
///
/// W may be held in single precision (float32), which halves the time that both products take: they are bound by the
/// width of registers. Drives and changes are then off by some 1e-6 of their size, weights by the rounding to 24 bits
/// each block; docs/mathematics.md says what becomes of it.
///
/// Where most inputs are one number, the products are those of models/network/sparse_inputs.hpp.
///
/// | symbol  | shape     | meaning                                      |
/// |---------|-----------|----------------------------------------------|
/// | W       | n_1 x n_0 | weights of the first layer                   |
/// | X       | n_0 x k   | inputs of the block                          |
/// | delta_j | n_1       | credit signal of the first layer in sample j |

#include <dynvert/models/network/sparse_inputs.hpp>

#include <armadillo>

#include <cstddef>
#include <variant>

namespace dynvert {

class OnlineBlock {
 public:
  /// Begins a block, in the precision of W. @param W  n_1 x n_0, @param X  n_0 x k
  void begin(const arma::mat& W, const arma::mat& X);
  void begin(const arma::fmat& W, const arma::mat& X);
  /// samples of the block, and how many of them have been shown
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t done() const noexcept { return done_; }

  /// W x of the next sample with the weights as they would be by now, n_1 x 1.
  void drive(arma::mat& a) const;
  /// W := keep W + rate delta x' of that sample; moves on to the next one. @param delta  n_1 x 1
  void change(double keep, double rate, const arma::mat& delta);
  /// Leaves W as it is for that sample.
  void skip();
  /// Applies the changes so far to W, which is that of begin(). Does not end the block.
  void apply(arma::mat& W) const;
  void apply(arma::fmat& W) const;
  /// Ends the block.
  void end() { size_ = 0, done_ = 0; }

 private:
  template <typename Real>
  struct Products {
    void begin(const arma::Mat<Real>& W, const arma::mat& inputs);
    void apply(Real p, std::size_t k, arma::Mat<Real>& W) const;
    void skip(std::size_t j);
    arma::Mat<Real> X, WX, gram;
    SparseInputs<Real> sparse;
    arma::Mat<Real> changes;  // c_i delta_i / p_i
  };

  std::variant<Products<double>, Products<float>> products_;
  std::size_t size_ = 0, done_ = 0;
  double product_ = 1;  // p of the samples done
};

}  // namespace dynvert
