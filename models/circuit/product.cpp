#include <dynvert/models/circuit/product.hpp>
#include <dynvert/models/error.hpp>

#include <cblas.h>
#include <fmt/format.h>

namespace dynvert {

void multiply(const ConstMatrixView& A, const ConstMatrixView& B, const MatrixView& C, double beta) {
  if (A.columns != B.units || A.units != C.units || B.columns != C.columns) {
    throw ValueError(
        "matrix product",
        fmt::format("{}x{} times {}x{} into {}x{}", A.units, A.columns, B.units, B.columns, C.units, C.columns),
        "compatible shapes");
  }
  const auto as_int = [](std::size_t n) { return static_cast<int>(n); };
  if (B.columns == 1) {
    cblas_dgemv(CblasColMajor, CblasNoTrans, as_int(A.units), as_int(A.columns), 1, A.data, as_int(A.stride), B.data, 1,
                beta, C.data, 1);
    return;
  }
  cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, as_int(C.units), as_int(C.columns), as_int(A.columns), 1,
              A.data, as_int(A.stride), B.data, as_int(B.stride), beta, C.data, as_int(C.stride));
}

}  // namespace dynvert
