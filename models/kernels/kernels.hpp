#pragma once

/// The arithmetic kernels of the simulator. First, an affine update of a population,
///
///     out = keep x + rate (input + sum over terms - leak x),
///
/// which is its derivative for keep = 0, rate = 1/tau and one Euler step for keep = 1, rate = dt/tau; rate and leak are
/// a column's own. Compiled for SSE2, AVX2 with FMA and AVX-512 from one source; the processor decides at run time. FMA
/// contracts a*b + c to one rounding, so results of different processors may differ in the last bits; on one processor
/// they never do. A process that is started without FMA (GLIBC_TUNABLES=glibc.cpu.hwcaps=-FMA) takes those for SSE2.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace dynvert {

/// What one projection brings. Dense: weights (units x inputs, column-major) times source. One-to-one: scale
/// times source, where `weights` is null.
struct AffineTerm {
  const double* weights = nullptr;  ///< their columns have the stride of the update
  std::size_t inputs = 0;           ///< columns of the weights
  const double* source = nullptr;   ///< what is transmitted; column c starts at source + c * source_stride
  std::size_t source_stride = 0;
  double scale = 1;
};

/// y = W x for few rows of many inputs, whose columns would be padding for a good part: W row after row, padded inputs.
struct RowProduct {
  static constexpr std::size_t max_rows = 12;

  const double* weights = nullptr;  ///< row r starts at weights + r * inputs
  std::size_t rows = 0;
  std::size_t inputs = 0;  ///< padded; so is the source, with zeros
  std::size_t columns = 0;
  const double* source = nullptr;  ///< column c starts at source + c * source_stride
  std::size_t source_stride = 0;
  double* out = nullptr;  ///< likewise
  std::size_t out_stride = 0;
};

struct AffineUpdate {
  const AffineTerm* terms = nullptr;
  std::size_t term_count = 0;
  std::size_t units = 0;   ///< of the population; what lies between them and the stride stays as it is
  std::size_t stride = 0;  ///< padded units, of input, state, out and weights
  std::size_t columns = 0;
  const double* input = nullptr;
  const double* state = nullptr;
  double* out = nullptr;  ///< may be `state`; then no term's source may be it
  double keep = 0;
  const double* rate = nullptr;  ///< by column
  const double* leak = nullptr;  ///< by column
  /// Where tanh of what `out` gets goes, too, with the stride of out; null: nowhere. And a product whose source that
  /// is; null: none. Its sums are those of the kernel for such products, bit for bit. Both in one pass, since weights
  /// of a far cache come while tanh is computed; the padding of out takes part.
  double* tanh_out = nullptr;
  const RowProduct* product = nullptr;
};

/// Sources that are added up in few places, most of them:
///
///     out := scale (out or 0 + background (sum of all sources) 1' + sources S)
///
/// S (sources x columns of out) by blocks of `sparse_block` sources and, within a block, by columns: the entries of
/// block k and column o are those from starts[k outs + o] up to starts[k outs + o + 1].
inline constexpr std::size_t sparse_block = 96;

template <typename Real>
struct SparseUpdate {
  std::size_t rows = 0;
  const Real* source = nullptr;  ///< source j starts at source + j * source_stride
  std::size_t source_stride = 0;
  std::size_t sources = 0;
  Real* out = nullptr;  ///< likewise
  std::size_t out_stride = 0;
  std::size_t outs = 0;
  bool adds = false;  ///< to what is in out
  Real scale = 1;
  Real background = 0;
  const std::uint32_t* starts = nullptr;   ///< blocks * outs + 1 of them
  const std::uint32_t* indices = nullptr;  ///< within the block
  const Real* values = nullptr;
};

/// White noise: x_i += scale xi_i, i < units, with normal numbers xi_i that are functions of key, step and i alone.
/// Units go by groups of 32; unit 32 g + 8 j + k has the word j / 2 of Threefry-2x64 (20 rounds) at the counter (step,
/// 8 g + k), whose halves u (the upper, plus 1/2) and v, both over 2^32, give
///
///     xi = sqrt(-2 ln u) cos(2 pi v) for even j,   sqrt(-2 ln u) sin(2 pi v) for odd j.
struct NoiseUpdate {
  std::uint64_t key[2] = {};
  std::uint64_t step = 0;
  double scale = 1;
  double* x = nullptr;
  std::size_t units = 0;
};

/// All jobs one after the other, `rounds` times over; they have the same columns.
using AffineKernel = void (*)(const AffineUpdate* jobs, std::size_t count, std::size_t rounds);
using RowKernel = void (*)(const RowProduct&);
template <typename Real>
using SparseKernel = void (*)(const SparseUpdate<Real>&);
using NoiseKernel = void (*)(const NoiseUpdate&);
/// y[i] = f(x[i]), i < n; y may be x
using ElementwiseKernel = void (*)(const double* x, double* y, std::size_t n);

struct Kernels {
  std::string_view name;  ///< "sse2", "avx2", "avx512", or "generic" elsewhere than on x86-64
  AffineKernel affine;
  RowKernel rows;
  ElementwiseKernel tanh;
  SparseKernel<double> sparse;
  SparseKernel<float> sparse_single;
  NoiseKernel noise;
};

/// The kernels that this processor can run, the fastest first.
[[nodiscard]] std::span<const Kernels> available_kernels();
/// The fastest of them.
[[nodiscard]] inline const Kernels& kernels() { return available_kernels().front(); }

}  // namespace dynvert
