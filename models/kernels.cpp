#include <dynvert/models/kernels.hpp>

#include <vector>

namespace dynvert {

namespace generic {
void affine(const AffineUpdate& job);
void tanh(const double* x, double* y, std::size_t n);
}  // namespace generic
#ifdef DYNVERT_X86_KERNELS
namespace avx2 {
void affine(const AffineUpdate& job);
void tanh(const double* x, double* y, std::size_t n);
}  // namespace avx2
namespace avx512 {
void affine(const AffineUpdate& job);
void tanh(const double* x, double* y, std::size_t n);
}  // namespace avx512
#endif

namespace {

std::vector<Kernels> detect() {
  std::vector<Kernels> found;
#ifdef DYNVERT_X86_KERNELS
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl"))
    found.push_back({"avx512", avx512::affine, avx512::tanh});
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    found.push_back({"avx2", avx2::affine, avx2::tanh});
  found.push_back({"sse2", generic::affine, generic::tanh});
#else
  found.push_back({"generic", generic::affine, generic::tanh});
#endif
  return found;
}

}  // namespace

std::span<const Kernels> available_kernels() {
  static const std::vector<Kernels> found = detect();
  return found;
}

}  // namespace dynvert
