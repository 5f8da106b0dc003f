#include "baseline.hpp"

#include <cblas.h>

#include <cmath>

namespace dynvert::benchmarks {

namespace {

int length(arma::uword n) { return static_cast<int>(n); }

void multiply(CBLAS_TRANSPOSE transpose, const arma::mat& A, const double* x, arma::vec& y) {
  y.set_size(transpose == CblasNoTrans ? A.n_rows : A.n_cols);
  cblas_dgemv(CblasColMajor, transpose, length(A.n_rows), length(A.n_cols), 1, A.memptr(), length(A.n_rows), x, 1, 0,
              y.memptr(), 1);
}

/// W += c a b'
void add_outer(double c, const arma::vec& a, const double* b, arma::mat& W) {
  cblas_dger(CblasColMajor, length(W.n_rows), length(W.n_cols), c, a.memptr(), 1, b, 1, W.memptr(), length(W.n_rows));
}

}  // namespace

void product(const arma::mat& A, const double* x, arma::vec& y) { multiply(CblasNoTrans, A, x, y); }
void transposed_product(const arma::mat& A, const double* x, arma::vec& y) { multiply(CblasTrans, A, x, y); }

const arma::vec& LoopBaseline::invert(const arma::mat& W, const arma::mat& B, const double* s, bool nonlinear) {
  u_.zeros(W.n_rows);
  delta_.zeros(W.n_cols);
  rate_.zeros(W.n_cols);
  for (std::size_t k = 0; k < steps; ++k) {
    if (nonlinear) {
      for (arma::uword i = 0; i < delta_.n_elem; ++i) rate_[i] = std::tanh(delta_[i]);
    }
    product(W, nonlinear ? rate_.memptr() : delta_.memptr(), product_);
    for (arma::uword i = 0; i < u_.n_elem; ++i) u_[i] += dt * (-alpha * u_[i] + product_[i] - s[i]);
    product(B, u_.memptr(), product_);
    for (arma::uword i = 0; i < delta_.n_elem; ++i) delta_[i] += dt * (product_[i] - delta_[i]);
  }
  return delta_;
}

LearningBaseline::LearningBaseline(Network network, Feedback feedback, Rule rule, const Settings& settings)
    : network_(std::move(network)), feedback_(std::move(feedback)), rule_(rule), settings_(settings) {
  const std::size_t depth = network_.depth();
  a_.resize(depth + 1);
  h_.resize(depth + 1);
  delta_.resize(depth + 1);
  inverse_.resize(depth + 1);
  dW_.resize(depth + 1);
  db_.resize(depth + 1);
}

arma::mat LearningBaseline::loop_matrix(std::size_t l) const {
  const arma::mat& W = network_.W[l];
  const arma::mat& B = feedback_[l];
  arma::mat M = W.n_rows <= W.n_cols ? W * B : B * W;
  M.diag() -= alpha;
  return M;
}

void LearningBaseline::begin_batch() {
  for (std::size_t l = 1; l <= network_.depth(); ++l) {
    dW_[l].zeros(arma::size(network_.W[l]));
    db_[l].zeros(arma::size(network_.b[l]));
    if (l == 1) continue;
    if (rule_ == Rule::steady_state) inverse_[l] = arma::inv(loop_matrix(l));
    if (rule_ == Rule::pseudo_backprop) inverse_[l] = arma::pinv(network_.W[l]);
  }
}

void LearningBaseline::forward(const double* x, const double* t) {
  const std::size_t depth = network_.depth();
  const double* h = x;
  for (std::size_t l = 1; l <= depth; ++l) {
    product(network_.W[l], h, a_[l]);
    a_[l] += network_.b[l];
    h_[l].set_size(a_[l].n_elem);
    const bool nonlinear = l < depth && !network_.g[l]->linear;
    for (arma::uword i = 0; i < a_[l].n_elem; ++i) h_[l][i] = nonlinear ? std::tanh(a_[l][i]) : a_[l][i];
    h = h_[l].memptr();
  }
  if (network_.g[depth]->name == "softmax") {
    for (double& y : h_[depth]) y = std::exp(y);
    h_[depth] /= arma::accu(h_[depth]);
  }
  delta_[depth].set_size(h_[depth].n_elem);
  for (arma::uword i = 0; i < h_[depth].n_elem; ++i) delta_[depth][i] = t[i] - h_[depth][i];
}

void LearningBaseline::assign() {
  for (std::size_t l = network_.depth(); l >= 2; --l) {
    const arma::mat& W = network_.W[l];
    const arma::vec& s = delta_[l];
    arma::vec& delta = delta_[l - 1];
    const bool linear = network_.g[l - 1]->linear;
    bool by_slope = !linear;
    switch (rule_) {
      case Rule::backprop:
        transposed_product(W, s.memptr(), delta);
        break;
      case Rule::feedback_alignment:
        product(feedback_[l], s.memptr(), delta);
        break;
      case Rule::pseudo_backprop:
        if (settings_.batches) {
          product(inverse_[l], s.memptr(), delta);
        } else {
          delta = arma::pinv(W) * s;
        }
        break;
      case Rule::steady_state: {
        const bool wide = W.n_rows <= W.n_cols;
        if (!wide) product(feedback_[l], s.memptr(), work_);
        const arma::vec& right = wide ? s : work_;
        arma::vec solution;
        if (settings_.batches) {
          product(inverse_[l], right.memptr(), solution);
        } else {
          solution = arma::solve(loop_matrix(l), right, arma::solve_opts::fast);
        }
        if (wide) {
          product(feedback_[l], solution.memptr(), delta);
        } else {
          delta = solution;
        }
        break;
      }
      case Rule::inversion:
        delta = loop_.invert(W, feedback_[l], s.memptr(), false);
        break;
      case Rule::nonlinear_inversion:
        delta = loop_.invert(W, feedback_[l], s.memptr(), !linear);
        by_slope = false;
        break;
    }
    if (!by_slope) continue;
    for (arma::uword i = 0; i < delta.n_elem; ++i) delta[i] *= 1 - h_[l - 1][i] * h_[l - 1][i];
  }
}

void LearningBaseline::change_weights(std::size_t l, const double* h) {
  arma::mat& W = network_.W[l];
  if (settings_.update == Update::in_place) {
    cblas_dscal(length(W.n_elem), 1 - settings_.lambda, W.memptr(), 1);
    return add_outer(settings_.eta, delta_[l], h, W);
  }
  // Each operation has an array of its own for its result. NumPy allocates it anew as well, which takes twice as long
  // again or more, as the allocator gives memory back or not; here all are kept.
  for (arma::mat* result : {&outer_, &learned_, &lost_, &difference_}) result->set_size(arma::size(W));
  for (arma::uword j = 0; j < W.n_cols; ++j) {
    for (arma::uword i = 0; i < W.n_rows; ++i) outer_(i, j) = delta_[l][i] * h[j];
  }
  learned_ = settings_.eta * outer_;
  lost_ = settings_.lambda * W;
  difference_ = learned_ - lost_;
  W += difference_;
}

void LearningBaseline::change(const double* x) {
  for (std::size_t l = 1; l <= network_.depth(); ++l) {
    const double* h = l == 1 ? x : h_[l - 1].memptr();
    if (settings_.batches) {
      add_outer(settings_.eta, delta_[l], h, dW_[l]);
      db_[l] += settings_.eta * delta_[l];
      continue;
    }
    change_weights(l, h);
    network_.b[l] += settings_.eta * delta_[l] - settings_.lambda * network_.b[l];
  }
}

void LearningBaseline::show(const double* x, const double* t) {
  forward(x, t);
  assign();
  change(x);
}

void LearningBaseline::end_batch() {
  for (std::size_t l = 1; l <= network_.depth(); ++l) {
    network_.W[l] += dW_[l] - settings_.lambda * network_.W[l];
    network_.b[l] += db_[l] - settings_.lambda * network_.b[l];
  }
}

}  // namespace dynvert::benchmarks
