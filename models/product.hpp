#pragma once

/// Matrix products of blocks where they lie, with the columns' strides.

#include <dynvert/models/state.hpp>

namespace dynvert {

/// C = A B + beta C. @throws ValueError  shapes that do not go together
void multiply(const ConstMatrixView& A, const ConstMatrixView& B, const MatrixView& C, double beta = 0);

[[nodiscard]] inline ConstMatrixView view_of(const arma::mat& m) { return {m.memptr(), m.n_rows, m.n_cols, m.n_rows}; }
[[nodiscard]] inline MatrixView view_of(arma::mat& m) { return {m.memptr(), m.n_rows, m.n_cols, m.n_rows}; }

}  // namespace dynvert
