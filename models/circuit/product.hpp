#pragma once

/// Matrix products of blocks where they lie, with the columns' strides.

#include <dynvert/models/circuit/state.hpp>

namespace dynvert {

/// C = A B + beta C. @throws ValueError  shapes that do not go together
void multiply(const ConstMatrixView& A, const ConstMatrixView& B, const MatrixView& C, double beta = 0);

/// Whether BLAS is the faster one for rows x inputs weights and so many columns, not the kernels. Weights that do not
/// fit the near cache are better read in the order in which they lie, and many columns of not so few weights in BLAS's
/// tiles; below that its calls and copies cost more than they bring. The limits lie between sizes of docs/benchmarks.md
/// at which one or the other was faster.
[[nodiscard]] constexpr bool is_for_blas(std::size_t rows, std::size_t inputs, std::size_t columns) {
  constexpr std::size_t far = 200'000;  // doubles
  constexpr std::size_t many = 30'000;
  return rows * inputs >= (columns >= 4 ? many : far);
}

[[nodiscard]] inline ConstMatrixView view_of(const arma::mat& m) { return {m.memptr(), m.n_rows, m.n_cols, m.n_rows}; }
[[nodiscard]] inline MatrixView view_of(arma::mat& m) { return {m.memptr(), m.n_rows, m.n_cols, m.n_rows}; }

}  // namespace dynvert
