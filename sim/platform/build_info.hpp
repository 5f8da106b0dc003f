#pragma once

#include <string>

namespace dynvert {

[[nodiscard]] std::string version();          ///< "0.1.0"
[[nodiscard]] std::string source_revision();  ///< the commit that was built, "unknown" outside a checkout
[[nodiscard]] std::string blas_identity();    ///< OpenBLAS, its version and the kernels it chose
[[nodiscard]] std::string blas_kernels();     ///< the latter alone: "Haswell"
[[nodiscard]] std::string cpu_identity();     ///< the processor, and the kernels that dynvert chose for it

/// OpenBLAS to one thread: dynvert is parallel over models, and threads inside a parallel loop cost more than they
/// bring.
void use_one_blas_thread();

}  // namespace dynvert
