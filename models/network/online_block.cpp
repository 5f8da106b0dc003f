#include <dynvert/models/network/online_block.hpp>

#include <cblas.h>

namespace dynvert {

namespace {

/// W := p (W + changes X'), of the first k columns
void add_changes(double p, const arma::mat& changes, const arma::mat& X, std::size_t k, arma::mat& W) {
  const auto rows = static_cast<int>(W.n_rows), columns = static_cast<int>(W.n_cols);
  cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, rows, columns, static_cast<int>(k), p, changes.memptr(), rows,
              X.memptr(), columns, p, W.memptr(), rows);
}

void add_changes(float p, const arma::fmat& changes, const arma::fmat& X, std::size_t k, arma::fmat& W) {
  const auto rows = static_cast<int>(W.n_rows), columns = static_cast<int>(W.n_cols);
  cblas_sgemm(CblasColMajor, CblasNoTrans, CblasTrans, rows, columns, static_cast<int>(k), p, changes.memptr(), rows,
              X.memptr(), columns, p, W.memptr(), rows);
}

/// y := y + A x, of the first k columns; Armadillo would copy them first
void add_product(const arma::mat& A, std::size_t k, const double* x, arma::vec& y) {
  const auto rows = static_cast<int>(A.n_rows);
  cblas_dgemv(CblasColMajor, CblasNoTrans, rows, static_cast<int>(k), 1, A.memptr(), rows, x, 1, 1, y.memptr(), 1);
}

void add_product(const arma::fmat& A, std::size_t k, const float* x, arma::fvec& y) {
  const auto rows = static_cast<int>(A.n_rows);
  cblas_sgemv(CblasColMajor, CblasNoTrans, rows, static_cast<int>(k), 1, A.memptr(), rows, x, 1, 1, y.memptr(), 1);
}

}  // namespace

template <typename Real>
void OnlineBlock::Products<Real>::begin(const arma::Mat<Real>& W, const arma::mat& inputs) {
  X = arma::conv_to<arma::Mat<Real>>::from(inputs);
  if (sparse.take(X)) {
    sparse.multiply(W, WX);
  } else {
    WX = W * X;
  }
  gram = X.t() * X;
  changes.set_size(W.n_rows, X.n_cols);
}

template <typename Real>
void OnlineBlock::Products<Real>::apply(Real p, std::size_t k, arma::Mat<Real>& W) const {
  if (sparse.taken()) return sparse.add_outer(p, changes, k, W);
  add_changes(p, changes, X, k, W);
}

/// Forgets also the input, which may be why: 0 times what is not finite would reach W and the samples to come.
template <typename Real>
void OnlineBlock::Products<Real>::skip(std::size_t j) {
  changes.col(j).zeros();
  gram.row(j).zeros();
  X.col(j).zeros();
  if (sparse.taken()) sparse.drop(j);
}

void OnlineBlock::begin(const arma::mat& W, const arma::mat& X) {
  if (!std::holds_alternative<Products<double>>(products_)) products_.emplace<Products<double>>();
  std::get<Products<double>>(products_).begin(W, X);
  size_ = X.n_cols, done_ = 0, product_ = 1;
}

void OnlineBlock::begin(const arma::fmat& W, const arma::mat& X) {
  if (!std::holds_alternative<Products<float>>(products_)) products_.emplace<Products<float>>();
  std::get<Products<float>>(products_).begin(W, X);
  size_ = X.n_cols, done_ = 0, product_ = 1;
}

void OnlineBlock::drive(arma::mat& a) const {
  std::visit(
      [&]<typename Real>(const Products<Real>& p) {
        arma::Col<Real> sum = p.WX.col(done_);
        if (done_ > 0) add_product(p.changes, done_, p.gram.colptr(done_), sum);
        a = arma::conv_to<arma::vec>::from(sum);
        a *= product_;
      },
      products_);
}

void OnlineBlock::change(double keep, double rate, const arma::mat& delta) {
  product_ *= keep;
  std::visit(
      [&]<typename Real>(Products<Real>& p) {
        p.changes.col(done_) = arma::conv_to<arma::Col<Real>>::from(rate / product_ * delta);
      },
      products_);
  ++done_;
}

void OnlineBlock::skip() {
  std::visit([&](auto& p) { p.skip(done_); }, products_);
  ++done_;
}

void OnlineBlock::apply(arma::mat& W) const {
  if (done_ > 0) std::get<Products<double>>(products_).apply(product_, done_, W);
}

void OnlineBlock::apply(arma::fmat& W) const {
  if (done_ > 0) std::get<Products<float>>(products_).apply(static_cast<float>(product_), done_, W);
}

}  // namespace dynvert
