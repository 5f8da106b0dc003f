#pragma once

#include <cstddef>
#include <string>

namespace dynvert {

[[nodiscard]] std::string version();          ///< "0.1.0"
[[nodiscard]] std::string source_revision();  ///< the commit that was built, "unknown" outside a checkout
[[nodiscard]] std::string blas_identity();    ///< OpenBLAS, its version and the kernels it chose
[[nodiscard]] std::string blas_kernels();     ///< the latter alone: "Haswell"
[[nodiscard]] std::string cpu_identity();     ///< the processor, and the kernels that dynvert chose for it

/// OpenBLAS to one thread: dynvert is parallel over models, and threads inside a parallel loop cost more than they
/// bring.
/// @param threads  that will compute at the same time
/// @throws IoError  there is no room for the buffers that OpenBLAS takes for each of them: it would try for ever
void prepare_blas(std::size_t threads);

}  // namespace dynvert
