#include <dynvert/models/kernels.hpp>

namespace dynvert {

namespace generic {
void affine(const AffineUpdate& job);
}
#ifdef DYNVERT_X86_KERNELS
namespace avx2 {
void affine(const AffineUpdate& job);
}
namespace avx512 {
void affine(const AffineUpdate& job);
}
#endif

namespace {

Kernels choose() {
#ifdef DYNVERT_X86_KERNELS
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")) return {"avx512", avx512::affine};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {"avx2", avx2::affine};
  return {"sse2", generic::affine};
#else
  return {"generic", generic::affine};
#endif
}

}  // namespace

const Kernels& kernels() {
  static const Kernels chosen = choose();
  return chosen;
}

}  // namespace dynvert
