#include <dynvert/analysis/smoothed_abscissa.hpp>
#include <dynvert/models/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>

// LAPACK's solver of the (quasi-)triangular Sylvester equation op(A) X + sign X op(B) = scale C; X replaces C.
extern "C" void dtrsyl_(const char* trana, const char* tranb, const int* isgn, const int* m, const int* n,
                        const double* a, const int* lda, const double* b, const int* ldb, double* c, const int* ldc,
                        double* scale, int* info, std::size_t length_a, std::size_t length_b);

namespace dynvert {

namespace {

/// T quasi-triangular: its eigenvalues stand in 1x1 and 2x2 blocks on the diagonal.
double abscissa_of(const arma::mat& T) {
  double largest = -std::numeric_limits<double>::infinity();
  for (arma::uword i = 0; i < T.n_rows; ++i) {
    if (i + 1 == T.n_rows || T(i + 1, i) == 0) {
      largest = std::max(largest, T(i, i));
      continue;
    }
    const double mean = (T(i, i) + T(i + 1, i + 1)) / 2;
    const double half = (T(i, i) - T(i + 1, i + 1)) / 2;
    const double squared = half * half + T(i, i + 1) * T(i + 1, i);
    largest = std::max(largest, squared > 0 ? mean + std::sqrt(squared) : mean);
    ++i;
  }
  return largest;
}

/// The solution X of A X + X A' + I = 0, or of A' X + X A + I = 0, for quasi-triangular A.
arma::mat lyapunov(const arma::mat& A, bool transposed) {
  arma::mat X = -arma::eye(arma::size(A));
  const int n = static_cast<int>(A.n_rows);
  const int sign = 1;
  double scale = 1;
  int info = 0;
  dtrsyl_(transposed ? "T" : "N", transposed ? "N" : "T", &sign, &n, &n, A.memptr(), &n, A.memptr(), &n, X.memptr(), &n,
          &scale, &info, 1, 1);
  // scaled down to avoid overflow next to the abscissa, where X has no bound
  return X / scale;
}

}  // namespace

SmoothedAbscissa smoothed_abscissa(const arma::mat& M, double eps) {
  if (M.is_empty() || !M.is_square() || !M.is_finite()) {
    throw ValueError("smoothed spectral abscissa", fmt::format("the matrix is {}x{} or not finite", M.n_rows, M.n_cols),
                     "a square matrix of finite numbers");
  }
  if (!(eps > 0) || !std::isfinite(eps))
    throw ValueError("smoothed spectral abscissa", fmt::format("eps = {}", eps), "eps > 0");
  arma::mat U;
  arma::mat T;
  if (!arma::schur(U, T, M)) {
    throw NumericalError("smoothed spectral abscissa", "the Schur decomposition did not converge", "smaller weights");
  }
  SmoothedAbscissa result;
  result.abscissa = abscissa_of(T);

  // The largest eigenvalue of P is at least 1 / (2 (s - abscissa)): s lies above abscissa + eps/2.
  double lower = result.abscissa + eps / 2;
  double upper = std::numeric_limits<double>::infinity();
  double s = lower;
  arma::mat P;
  arma::mat Q;
  double product = 0;
  double last = std::numeric_limits<double>::infinity();
  constexpr int most = 60;
  for (int iteration = 0; iteration < most; ++iteration) {
    arma::mat A = T;
    A.diag() -= s;
    P = lyapunov(A, false);
    Q = lyapunov(A, true);
    const double trace = arma::trace(P);
    product = arma::accu(Q.t() % P);
    const double excess = 1 / trace - eps;
    (excess < 0 ? lower : upper) = s;
    // Newton's steps come from below and shrink until rounding stops them
    const double step = -excess * trace * trace / (2 * product);
    if (std::abs(step) <= 1e-12 * (s - result.abscissa)) break;
    double next = s + step;
    if (!(next > lower) || !(next < upper)) {
      next = std::isfinite(upper) ? (lower + upper) / 2 : lower + 2 * (s - result.abscissa);
    }
    if (std::abs(next - s) >= last && iteration > 4) break;
    last = std::abs(next - s);
    s = next;
  }
  result.value = s;
  result.gradient = U * (Q * P) * U.t() / product;
  return result;
}

}  // namespace dynvert
