// A product with a matrix of few entries. Compiled once per instruction set: see kernels_isa.hpp.
#include <dynvert/models/kernels/kernels.hpp>
#include <dynvert/models/kernels/kernels_isa.hpp>

namespace dynvert::DYNVERT_ISA {

namespace {

template <typename Real>
constexpr std::size_t width = lanes * sizeof(double) / sizeof(Real);

/// Registers of rows that go together: as many sums as hide the latency of one addition.
constexpr std::size_t max_blocks = 4;

/// The rows of a register that there are; the others are 0.
template <typename Real, bool partial>
[[gnu::always_inline]] inline Register<Real> read(const Real* from, std::size_t rows) {
  if constexpr (!partial) return load<Register<Real>>(from);
  Real all[width<Real>] = {};
  for (std::size_t i = 0; i < rows; ++i) all[i] = from[i];
  return load<Register<Real>>(all);
}

template <typename Real, bool partial>
[[gnu::always_inline]] inline void write(Real* to, const Register<Real>& v, std::size_t rows) {
  if constexpr (!partial) return store(to, v);
  Real all[width<Real>];
  store(all, v);
  for (std::size_t i = 0; i < rows; ++i) to[i] = all[i];
}

/// `blocks` registers of rows, or one of fewer rows than it holds, from `row` on. The sources are copied side by side,
/// a block of them at a time: they lie far apart, each in a page of its own.
template <typename Real, std::size_t blocks, bool partial>
void tile(const SparseUpdate<Real>& job, std::size_t row) {
  using Vector = Register<Real>;
  constexpr std::size_t tile_rows = blocks * width<Real>;
  constexpr std::size_t line = 64 / sizeof(Real);
  constexpr std::size_t ahead = 16;  // columns of out
  const std::size_t rows = job.rows - row;
  alignas(64) Real packed[sparse_block * tile_rows];
  const std::uint32_t* start = job.starts;
  for (std::size_t first = 0; first < job.sources; first += sparse_block, start += job.outs) {
    const std::size_t count = job.sources - first < sparse_block ? job.sources - first : sparse_block;
    const bool last = first + count == job.sources;
    Vector total[blocks] = {};
    for (std::size_t j = 0; j < count; ++j) {
      const Real* from = job.source + (first + j) * job.source_stride + row;
      each<blocks>([&]<std::size_t b>() {
        const Vector v = read<Real, partial>(from + b * width<Real>, rows);
        store(packed + j * tile_rows + b * width<Real>, v);
        total[b] += v;
      });
      if (last) continue;
      for (std::size_t i = 0; i < tile_rows; i += line) __builtin_prefetch(from + sparse_block * job.source_stride + i);
    }
    each<blocks>([&]<std::size_t b>() { total[b] *= job.background; });
    for (std::size_t o = 0; o < job.outs; ++o) {
      Real* out = job.out + o * job.out_stride + row;
      for (std::size_t i = 0; i < tile_rows; i += line) __builtin_prefetch(out + ahead * job.out_stride + i);
      Vector sum[blocks];
      each<blocks>([&]<std::size_t b>() {
        sum[b] = total[b];
        if (first > 0 || job.adds) sum[b] += read<Real, partial>(out + b * width<Real>, rows);
      });
      for (std::uint32_t e = start[o]; e < start[o + 1]; ++e) {
        const Real* from = packed + job.indices[e] * tile_rows;
        const Real value = job.values[e];
        each<blocks>([&]<std::size_t b>() { sum[b] += load<Vector>(from + b * width<Real>) * value; });
      }
      each<blocks>([&]<std::size_t b>() {
        if (last) sum[b] *= job.scale;
        write<Real, partial>(out + b * width<Real>, sum[b], rows);
      });
    }
  }
}

template <typename Real>
void all_rows(const SparseUpdate<Real>& job) {
  constexpr std::size_t most = max_blocks * width<Real>;
  std::size_t row = 0;
  for (; row + most <= job.rows; row += most) tile<Real, max_blocks, false>(job, row);
  for (; row + width<Real> <= job.rows; row += width<Real>) tile<Real, 1, false>(job, row);
  if (row < job.rows) tile<Real, 1, true>(job, row);
}

}  // namespace

void sparse(const SparseUpdate<double>& job);
void sparse(const SparseUpdate<double>& job) { all_rows(job); }

void sparse_single(const SparseUpdate<float>& job);
void sparse_single(const SparseUpdate<float>& job) { all_rows(job); }

}  // namespace dynvert::DYNVERT_ISA
