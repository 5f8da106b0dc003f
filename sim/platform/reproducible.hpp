#pragma once

/// experiment.reproducible: the same bits on every x86-64 processor.
///
/// Three choose their instructions by the processor, and with them how often they round: dynvert's kernels and the
/// functions of the C library (exp, log, sin, tanh, ..) take FMA where there is FMA, and OpenBLAS has kernels for each
/// generation. All three choose once, when the process starts, and are told by its environment what to take:
///
///     GLIBC_TUNABLES=glibc.cpu.hwcaps=-FMA,-FMA4    C library and dynvert: as if the processor had no FMA
///     OPENBLAS_CORETYPE=Nehalem                     OpenBLAS: kernels without AVX, of block sizes that do not depend
///                                                   on the caches
///
/// What else there is of arithmetic is compiled into the program, or rounds correctly (+ - * / sqrt). So the promise is
/// of one program with one version of the C library, of OpenBLAS and of Boost.

#include <string>
#include <vector>

namespace dynvert {

struct EnvironmentVariable {
  std::string name, value;

  bool operator==(const EnvironmentVariable&) const = default;
};

/// Thrown where the process must be started once more with these in its environment.
struct RestartNeeded {
  std::vector<EnvironmentVariable> environment;
};

/// What a process must be started with.
/// @param tunables  GLIBC_TUNABLES as it is; what it says of other things stays
[[nodiscard]] std::vector<EnvironmentVariable> reproducible_environment(const std::string& tunables);

/// Returns where this process was started so.
/// @throws RestartNeeded  it was not
///         ValueError     it was, but C library or BLAS do not heed it
void require_reproducible_arithmetic();

}  // namespace dynvert
