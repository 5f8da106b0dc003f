#include <dynvert/models/online_block.hpp>

#include <cblas.h>

#include <utility>

namespace dynvert {

void OnlineBlock::begin(const arma::mat& W, arma::mat X) {
  X_ = std::move(X);
  WX_ = W * X_;
  gram_ = X_.t() * X_;
  changes_.set_size(W.n_rows, X_.n_cols);
  product_ = 1;
  done_ = 0;
}

void OnlineBlock::drive(arma::mat& a) {
  a = WX_.col(done_);
  if (done_ > 0) a += changes_.head_cols(done_) * gram_.submat(0, done_, done_ - 1, done_);
  a *= product_;
}

void OnlineBlock::change(double keep, double rate, const arma::mat& delta) {
  product_ *= keep;
  changes_.col(done_) = rate / product_ * delta;
  ++done_;
}

void OnlineBlock::skip() { changes_.col(done_++).zeros(); }

void OnlineBlock::apply(arma::mat& W) const {
  if (done_ == 0) return;
  const auto rows = static_cast<int>(W.n_rows), columns = static_cast<int>(W.n_cols);
  cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, rows, columns, static_cast<int>(done_), product_,
              changes_.memptr(), rows, X_.memptr(), columns, product_, W.memptr(), rows);
}

}  // namespace dynvert
