#pragma once

// What the kernels' sources share; each is compiled once per instruction set, into a namespace of its own (DYNVERT_ISA)
// with a register width of DYNVERT_LANES doubles. Such a source includes nothing but the description of its jobs and
// this: an inline library function compiled there for AVX-512 could otherwise be the copy that the linker keeps for
// everybody. For the same reason all is without linkage here.

#include <cstddef>

namespace dynvert::DYNVERT_ISA {

namespace {

constexpr std::size_t lanes = DYNVERT_LANES;

/// A register of numbers.
template <typename Real>
struct RegisterOf;
template <>
struct RegisterOf<double> {
  using Type = double __attribute__((vector_size(lanes * sizeof(double))));
};
template <>
struct RegisterOf<float> {
  using Type = float __attribute__((vector_size(lanes * sizeof(double))));
};
template <typename Real>
using Register = typename RegisterOf<Real>::Type;

// the builtin: columns are aligned as numbers are, and it takes no header
template <typename V, typename Real>
[[gnu::always_inline]] inline V load(const Real* p) {
  V v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
template <typename V, typename Real>
[[gnu::always_inline]] inline void store(Real* p, const V& v) {
  __builtin_memcpy(p, &v, sizeof v);
}

/// f<0>(), .., f<n - 1>(): a loop whose index is a constant, so that arrays of sums become registers.
template <std::size_t n, std::size_t i = 0, typename F>
[[gnu::always_inline]] inline void each(const F& f) {
  if constexpr (i < n) {
    f.template operator()<i>();
    each<n, i + 1>(f);
  }
}

}  // namespace

}  // namespace dynvert::DYNVERT_ISA
