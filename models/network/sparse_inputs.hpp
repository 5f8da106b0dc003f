#pragma once

/// Inputs most of which are one and the same number, as the pixels of an empty background are:
///
///     X = c 1 1' + S,     W X = W S + c (W 1) 1',     D X' = D S' + c (D 1) 1'
///
/// with few entries in S. The products take as long as S has entries; a digit of MNIST has 150 in 784, and none of its
/// standardised pixels is 0. The kernels sum in an order of their own: equal to dense products up to rounding error.
///
/// | symbol | shape   | meaning                                                 |
/// |--------|---------|---------------------------------------------------------|
/// | X      | n_0 x k | inputs, a column a sample                               |
/// | c      |         | their background: the number that most entries are      |
/// | S      | n_0 x k | what differs from it                                    |
/// | W      | n_1 x n_0 | weights                                               |
/// | D      | n_1 x k | what is added to the weights, a column a sample         |

#include <armadillo>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dynvert {

template <typename Real>
class SparseInputs {
 public:
  /// Takes them, if so few differ from the background that the products are faster for it. @return  whether they do
  bool take(const arma::Mat<Real>& X);
  /// what take() has said
  [[nodiscard]] bool taken() const noexcept { return taken_; }

  /// WX := W X
  void multiply(const arma::Mat<Real>& W, arma::Mat<Real>& WX) const;
  /// W := p (W + D X'), of the first k samples
  void add_outer(Real p, const arma::Mat<Real>& D, std::size_t k, arma::Mat<Real>& W) const;
  /// Forgets the entries of a sample whose column of D is 0: 0 times what is not finite would not be.
  void drop(std::size_t sample);

 private:
  /// S or S' as the kernel wants it (SparseUpdate in models/kernels/kernels.hpp).
  struct Entries {
    std::vector<std::uint32_t> starts, indices;
    std::vector<Real> values;
  };
  void order_by_input();
  [[nodiscard]] Entries of_first(std::size_t k) const;

  Entries by_sample_, by_input_;
  std::size_t inputs_ = 0, samples_ = 0;
  Real background_ = 0;
  bool taken_ = false;
};

}  // namespace dynvert
