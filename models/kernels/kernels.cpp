#include <dynvert/models/kernels/kernels.hpp>

#if defined(DYNVERT_X86_KERNELS) && __has_include(<sys/platform/x86.h>)
#include <sys/platform/x86.h>
#define DYNVERT_ASKS_GLIBC
#endif

#include <vector>

namespace dynvert {

namespace generic {
void affine(const AffineUpdate* jobs, std::size_t count, std::size_t rounds);
void rows(const RowProduct& job);
void tanh(const double* x, double* y, std::size_t n);
void sparse(const SparseUpdate<double>& job);
void sparse_single(const SparseUpdate<float>& job);
void noise(const NoiseUpdate& job);
}  // namespace generic
#ifdef DYNVERT_X86_KERNELS
namespace avx2 {
void affine(const AffineUpdate* jobs, std::size_t count, std::size_t rounds);
void rows(const RowProduct& job);
void tanh(const double* x, double* y, std::size_t n);
void sparse(const SparseUpdate<double>& job);
void sparse_single(const SparseUpdate<float>& job);
void noise(const NoiseUpdate& job);
}  // namespace avx2
namespace avx512 {
void affine(const AffineUpdate* jobs, std::size_t count, std::size_t rounds);
void rows(const RowProduct& job);
void tanh(const double* x, double* y, std::size_t n);
void sparse(const SparseUpdate<double>& job);
void sparse_single(const SparseUpdate<float>& job);
void noise(const NoiseUpdate& job);
}  // namespace avx512
#endif

namespace {

#ifdef DYNVERT_X86_KERNELS
struct Processor {
  bool fma, avx2, avx512;
};

Processor processor() {
#ifdef DYNVERT_ASKS_GLIBC
  // what the C library makes use of: of the processor's features those that GLIBC_TUNABLES leaves
  // (sim/platform/reproducible.hpp)
  return {.fma = CPU_FEATURE_ACTIVE(FMA),
          .avx2 = CPU_FEATURE_ACTIVE(AVX2),
          .avx512 = CPU_FEATURE_ACTIVE(AVX512F) && CPU_FEATURE_ACTIVE(AVX512VL)};
#else
  __builtin_cpu_init();
  return {.fma = __builtin_cpu_supports("fma") != 0,
          .avx2 = __builtin_cpu_supports("avx2") != 0,
          .avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")};
#endif
}
#endif

std::vector<Kernels> detect() {
  std::vector<Kernels> found;
#ifdef DYNVERT_X86_KERNELS
  const auto [fma, avx2, avx512] = processor();
  if (fma && avx512)
    found.push_back(
        {"avx512", avx512::affine, avx512::rows, avx512::tanh, avx512::sparse, avx512::sparse_single, avx512::noise});
  if (fma && avx2)
    found.push_back({"avx2", avx2::affine, avx2::rows, avx2::tanh, avx2::sparse, avx2::sparse_single, avx2::noise});
  constexpr std::string_view everywhere = "sse2";
#else
  constexpr std::string_view everywhere = "generic";
#endif
  found.push_back({everywhere, generic::affine, generic::rows, generic::tanh, generic::sparse, generic::sparse_single,
                   generic::noise});
  return found;
}

}  // namespace

std::span<const Kernels> available_kernels() {
  static const std::vector<Kernels> found = detect();
  return found;
}

}  // namespace dynvert
